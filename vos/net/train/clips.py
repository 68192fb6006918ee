"""Training clips of real videos, and of one frame and its mask; what every source of clips gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.net.train.cutouts import cut
from vos.net.train.data import Data, PictureFile, pick
from vos.net.train.motion import (
    Matrices,
    Motion,
    apply_about,
    make_transforms,
    random_hinge,
    random_path,
    random_ripple,
    shift,
)
from vos.net.train.scene import Layer, develop, render
from vos.types import Frame, Mask, object_ids

SMALLEST = 0.002  # of the canvas: an object smaller than this in the first frame is not worth following
ATTEMPTS = 100
SKIPS = (1, 2, 3, 5, 8, 12)
SHORT_SIDE = 288  # of the first frame in FirstFrameClips: enough for any crop, quick to inpaint


@dataclass(frozen=True, eq=False)
class Sample:
    """A training clip: frames uint8 (T, S, S, 3) RGB and label maps uint8 (T, S, S).

    At least one object is in the first frame; any may leave, be hidden and come back. Frames without
    annotation have a mask of zeros and are False in `annotated`, bool (T,); by default none is.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    annotated: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))

    def __post_init__(self) -> None:
        assert self.frames.dtype == self.masks.dtype == np.uint8
        assert self.frames.shape == (*self.masks.shape, 3)
        if not len(self.annotated):
            object.__setattr__(self, "annotated", np.ones(len(self.masks), bool))


