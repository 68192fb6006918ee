"""The built-in sample clip: a clownfish on a reef, drawn by code, with the exact mask of every frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from vos.errors import InvalidInput
from vos.types import Frame, Mask
from vos.video.sample import reef
from vos.video.sample.fish import Fish
from vos.video.sample.paint import Box, Camera, Floats, lay, pick

FPS = 30
SIZE_HW = (480, 854)
FRAMES = 90
MOST_FISH = 8
_SHOTS = 3  # pictures that are averaged to one frame
_SHUTTER = 0.5  # of a frame's time that it is open: motion blur
_MARGIN = (130, 60)  # points that the layers reach beyond the frame, sideways and up and down


def frames(
    count: int = FRAMES, size_hw: tuple[int, int] = SIZE_HW, objects: int = 1
) -> Iterator[tuple[Frame, Mask]]:
    """Yield the frames (H, W, 3) with their label maps (H, W); the same on every call.

    The motion goes on for ever, so `count` may be anything. A pixel belongs to an object where the
    object, less what is in front of it, covers more than half of it, averaged over the shutter's
    time. Object 1 is the fish that passes behind the kelp; a look-alike crosses its way, which is
    object 2 if `objects`, 1 to 8, says so; more fish come with more objects.
    """
    if not 1 <= objects <= MOST_FISH:
        raise InvalidInput(f"the sample has 1 to {MOST_FISH} objects; {objects} were asked for")
    scene = _scene(size_hw, objects)
    for index in range(count):
        yield scene.frame(index)


@lru_cache
def version() -> str:
    """Return what changes when the code that draws the clip does, a few letters."""
    files = (Path(__file__).with_name(f"{name}.py") for name in ("__init__", "reef", "fish", "paint"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def prompt(size_hw: tuple[int, int] = SIZE_HW, objects: int = 1) -> Mask:
    """Return the label map (H, W) of the first frame."""
    return next(frames(1, size_hw, objects))[1]


def write(path: Path, count: int = FRAMES, size_hw: tuple[int, int] = SIZE_HW) -> None:
    """Write the clip as an MP4, whole or not at all."""
    from vos.video.write import VideoWriter  # loads PyAV, which the frames do without

    with VideoWriter(path, size_hw, fps=Fraction(FPS)) as video:
        for index, (frame, _) in enumerate(frames(count, size_hw)):
            video.add(frame, index * 90_000 // FPS)


class _Scene:
    """Everything that is drawn once, and `frame`, which puts it together."""

    def __init__(self, size_hw: tuple[int, int], objects: int):
        self.size_hw, self.objects = size_hw, objects
        self.scale = size_hw[0] / 480
        wide, high = size_hw[1] / 2 / self.scale + _MARGIN[0], 240 + _MARGIN[1]
        self.water_box, self.ground_box = (-wide, -high, wide, high), (-wide, -60.0, wide, high)
        self.water = reef.backdrop(self.water_box, self.scale)
        self.ground = reef.floor(self.ground_box, self.scale)
        self.kelp = reef.kelp(self.scale * 1.1)
        self.school = [Fish(index, self.scale) for index in range(max(2, objects))]

    def frame(self, index: int) -> tuple[Frame, Mask]:
        """Return one frame and its label map: the mean of what is seen while the shutter is open."""
        middle_s = (index + _SHUTTER / 2) / FPS
        net = reef.caustics(middle_s)
        light = reef.ground_light(middle_s, Camera(middle_s, self.size_hw), net, self.school)
        picture = np.zeros((*self.size_hw, 3), np.float32)
        cover = np.zeros((self.objects, *self.size_hw), np.float32)
        for shot in range(_SHOTS):
            self._shoot((index + (shot + 0.5) / _SHOTS * _SHUTTER) / FPS, light, net, picture, cover)
        mask = np.zeros(self.size_hw, np.uint8)
        for label, covered in enumerate(cover, 1):
            mask[covered > _SHOTS / 2] = label
        return self._develop(picture * np.float32(1 / _SHOTS), middle_s, index), mask

    def _shoot(self, t: float, light: Floats, net: Floats, picture: Floats, cover: Floats) -> None:
        """Add to the picture (H, W, 3) what is seen at one moment, to the cover what each object covers."""
        camera = Camera(t, self.size_hw)
        _, seen = self._place(self.water, self.water_box, camera, 0.35)  # fills the frame
        box, patch = self._place(self.ground, self.ground_box, camera, 0.72)
        lay(seen, box, np.asarray(cv2.multiply(patch, light[box]), np.float32))
        own = np.zeros_like(cover)
        for one in reversed(self.school):
            box, patch = one.draw(t, camera, net)
            lay(seen, box, patch)
            own[:, *box] *= 1 - patch[..., 3]
            if one.index < self.objects:
                own[one.index, *box] += patch[..., 3]
        box, patch = reef.sway(self.kelp, t, camera)
        lay(seen, box, patch)
        own[:, *box] *= 1 - patch[..., 3]
        picture += seen
        cover += own

    def _place(
        self, layer: Floats, corners: tuple[float, ...], camera: Camera, near: float
    ) -> tuple[Box, Floats]:
        """Return the part of the frame that a layer over a box of points is in, and the layer there."""
        left, top, right, bottom = corners
        matrix = camera.matrix(near)
        box = camera.part([matrix @ (x, y, 1) for x in (left, right) for y in (top, bottom)])
        x, y = camera.points(box, near)
        return box, pick(layer, (x - left) * self.scale, (y - top) * self.scale)

    def _develop(self, picture: Floats, t: float, index: int) -> Frame:
        """Return the frame: shafts of light, vignette, grain of the sensor, eight bits."""
        height, width = self.size_hw
        x, y = Camera(t, self.size_hw).points(np.s_[0:height, 0:width], 0.3, max(1, height // 120))
        far = (x / x.max()) ** 2 + (y / y.max()) ** 2
        shaft = 0.34 * reef.rays(x, y, t)[..., None] * np.array([0.8, 1.0, 0.95], np.float32)
        bright = (1.13 - 0.19 * far)[..., None]
        gain, lift = ((1 - 0.6 * shaft) * bright).astype("f4"), (shaft * bright).astype("f4")
        for soft, combine in ((gain, cv2.multiply), (lift, cv2.add)):
            whole = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
            combine(picture, whole, dst=picture)
        grain = np.random.default_rng([7, index]).standard_normal(picture.shape, np.float32)
        picture += grain * (0.006 + 0.007 * picture)
        return np.asarray(cv2.convertScaleAbs(picture.clip(0), alpha=255), np.uint8)


@lru_cache(maxsize=1)
def _scene(size_hw: tuple[int, int], objects: int) -> _Scene:
    """Return the scene, kept for the next call: its pictures take a second to draw."""
    return _Scene(size_hw, objects)
