"""Validation of a network while it trains: J and F of its engine on held-out sequences with masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import nn

from vos.metrics import boundary_f, jaccard
from vos.net.engines import memory
from vos.net.train.checkpoint import save_weights
from vos.net.train.data import Picture
from vos.types import Device, Frame, Prediction, Prompt, VideoInfo

SHORT_SIDE = 288  # that of the training videos
FPS = 24


@dataclass(frozen=True)
class Pictures:
    """A sequence of pictures as a clip; see vos.types.Clip."""

    pictures: tuple[Picture, ...]

    @property
    def info(self) -> VideoInfo:
        """Size and number of the pictures."""
        height, width = self.pictures[0].read_frame().shape[:2]
        count = len(self.pictures)
        return VideoInfo("images", "images", width, height, Fraction(FPS), count, count / FPS)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures in order."""
        return self.sample(range(len(self.pictures)))

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the pictures at these indices."""
        return (self.pictures[i].read_frame() for i in indices)


@dataclass(frozen=True)
class HeldOut:
    """Scores a memory network on sequences that it does not learn from."""

    videos: Mapping[str, tuple[Picture, ...]]
    device: Device
    scratch: Path

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return `score` (the mean of `j` and `f`), `j`, `f`, and the score of each sequence, 0..1."""
        try:
            save_weights(network, self.scratch)
            weights = {memory.WEIGHTS[0].name: self.scratch}
            engine = memory.build(weights, self.device, memory.Options(short_side=SHORT_SIDE))
        finally:
            self.scratch.unlink(missing_ok=True)
        each = {name: _scores(engine, pictures) for name, pictures in self.videos.items()}
        j, f = np.mean(list(each.values()), axis=0).tolist()
        return {"score": (j + f) / 2, "j": j, "f": f} | {name: sum(jf) / 2 for name, jf in each.items()}


def _scores(engine: memory.MemorySegmenter, pictures: tuple[Picture, ...]) -> tuple[float, float]:
    """Return the mean J and F over a sequence's frames without the first and the last, objects as one."""
    prompt = Prompt(0, pictures[0].read_mask())
    j, f = [], []
    predictions = (p for p in engine.segment(Pictures(pictures), [prompt]) if isinstance(p, Prediction))
    for index, prediction in enumerate(predictions):
        if 0 < index < len(pictures) - 1:
            truth, mask = pictures[index].read_mask() > 0, prediction.mask > 0
            j.append(jaccard(truth, mask))
            f.append(boundary_f(truth, mask))
    return float(np.mean(j)), float(np.mean(f))