class ClipSource(Protocol):
    """Whatever makes training clips."""

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return one clip; the same state of the generator gives the same clip."""


class Film(Protocol):
    """A source whose clips can be had as they are before light, blur and noise (`develop`)."""

    def film(self, rng: np.random.Generator) -> Sample:
        """Return one clip, to be developed."""


def keep(masks: NDArray[np.uint8], objects: int, rng: np.random.Generator) -> NDArray[np.uint8] | None:
    """Keep up to so many random objects large enough in the first frame, as 1..n; None without any."""
    area = np.bincount(masks[0].ravel(), minlength=256)
    ids = [i for i in object_ids(masks[0]) if area[i] >= SMALLEST * masks[0].size]
    if not ids:
        return None
    chosen = rng.permutation(ids)[:objects]
    table = np.zeros(256, np.uint8)
    table[chosen] = np.arange(1, len(chosen) + 1)
    return table[masks]


@dataclass(frozen=True)
class RealClips:
    """Videos with masks: random skips, either direction, flips, crops, zoom.

    Attributes:
        data: its videos are used.
        size: side of the square frames in pixels.
        length: frames in a clip.
        objects: at most this many objects are labelled.
        max_skip: the largest step from one frame to the next.
    """

    data: Data
    size: int
    length: int
    objects: int = 1
    max_skip: int = SKIPS[-1]

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return one clip.

        Raises:
            InvalidInput: no video is long enough, or none shows an object.
        """
        clip = self.film(rng)
        return Sample(develop(clip.frames, rng), clip.masks, clip.annotated)

    def film(self, rng: np.random.Generator) -> Sample:
        """Return one clip, to be developed; raises as `sample`."""
        videos = [video for video in self.data.videos.values() if len(video) >= self.length]
        for _ in range(ATTEMPTS if videos else 0):
            pictures = self._frames_of(pick(tuple(videos), rng), rng)
            annotated = np.array([p.mask is not None for p in pictures])
            if not annotated[0] or (self.length > 1 and not annotated[1:].any()):
                continue
            first = pictures[0].read_mask()
            if not object_ids(first):
                continue
            windows = self._windows(first, rng)
            masks = [p.read_mask() if p.mask else np.zeros_like(first) for p in pictures]
            kept = keep(self._warp(masks, windows, cv2.INTER_NEAREST), self.objects, rng)
            if kept is not None:
                frames = self._warp([p.read_frame() for p in pictures], windows, cv2.INTER_LINEAR)
                return Sample(frames, kept, annotated)
        raise InvalidInput(f"the training data has no video of {self.length} frames with an object")

    def _frames_of(self, video: tuple[PictureFile, ...], rng: np.random.Generator) -> list[PictureFile]:
        reach = (len(video) - 1) // (self.length - 1) if self.length > 1 else 1
        skip = rng.choice([s for s in SKIPS if s <= max(min(self.max_skip, reach), 1)])
        steps = rng.integers((skip + 1) // 2, skip + 1, self.length - 1)
        indices = np.r_[0, np.cumsum(steps)]
        indices += rng.integers(len(video) - indices[-1])
        return [video[i] for i in (indices[::-1] if rng.random() < 0.5 else indices)]

    def _windows(self, mask: Mask, rng: np.random.Generator) -> Matrices:
        """Return a zooming crop near the object, (T, 3, 3) from frame to canvas."""
        rows, columns = np.nonzero(mask)
        one = rng.integers(len(rows))
        x, y = (columns[one] + columns.mean()) / 2, (rows[one] + rows.mean()) / 2
        path = random_path(rng, self.length, rng.choice([0, 0, 0.4, 0.8]))
        path += np.r_[rng.normal(0, [0.1, 0, 0.05, 0.05]), rng.uniform(-0.2, 0.2, 2)]
        scale = self.size / mask.shape[0] / float(np.exp(rng.uniform(np.log(0.45), np.log(1.1))))
        mirror = rng.choice([-1, 1])
        moves = shift(self.size / 2, self.size / 2) @ make_transforms(path, self.size)
        return np.asarray(moves @ np.diag([mirror * scale, scale, 1]) @ shift(-x, -y))

    def _warp(self, pictures: list[NDArray[np.uint8]], windows: Matrices, how: int) -> NDArray[np.uint8]:
        size, border = (self.size, self.size), cv2.BORDER_REFLECT_101
        pairs = zip(pictures, windows, strict=True)
        return np.stack([cv2.warpAffine(p, w[:2], size, flags=how, borderMode=border) for p, w in pairs])


class FirstFrameClips:
    """Scenes made from one frame and its mask, to adapt a network to its objects.

    The objects are cut out and the hole filled; each moves on its own (affine and elastic) under a
    common camera (lucid dreaming: Khoreva et al., 2017).

    Args:
        frame: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W) label map with at least one object; the clips keep its ids.
        size: side of the square frames in pixels.
        length: frames in a clip.

    Raises:
        InvalidInput: the mask has no object, or none larger than a few pixels.
    """

    def __init__(self, frame: Frame, mask: Mask, size: int, length: int) -> None:
        scale = min(SHORT_SIDE / min(mask.shape), 1)
        small_wh = round(mask.shape[1] * scale), round(mask.shape[0] * scale)
        mask = np.asarray(cv2.resize(mask, small_wh, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        frame = np.asarray(cv2.resize(frame, small_wh, interpolation=cv2.INTER_AREA), np.uint8)
        self._ids = object_ids(mask)
        if not self._ids:
            raise InvalidInput("the first frame's mask has no object of more than a few pixels")
        hole = cv2.dilate(np.isin(mask, self._ids).astype(np.uint8), np.ones((9, 9), np.uint8))
        self.size, self.length = size, length
        self._background = np.asarray(cv2.inpaint(frame, hole, 5, cv2.INPAINT_TELEA), np.uint8)
        self._cutouts = [cut(frame, mask == i) for i in self._ids]

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return one clip; its first frame shows at least one of the objects.

        Raises:
            InvalidInput: they are too small to be seen.
        """
        for _ in range(ATTEMPTS):
            to_canvas = self._view(rng)
            layers = [self._moving(i, to_canvas, rng) for i in rng.permutation(len(self._cutouts))]
            frames, masks = render(Layer(self._background, Motion(to_canvas)), layers, self.size)
            if object_ids(masks[0]):
                return Sample(develop(frames, rng), masks)
        raise InvalidInput("the objects of the first frame are too small to make clips of")

    def _view(self, rng: np.random.Generator) -> Matrices:
        """Return a moving crop about one of the objects, (T, 3, 3) from the frame to the canvas."""
        height, width = self._background.shape[:2]
        cutout = pick(tuple(self._cutouts), rng)
        centre = np.array(cutout.origin_xy) + np.array(cutout.size_wh) / 2 + rng.normal(0, 0.1 * height, 2)
        path = random_path(rng, self.length, rng.choice([0.1, 0.25, 0.5]))
        path += np.r_[rng.normal(0, [0.05, 0, 0, 0]), rng.uniform(-0.1, 0.1, 2)]
        scale = self.size / min(height, width) / rng.uniform(0.5, 1)
        mirror = rng.choice([-1, 1])
        moves = shift(self.size / 2, self.size / 2) @ make_transforms(path, self.size)
        return np.asarray(moves @ np.diag([mirror * scale, scale, 1]) @ shift(*-centre))

    def _moving(self, index: int, to_canvas: Matrices, rng: np.random.Generator) -> Layer:
        cutout = self._cutouts[index]
        (x, y), (width, height) = cutout.origin_xy, cutout.size_wh
        path = random_path(rng, self.length, rng.choice([0.3, 0.7, 1.2]))
        canvas_px = self.size / Motion(to_canvas).largest_scale()
        own = apply_about(make_transforms(path, canvas_px), x + width / 2, y + height / 2)
        hinge = random_hinge(rng, cutout.size_wh, self.length)
        motion = Motion(to_canvas @ own @ shift(x, y), random_ripple(rng, self.size), hinge)
        return Layer(cutout.rgba, motion, self._ids[index])
