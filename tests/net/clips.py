"""A tiny clip in memory, with exact masks: squares that move over noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vos.types import Frame, Mask, VideoInfo


@dataclass(eq=False)
class MemoryClip:
    frames: list[Frame]

    @property
    def info(self) -> VideoInfo:
        h, w = self.frames[0].shape[:2]
        count = len(self.frames)
        return VideoInfo("test", "raw", w, h, Fraction(25), count, count / 25)

    def __iter__(self) -> Iterator[Frame]:
        yield from self.frames

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        for index in indices:
            yield self.frames[index]


COLOURS = {1: (220, 40, 40), 2: (40, 60, 230), 3: (240, 230, 50), 4: (30, 220, 60)}
CORNERS = {1: (16, 16), 2: (16, 140), 3: (88, 16), 4: (88, 140)}  # y, x of each square's first corner


def squares(
    objects: Sequence[int] = (1,), count: int = 6, size_hw: tuple[int, int] = (144, 208), side: int = 36
) -> tuple[MemoryClip, list[Mask]]:
    """Return a clip of coloured squares that move two pixels a frame to the right, and its masks."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(90, 140, (size_hw[0] // 4 + 1, size_hw[1] // 4 + 1, 3))
    background = np.kron(coarse, np.ones((4, 4, 1)))[: size_hw[0], : size_hw[1]].astype(np.uint8)
    texture = np.kron(rng.integers(-20, 20, (side // 4, side // 4, 1)), np.ones((4, 4, 1)))
    frames, masks = [], []
    for t in range(count):
        frame, mask = background.copy(), np.zeros(size_hw, np.uint8)
        for i in objects:
            y, x = CORNERS[i][0], CORNERS[i][1] + 2 * t
            room = frame[y : y + side, x : x + side].shape
            patch = np.clip(np.array(COLOURS[i]) + texture, 0, 255)
            frame[y : y + side, x : x + side] = patch[: room[0], : room[1]]
            mask[y : y + side, x : x + side] = i
        frames.append(frame)
        masks.append(mask)
    return MemoryClip(frames), masks


def iou(a: np.ndarray, b: np.ndarray) -> float:
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0
