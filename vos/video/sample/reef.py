"""The scenery of the sample clip: water, sea floor with rocks and corals, kelp, and the light on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from vos.video.sample.fish import Fish
from vos.video.sample.paint import (
    HAZE,
    Box,
    Camera,
    Floats,
    Points,
    dome,
    edge,
    fill,
    layer,
    mix,
    noise,
    over,
    pick,
    smooth,
)

Shades = tuple[tuple[float, float, float], tuple[float, float, float]]  # below, above
HORIZON = 62.0  # where the sand begins, points below the middle of the picture
KELP_BOX = (-190.0, -330.0, 190.0, 330.0)  # left, top, right, bottom, points
_ROCKS = (  # x, y, half width, half height, haze; far ones first
    *((-330, 78, 90, 55, 0.5), (-220, 92, 60, 30, 0.45), (330, 74, 100, 70, 0.5), (210, 84, 50, 26, 0.5)),
    *((-400, 120, 130, 100, 0.2), (-300, 150, 70, 44, 0.15), (395, 120, 120, 120, 0.2)),
    *(
        (300, 158, 80, 46, 0.12),
        (-120, 108, 34, 16, 0.35),
        (120, 200, 40, 20, 0.05),
        (-190, 225, 60, 30, 0.0),
    ),
)
_CORALS: tuple[tuple[float, float, float, Shades], ...] = (  # x, y, size
    (-352, 70, 78, ((0.55, 0.16, 0.34), (0.98, 0.5, 0.62))),
    (-285, 128, 58, ((0.6, 0.33, 0.1), (1.0, 0.78, 0.36))),
    (345, 60, 84, ((0.3, 0.22, 0.55), (0.68, 0.6, 0.95))),
    (285, 138, 60, ((0.62, 0.2, 0.16), (1.0, 0.56, 0.42))),
    (-195, 205, 36, ((0.1, 0.42, 0.38), (0.5, 0.86, 0.7))),
)


class Canvas:
    """A layer (H, W, 4) that covers a box of points (left, top, right, bottom), to stamp shapes on."""

    def __init__(self, box: tuple[float, float, float, float], scale: float):
        self.left, self.top, right, bottom = box
        self.scale = scale
        self.pixels = np.zeros(
            (round((bottom - self.top) * scale), round((right - self.left) * scale), 4), "f4"
        )

    def grid(self) -> tuple[Floats, Floats]:
        """Return x and y, in points, of every pixel's middle."""
        y, x = np.mgrid[: self.pixels.shape[0], : self.pixels.shape[1]].astype(np.float32) + 0.5
        return x / self.scale + self.left, y / self.scale + self.top

    def shape(
        self,
        outline: Points,
        shades: Shades,
        rng: np.random.Generator,
        *,
        grain: float = 0.25,
        haze: float = 0.0,
    ) -> None:
        """Lay a rounded, grainy shape over what is there; it takes one number from `rng` at any scale."""
        own = np.random.default_rng(rng.integers(1 << 32))
        curve = smooth(outline, 8)
        corner = (self.left, self.top)
        low = np.floor((curve.min(0) - corner) * self.scale).astype(int) - 2
        high = np.ceil((curve.max(0) - corner) * self.scale).astype(int) + 2
        left, top = np.maximum(low, 0).tolist()
        right, bottom = np.minimum(high, self.pixels.shape[1::-1]).tolist()
        if right - left < 3 or bottom - top < 3:
            return
        size_hw = (bottom - top, right - left)
        cover = fill(curve, (left / self.scale + self.left, top / self.scale + self.top), self.scale, size_hw)
        if cover.max() < 0.6:
            return
        light, gloss = dome(cover)
        rough = noise(own, size_hw, max(2, size_hw[0] / self.scale / 14), 4)
        height = np.linspace(1, 0, size_hw[0], dtype=np.float32)[:, None]
        colour = mix(*shades, (height + rough - 0.5).clip(0, 1))
        colour *= ((0.35 + 0.85 * light) * (1 + grain * (2 * rough - 1)))[..., None]
        colour += 0.06 * gloss[..., None]
        here = np.s_[top:bottom, left:right]
        self.pixels[here] = over(self.pixels[here], layer(mix(colour, HAZE, haze), cover))


def backdrop(box: tuple[float, float, float, float], scale: float) -> Floats:
    """Return open water (H, W, 3): bright above, deep below, two far ridges in the haze."""
    canvas = Canvas(box, scale)
    x, y = canvas.grid()
    rng = np.random.default_rng(11)
    down = ((y + 240) / 400).clip(0, 1)
    water = mix((0.42, 0.8, 0.84), (0.1, 0.42, 0.55), down**0.7)
    glow = np.exp(-(((x + 110) / 260) ** 2) - ((y + 270) / 190) ** 2)
    water = mix(water, (0.86, 0.97, 0.94), 0.75 * glow)
    cloud = noise(rng, canvas.pixels.shape[:2], 3, 4)
    water *= (0.94 + 0.12 * cloud)[..., None]
    for base, rise, tone in ((35, 75, 0.3), (62, 60, 0.55)):
        ridge = np.interp(x[0], np.linspace(-700, 700, 896), noise(rng, (64, 896), 1, 4)[32])
        hill = edge(base - rise * ridge - y, 6.0) * (1 - 0.5 * ((y - base) / 120).clip(0, 1))
        water = mix(water, mix(HAZE, (0.05, 0.24, 0.34), tone), 0.7 * hill)
    return water


