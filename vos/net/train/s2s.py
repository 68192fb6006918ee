"""The recipe of the sequence-to-sequence networks: ever longer clips, some annotated on a few frames only.

After Xu et al. (ECCV 2018), section 4.3: T frames, 5 to 11; cross entropy on annotated frames. The optimizer
is the loop's AdamW instead of Adam at 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.s2s import S2S, FullS2S
from vos.net.models.s2s_compact import CompactS2S
from vos.net.options import at_least
from vos.net.train.clips import ClipSource, RealClips
from vos.net.train.data import Data
from vos.net.train.losses import bootstrapped, soft_dice
from vos.net.train.synthetic import SyntheticClips
from vos.net.train.tracks import batch_of, encode_frames, largest_skip, overlap

if TYPE_CHECKING:
    from vos.net.train.loop import Batches

SCALES = (0.77, 1.0, 1.31)  # of the crop's side, one a batch
SHORTEST, EARLY, LONGEST = 5, 7, 11  # frames of a clip; at most EARLY at first
GAPS, EVERY = 0.3, 5  # this share of batches is annotated on every fifth frame only, as YouTube-VOS is
TAUGHT = (
    0.3  # of the run: until then, ever more rarely, the true mask is fed back instead of the predicted one
)
DETACHED = 0.5  # chance that gradients stop at a mask fed back
HARDEST = 0.3  # the share of a mask's pixels that counts for the compact network


@dataclass(frozen=True)
class S2SBatches:
    """Clips of one size and length a batch; both they and the real ones among them grow longer and more.

    Attributes:
        data: what to make clips of.
        clips: clips of the middle size and eight frames in a batch; other batches have as many pixels.
        size: the middle side of the square crops, in pixels.
        objects: at most this many objects of a clip are followed.
        stride: sides are multiples of it.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    clips: int = 3
    size: int = 208
    objects: int = 2
    stride: int = CompactS2S.stride

    def __post_init__(self) -> None:
        at_least(self, {"clips": 1, "size": 32, "objects": 1})

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch as vos.net.train.tracks.batch_of makes it, and two flags.

        annotated, bool (B, T): the mask is known. taught, bool (T,): where it is, it is fed back.
        """
        size = max(round(self.size * rng.choice(SCALES) / self.stride), 1) * self.stride
        length = int(rng.integers(SHORTEST, round(EARLY + (LONGEST - EARLY) * min(2 * progress, 1)) + 1))
        clips = max(round(self.clips * 8 * self.size**2 / (length * size**2)), 1)
        samples = [self._source(progress, size, length, rng).sample(rng) for _ in range(clips)]
        annotated = np.stack([sample.annotated for sample in samples])
        if rng.random() < GAPS:
            annotated &= np.arange(length) % min(EVERY, length - 1) == 0
        taught = rng.random(length) < 1 - progress / TAUGHT
        return batch_of(samples) | {"annotated": annotated, "taught": taught}

    def _source(self, progress: float, size: int, length: int, rng: np.random.Generator) -> ClipSource:
        videos = {**self.data.videos, **self.data.sparse}
        longest = max((len(video) for video in videos.values()), default=0)
        if longest < length or rng.random() > 0.3 + 0.4 * progress:
            return SyntheticClips(self.data, size, length, self.objects)
        sparse = rng.random() * len(videos) < len(self.data.sparse)
        data = replace(self.data, videos=self.data.sparse if sparse else self.data.videos)
        return RealClips(data, size, length, self.objects, 1 if sparse else largest_skip(progress))


class S2SRecipe:
    """Follow every track of a batch from its first mask; see vos.net.train.loop.Recipe."""

    def __init__(self, network: CompactS2S | FullS2S, batches: Batches):
        self.module: CompactS2S | FullS2S = network
        self.batches = batches
        self._compact = isinstance(network, CompactS2S)

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss over annotated frames and tracks, and the overlap (J) on the last of them.

        Cross entropy; for the compact network that of the hardest pixels, and soft dice.
        """
        clip, label = batch["tracks"].T
        truth = (batch["masks"][clip] == label[:, None, None, None]).float().unsqueeze(2)  # (O, T, 1, S, S)
        known = batch["annotated"][clip]  # (O, T)
        losses, count = [], 0
        for t, logits in enumerate(self._follow(batch, clip, truth, known, rng), 1):
            rows = known[:, t].nonzero()[:, 0]
            if len(rows):
                losses.append(self._loss(logits[rows], truth[rows, t]) * len(rows))
                count += len(rows)
                seen = overlap(logits[rows], truth[rows, t])
        return torch.stack(losses).sum() / count, {"iou": seen}

    def _loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        if self._compact:
            return bootstrapped(logits, truth, HARDEST) + soft_dice(logits, truth)
        return bootstrapped(logits, truth, 1)

    def _follow(
        self,
        batch: Mapping[str, Tensor],
        clip: Tensor,
        truth: Tensor,
        known: Tensor,
        rng: np.random.Generator,
    ) -> Iterator[Tensor]:
        """Yield the logits (O, 1, S, S) of frames 1, 2, ..., starting from the masks of frame 0."""
        network: S2S = self.module
        features = encode_frames(network.encode, batch["frames"], clip)
        state = network.start(features[0], truth[:, 0])
        for t, (before, now) in enumerate(pairwise(features), 1):
            state = network.advance(before, now, state)
            logits = network.decode(now, state)
            yield logits
            if t + 1 < len(features):
                prob = logits.sigmoid()
                prob = prob.detach() if rng.random() < DETACHED else prob
                given = (known[:, t] & batch["taught"][t])[:, None, None, None]
                state = network.feed(now, state, torch.where(given, truth[:, t], prob))
