"""The clownfish of the sample clip, drawn in units of its body's length."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

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
    sine,
    smooth,
)

BODY: Points = (
    *((0.5, 0.02), (0.45, -0.07), (0.3, -0.17), (0.08, -0.235), (-0.15, -0.2), (-0.36, -0.095)),
    *((-0.5, -0.065), (-0.5, 0.075), (-0.36, 0.11), (-0.12, 0.21), (0.12, 0.235), (0.33, 0.17)),
    (0.45, 0.085),
)
FINS: tuple[tuple[tuple[float, float], Points], ...] = (  # where its rays meet, outline
    (
        (-0.36, 0.01),
        (
            *((-0.46, -0.06), (-0.58, -0.15), (-0.69, -0.175), (-0.745, -0.1), (-0.765, 0.01)),
            *((-0.745, 0.12), (-0.69, 0.18), (-0.58, 0.155), (-0.46, 0.07)),
        ),
    ),
    (
        (-0.05, 0.25),
        (
            *((0.22, -0.18), (0.12, -0.285), (0.0, -0.3), (-0.08, -0.262), (-0.17, -0.3)),
            *((-0.29, -0.29), (-0.375, -0.2), (-0.36, -0.08), (-0.1, -0.15)),
        ),
    ),
    ((-0.1, 0.0), ((-0.05, 0.19), (-0.13, 0.29), (-0.25, 0.315), (-0.36, 0.235), (-0.36, 0.09))),
    ((0.2, 0.1), ((0.2, 0.19), (0.17, 0.3), (0.08, 0.35), (0.02, 0.29), (0.06, 0.2))),
)
PECTORAL: Points = ((0.16, 0.04), (0.08, -0.03), (-0.02, -0.03), (-0.075, 0.05), (-0.04, 0.13), (0.07, 0.15))
SIZE = (1.62, 0.84)  # of a fish's picture, in body lengths; the middle of the body is in its middle


def draw_fish(seed: int, length: float, scale: float) -> Floats:
    """Return a clownfish (H, W, 4) seen from its right, nose to the right; seeds differ like siblings."""
    rng = np.random.default_rng([seed, 1])
    pixels = length * scale
    size_hw = (round(SIZE[1] * pixels), round(SIZE[0] * pixels))
    origin = (-SIZE[0] / 2, -SIZE[1] / 2)
    y, x = np.mgrid[: size_hw[0], : size_hw[1]].astype(np.float32) / pixels
    x, y = x + origin[0], y + origin[1]
    hue = rng.uniform(-0.05, 0.05)
    body = fill(smooth(BODY), origin, pixels, size_hw)
    skin = _skin(x, y, hue, rng)
    light, gloss = dome(body)
    grain = noise(rng, size_hw, 20, 3)
    scales = 0.5 + 0.5 * np.sin(150 * x + 40 * y) * np.sin(150 * y - 30 * x)
    shade = (0.55 + 0.55 * light) * (0.9 + 0.08 * scales + 0.08 * grain)
    picture = np.zeros((*size_hw, 4), np.float32)
    for root, outline in FINS:
        picture = over(picture, _fin(x, y, root, fill(smooth(outline), origin, pixels, size_hw), pixels, hue))
    picture = over(picture, layer(skin * shade[..., None] + 0.18 * gloss[..., None], body))
    pectoral = fill(smooth(PECTORAL), origin, pixels, size_hw)
    shadow = cv2.GaussianBlur(pectoral, (0, 0), 0.025 * pixels)
    picture[..., :3] *= 1 - 0.35 * (shadow * body)[..., None]
    picture = over(picture, _fin(x, y, (0.2, 0.06), pectoral, pixels, hue))
    return _face(picture, x, y, pixels)


def _skin(x: Floats, y: Floats, hue: float, rng: np.random.Generator) -> Floats:
    """Return the colours of the body (H, W, 3): orange, lighter below, with three white bands edged black."""
    skin = mix((0.86, 0.27 + hue, 0.03), (1.0, 0.62 + hue, 0.16), ((y + 0.2) / 0.4).clip(0, 1))
    wobble = 0.006 * np.sin(37 * y + rng.uniform(0, 6))
    for middle, bulge, width in ((0.245, 0.35, 0.047), (-0.055, -0.06, 0.058), (-0.41, 0.0, 0.034)):
        shift, grow = rng.uniform(-0.015, 0.015), rng.uniform(0.85, 1.15)
        half = width * grow * (1 + 0.5 * np.exp(-((y / 0.09) ** 2)) * (middle < 0.2))
        gap = np.abs(x - middle - shift + bulge * y * y * 2 + wobble) - half
        skin = mix(skin, (0.05, 0.03, 0.04), edge(gap - 0.02, 0.012))
        skin = mix(skin, (0.97, 0.96, 0.93), edge(gap, 0.012))
    return skin


def _fin(x: Floats, y: Floats, root: tuple[float, float], cover: Floats, pixels: float, hue: float) -> Floats:
    """Return one fin: orange with rays from its root, a black edge and a light rim."""
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / pixels
    angle, reach = np.arctan2(y - root[1], x - root[0]), np.hypot(x - root[0], y - root[1])
    rays = 0.5 + 0.5 * np.sin(55 * angle)
    colour = mix((0.93, 0.36 + hue, 0.05), (1.0, 0.58 + hue, 0.18), rays * (reach * 3).clip(0, 1))
    far = (reach / reach[cover > 0.5].max()) ** 3
    colour = mix(colour, (0.06, 0.04, 0.05), far * edge(inside - 0.03, 0.018))
    colour = mix(colour, (0.8, 0.85, 0.9), far * edge(inside - 0.006, 0.006))
    return layer(colour * 0.92, cover)


def _face(picture: Floats, x: Floats, y: Floats, pixels: float) -> Floats:
    """Draw the eye, the mouth and the gill."""

    def disc(cx: float, cy: float, radius: float) -> Floats:
        return edge(np.hypot(x - cx, y - cy) - radius, 1 / pixels)

    for colour, place in (
        ((0.75, 0.3, 0.05), disc(0.378, -0.045, 0.041)),
        ((0.06, 0.05, 0.06), disc(0.38, -0.045, 0.033)),
        ((0.95, 0.55, 0.15), disc(0.38, -0.045, 0.026)),
        ((0.02, 0.02, 0.03), disc(0.382, -0.045, 0.02)),
        ((1.0, 1.0, 1.0), disc(0.39, -0.054, 0.008)),
    ):
        picture = over(picture, layer(colour, place))
    mouth = edge(np.abs(y - 0.045 - 0.25 * (0.5 - x)) - 0.004, 1 / pixels) * (x > 0.435)
    gill = edge(np.abs(np.hypot(x - 0.36, (y - 0.02) * 0.8) - 0.16) - 0.003, 1 / pixels)
    gill *= (x < 0.3) & (np.abs(y) < 0.13)
    picture[..., :3] *= (1 - 0.6 * mouth - 0.3 * gill)[..., None]
    return picture


class Fish:
    """One fish: its looks, and its pose at any time."""

    def __init__(self, index: int, scale: float):
        self.index = index
        self.length = (150.0, 128.0, 96.0, 104.0, 88.0, 100.0, 84.0, 92.0)[index]
        self.haze = (0.0, 0.1, 0.25, 0.2, 0.3, 0.2, 0.3, 0.25)[index]
        self.picture = draw_fish(index, self.length, scale * 1.25)

    def pose(self, t: float) -> tuple[float, float, float, float, float]:
        """Return x and y of the middle in points, pitch and yaw in radians, and the size."""
        if self.index == 0:
            x, y = -35 - 195 * sine(t, 7.2, 0.25), -28 + 42 * sine(t, 2.7, 0.08)
            pitch = 0.36 * sine(t, 2.7, 0.33)
            return x, y, pitch, 0.15 + 0.65 * sine(t, 3.1, 0.4), 1 + 0.15 * sine(t, 3.7)
        if self.index == 1:
            x, y = 20 + 215 * sine(t, 7.6, 0.22), 80 + 24 * sine(t, 3.1, 0.3)
            return x, y, -0.25 * sine(t, 3.1, 0.55), math.pi + 0.5 * sine(t, 2.9), 1.0
        k = self.index - 2
        x = (-280, 255, -130, 290, 130, -300)[k] + 60 * sine(t, 5 + k, 0.15 * k)
        y = (-150, -165, -170, 20, -120, 60)[k] + 22 * sine(t, 3 + 0.4 * k, 0.3 * k)
        return x, y, 0.2 * sine(t, 3, 0.2 * k), math.pi * (k % 2) + 0.5 * sine(t, 4, 0.1 * k), 1.0

    def draw(self, t: float, camera: Camera, net: Floats) -> tuple[Box, Floats]:
        """Return the part of the frame that the fish is in, and the fish there (h, w, 4).

        `net` is the light of the waves (`reef.caustics`), which plays on its back.
        """
        x, y, pitch, yaw, size = self.pose(t)
        matrix = camera.matrix(1)
        centre = matrix @ (x, y, 1)
        unit = self.length * size
        reach = np.array([0.85, 0.7]) * unit * np.hypot(*matrix[:, 0])
        box = camera.part([centre - reach, centre + reach])
        px, py = camera.points(box, 1)
        dx, dy = (px - x) / unit, (py - y) / unit
        body, bent, lit = _bend(t, yaw, self.index)
        u = np.interp(dx * math.cos(pitch) + dy * math.sin(pitch), *body).astype(np.float32)
        v = dy * math.cos(pitch) - dx * math.sin(pitch) - np.interp(u, *bent).astype(np.float32)
        scale = self.picture.shape[1] / SIZE[0]
        patch = pick(self.picture, (u + SIZE[0] / 2) * scale, (v + SIZE[1] / 2) * scale)
        dapple = cv2.resize(net[:48, :48], patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        shade = np.interp(u, *lit) * (0.95 + 0.3 * dapple * (0.5 - 1.5 * v).clip(0, 1))
        clear = 0.94 - self.haze
        for channel, haze in enumerate(HAZE):
            patch[..., channel] *= shade * clear
            patch[..., channel] += patch[..., 3] * (haze * (1 - clear))
        return box, patch


_Table = tuple[NDArray[np.float64], NDArray[np.float64]]  # for np.interp: where, what


def _bend(t: float, yaw: float, index: int) -> tuple[_Table, _Table, _Table]:
    """Return where along the fish a place on the picture is, how far it is bent down there, and how lit.

    The fish is a ribbon whose direction swings more towards its tail; what turns away gets shorter.
    """
    u = np.linspace(-SIZE[0] / 2, SIZE[0] / 2, 200)
    tail = (0.35 - u).clip(0) ** 1.4
    beat = 2 * math.pi * 2.1 * t + index
    facing = np.cos(yaw + 0.85 * tail * np.sin(beat + 4 * u))
    facing = np.copysign(np.abs(facing).clip(0.2), math.cos(yaw))
    x = np.cumsum(facing) * (u[1] - u[0])
    x -= np.interp(0.05, u, x)
    down = 0.1 * tail * math.sin(beat / 2 + 1) + 0.05 * u * u
    order = np.argsort(x)
    return (x[order], u[order]), (u, down), (u, 0.86 + 0.2 * np.abs(facing))