def floor(box: tuple[float, float, float, float], scale: float) -> Floats:
    """Return the sand, rocks and corals (H, W, 4), empty above them."""
    canvas = Canvas(box, scale)
    x, y = canvas.grid()
    rng = np.random.default_rng(18)
    bumps = noise(rng, canvas.pixels.shape[:2], 6, 6)
    near = ((y - HORIZON) / 200).clip(0, 1)
    ripples = np.sin(70 * np.log1p(near * 6) + 9 * bumps + x / 60)
    sand = mix(mix(HAZE, (0.55, 0.68, 0.62), 0.6), (0.84, 0.77, 0.6), near**0.6)
    sand *= (0.86 + 0.2 * bumps + 0.05 * ripples * near)[..., None]
    grains = np.random.default_rng(16).random(y.shape, np.float32)
    sand *= (1 + 0.12 * (grains - 0.5) * near)[..., None]
    wave = 7 * np.sin(x / 90) + 5 * np.sin(x / 37 + 1)
    canvas.pixels[:] = layer(sand, edge(HORIZON + wave - y, 5.0))
    for rock in _ROCKS:
        _rock(canvas, *rock, rng)
    for coral in _CORALS:
        _fingers(canvas, *coral, rng)
    return canvas.pixels


def _rock(
    canvas: Canvas, cx: float, cy: float, wide: float, high: float, haze: float, rng: np.random.Generator
) -> None:
    """Put a rock on the sand, its soft shadow under it."""
    x, y = canvas.grid()
    shadow = np.exp(
        -(((x - cx - 18) / (wide * 1.15)) ** 4) - ((y - cy - high * 0.62) / (high * 0.35 + 6)) ** 2
    )
    canvas.pixels[..., :3] *= (1 - 0.5 * shadow)[..., None]
    angles = np.linspace(0, 2 * math.pi, 13, endpoint=False)
    radius = 1 + rng.uniform(-0.13, 0.09, 13)
    flat = np.where(np.sin(angles) > 0, 0.55, 1.0)  # a rock lies on its flat side
    points = np.stack([cx + wide * radius * np.cos(angles), cy + high * radius * flat * np.sin(angles)], 1)
    shades = ((0.2, 0.19, 0.25), (0.62, 0.52, 0.46))
    canvas.shape(points.tolist(), shades, rng, grain=0.5, haze=haze)


def _fingers(
    canvas: Canvas, cx: float, cy: float, size: float, shades: Shades, rng: np.random.Generator
) -> None:
    """Grow a finger coral: rounded stalks that fan out, the outer ones behind."""
    for lean in sorted(rng.uniform(-0.9, 0.9, 13), key=abs, reverse=True):
        length, half = size * rng.uniform(0.6, 1) * (1 - 0.35 * abs(lean)), size * rng.uniform(0.07, 0.1)
        along = np.array([math.sin(lean), -math.cos(lean)])
        across = np.array([-along[1], along[0]])
        foot = np.array([cx + 0.35 * size * lean, cy + 0.1 * size])
        middle = foot + along * length * 0.5 + across * rng.uniform(-0.15, 0.15) * length
        end = foot + along * length
        right = (foot + across * half, middle + across * half * 1.1, end + across * half * 0.9)
        left = (end - across * half * 0.9, middle - across * half * 1.1, foot - across * half)
        points = np.array([*right, end + along * half, *left])
        canvas.shape(points.tolist(), shades, rng, grain=0.2, haze=0.12)


def kelp(scale: float) -> Floats:
    """Return a few strands of kelp (H, W, 4) that grow in KELP_BOX from its bottom."""
    canvas = Canvas(KELP_BOX, scale)
    rng = np.random.default_rng(13)
    for root, lean, top, tone in ((110, -40, -40, 0.75), (-52, 46, 10, 0.85), (34, -22, -15, 1.05)):
        ys = np.arange(KELP_BOX[3], top, -30.0)
        xs = root + lean * (KELP_BOX[3] - ys) / 660 + 13 * np.sin(ys / 95 + root)
        stem = [*zip(xs - 2.6, ys, strict=True), *zip(xs[::-1] + 2.6, ys[::-1], strict=True)]
        canvas.shape(stem, ((0.16 * tone, 0.2 * tone, 0.05), (0.3 * tone, 0.33 * tone, 0.09)), rng)
        y, side = KELP_BOX[3], 1
        while y > top:
            _leaf(canvas, float(np.interp(-y, -ys, xs)), y, side, rng, tone)
            y, side = y - rng.uniform(15, 34), -side
    return canvas.pixels


def _leaf(canvas: Canvas, x: float, y: float, side: int, rng: np.random.Generator, tone: float) -> None:
    length, half, lift = rng.uniform(40, 70), rng.uniform(6.5, 10), rng.uniform(0.35, 1.25)
    along = np.array([side * math.cos(lift), -math.sin(lift)])
    across = np.array([along[1], -along[0]])
    droop = np.array([0, rng.uniform(0.05, 0.4) * length])
    steps = np.array([0, 0.12, 0.3, 0.5, 0.7, 0.88, 1])[:, None]
    spine = (x, y) + along * length * steps + droop * steps**2
    spine = spine + across * 3 * np.sin(5 * steps + rng.uniform(0, 6))
    wide = np.array([0.12, 0.5, 0.9, 1.0, 0.8, 0.4, 0.02])[:, None] * half * across
    one, other = (spine + k * wide * rng.uniform(0.75, 1.2, (7, 1)) for k in (1, -1))
    shades = ((0.2 * tone, 0.27 * tone, 0.05), (0.66 * tone, 0.64 * tone, 0.17))
    canvas.shape(np.vstack([one, other[::-1]]).tolist(), shades, rng, grain=0.3)


def sway(picture: Floats, t: float, camera: Camera) -> tuple[Box, Floats]:
    """Return the part of the frame that the kelp is in, and the kelp there (h, w, 4), bent by the swell."""
    left, top, right, bottom = KELP_BOX
    matrix = camera.matrix(1.12)
    box = camera.part([matrix @ (x, y, 1) for x in (left, right) for y in (top, bottom)])
    x, y = camera.points(box, 1.12)
    height = ((bottom - y) / (bottom - top)).clip(0)
    bent = x - 22 * height**1.3 * np.sin(2 * math.pi * t / 2.9 - 2.2 * height + x / 160)
    scale = picture.shape[1] / (right - left)
    return box, pick(picture, (bent - left) * scale, (y - top) * scale)


def caustics(time_s: float, size: int = 96, cells: int = 42) -> Floats:
    """Return the net of light under waves, a tile (size, size) that repeats, 0..1.

    Bright where the two nearest of some wandering points are equally far: the seams of their cells.
    """
    rng = np.random.default_rng(14)
    home, phase, rate = rng.random((3, cells, 2))
    points = home + 0.045 * np.sin(1.2 * (1 + rate) * time_s + 2 * math.pi * phase)
    axis = (np.arange(size) + 0.5) / size
    gap = np.abs(axis[:, None, None] - points) % 1  # (size, cells, 2)
    square = np.minimum(gap, 1 - gap).astype(np.float32) ** 2
    distance = np.sqrt(square[:, None, :, 1] + square[None, :, :, 0])  # (size, size, cells)
    first, second = np.moveaxis(np.partition(distance, 1, axis=2)[..., :2], 2, 0)
    seams = np.exp(-30 * (second - first))
    return np.asarray(cv2.GaussianBlur(seams, (0, 0), 0.8), np.float32)


def rays(x: Floats, y: Floats, time_s: float) -> Floats:
    """Return shafts of sunlight, 0..1, at points x, y (H, W)."""
    rng = np.random.default_rng(15)
    angle = np.arctan2(x + 110, y + 520)
    streaks = np.ones_like(angle)
    for speed, fine in ((0.05, 40), (-0.035, 27)):
        knots = rng.random(4 * fine)
        streaks = streaks * np.interp(
            angle * fine + speed * fine * time_s + 2 * fine, np.arange(4 * fine), knots
        )
    fade = np.exp(-((angle - 0.12) ** 2) / 0.16) * np.exp(-(((y + 240) / 330).clip(0) ** 2) * 1.6)
    return np.asarray(streaks * fade, np.float32)


def ground_light(t: float, camera: Camera, net: Floats, school: Sequence[Fish]) -> Floats:
    """Return the light on the ground (H, W, 4), about 1: the net of the waves, shadows of the fish.

    The fourth channel, for the coverage, is 1.
    """
    height, width = camera.size_hw
    frame, step = np.s_[0:height, 0:width], max(1, height // 120)
    x, y = camera.points(frame, 0.72, step)
    depth = 60 / (y - HORIZON + 45).clip(12)
    shine = pick(net, (x * depth / 110 % 1) * net.shape[1], (depth * 2.2 % 1) * net.shape[0])
    light = np.asarray(0.86 + 0.6 * shine, np.float32)
    x, y = camera.points(frame, 1, step)
    for one in school:
        fx, fy, _, yaw, size = one.pose(t)
        wide, high = one.length * size * (0.2 + 0.28 * abs(math.cos(yaw))), one.length * size * 0.11
        far = ((x - fx - 22) / wide) ** 2 + ((y - 168 - 0.15 * fy) / high) ** 2
        light *= 1 - 0.5 * np.exp(-far)
    whole = cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.merge([whole, whole, whole, np.ones_like(whole)]), np.float32)
