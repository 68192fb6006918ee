"""The memory network's recipe: it learns to follow objects through clips on its own predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.errors import InvalidInput
from vos.net.backbones import STRIDE, normalise
from vos.net.memory import Features, MemoryNetwork, full_size
from vos.net.train.clips import SKIPS, ClipSource, RealClips
from vos.net.train.data import Data
from vos.net.train.losses import bootstrapped, soft_dice
from vos.net.train.synthetic import SyntheticClips
from vos.types import object_ids

SCALES = (0.77, 1.0, 1.31)  # of the crop's side, one a batch: so that no size is strange at test time
LONGER = 2  # up to so many frames more than asked for
HARDEST = 0.3  # the share of a mask's pixels that counts
DETACHED = 0.5  # chance that gradients stop at a frame's mask: long chains of gradients are noisy and slow
FORGETFUL = 0.5  # chance that a clip is followed with the first and the previous frame alone in memory


@dataclass(frozen=True)
class MemoryBatches:
    """Clips of one size and length a batch; synthetic ones first, then ever more, and faster, real ones.

    Attributes:
        data: what to make clips of.
        clips: clips in a batch of middle size and of `length` frames; other batches have as many pixels.
        length: the least frames in a clip.
        size: the middle side of the square crops, in pixels.
        objects: at most this many objects of a clip are followed.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    clips: int = 5
    length: int = 6
    size: int = 208
    objects: int = 2

    def __post_init__(self) -> None:
        for name, least in (("clips", 1), ("length", 2), ("size", 32), ("objects", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} is {getattr(self, name)}; at least {least} is allowed")

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch: frames uint8 (B, T, S, S, 3), masks uint8 (B, T, S, S), and tracks (O, 2), int64.

        A track is an object to follow: the number of its clip, and its label there.
        """
        size = round(self.size * rng.choice(SCALES) / STRIDE) * STRIDE
        length = int(self.length + rng.integers(LONGER + 1))
        clips = max(round(self.clips * self.length * self.size**2 / (length * size**2)), 1)
        synthetic = SyntheticClips(self.data, size, length, self.objects)
        real = RealClips(self.data, size, length, self.objects, max_skip=_skip(progress))
        longest = max((len(video) for video in self.data.videos.values()), default=0)
        share = 0.2 + 0.5 * progress if longest >= length else 0.0
        sources: list[ClipSource] = [real if rng.random() < share else synthetic for _ in range(clips)]
        samples = [source.sample(rng) for source in sources]
        tracks = [(clip, i) for clip, sample in enumerate(samples) for i in object_ids(sample.masks[0])]
        return {
            "frames": np.stack([sample.frames for sample in samples]),
            "masks": np.stack([sample.masks for sample in samples]),
            "tracks": np.array(tracks),
        }


class MemoryRecipe:
    """Follow every track of a batch from its first mask; see vos.net.train.loop.Recipe."""

    def __init__(self, network: MemoryNetwork, batches: MemoryBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss over frames and tracks, and the last frame's overlap (J)."""
        clip, label = batch["tracks"].T
        truth = (batch["masks"][clip] == label[:, None, None, None]).float().unsqueeze(2)  # (O, T, 1, S, S)
        losses = []
        for t, logits in enumerate(self._follow(batch["frames"], clip, truth[:, 0], rng), 1):
            losses.append(bootstrapped(logits, truth[:, t], HARDEST) + soft_dice(logits, truth[:, t]))
        return torch.stack(losses).mean(), {"iou": _overlap(logits, truth[:, -1])}

    def _follow(
        self, frames: Tensor, clip: Tensor, first: Tensor, rng: np.random.Generator
    ) -> Iterator[Tensor]:
        """Yield the logits (O, 1, S, S) of frames 1, 2, ... from the masks (O, 1, S, S) of frame 0."""
        network, size = self.module, frames.shape[2]
        features = self._encode(frames, clip)
        prior = network.prior(size // STRIDE, size // STRIDE)
        forgetful = rng.random() < FORGETFUL
        cues = network.cues(first)
        kept = [(features[0].key, network.value(features[0], cues))]
        previous = kept[0]
        for now in features[1:]:
            keys, values = (torch.cat(rows, 1) for rows in zip(*kept, previous, strict=True))
            logits = full_size(network.decode(now, network.read(now.key, keys, values, prior), cues))
            yield logits
            if now is not features[-1]:
                prob = logits.sigmoid()
                cues = network.cues(prob.detach() if rng.random() < DETACHED else prob)
                if previous is not kept[0] and not forgetful:
                    kept.append(previous)
                previous = now.key, network.value(now, cues)

    def _encode(self, frames: Tensor, clip: Tensor) -> list[Features]:
        """Return each frame's features, one row a track, from frames (B, T, S, S, 3).

        Frames lie time first, so that each step's share is one block: slices of blocks need no copies, and
        their gradients come back in one piece.
        """
        clips, length = frames.shape[:2]
        images = normalise(frames.transpose(0, 1).flatten(0, 1)).contiguous(memory_format=torch.channels_last)
        encoded = self.module.encode(images)  # (T B, ...)
        if len(clip) != clips:
            rows = (torch.arange(length, device=clip.device)[:, None] * clips + clip).flatten()  # (T O)
            encoded = Features(*(_rows(feature, rows) for feature in encoded))
        blocks = (torch.split(feature, len(clip)) for feature in encoded)
        return [Features(*parts) for parts in zip(*blocks, strict=True)]


def _rows(feature: Tensor, rows: Tensor) -> Tensor:
    """Return rows of a feature; by index_select on channels last, whose copies and gradients are quick."""
    if feature.ndim == 3:
        return feature.index_select(0, rows)
    return feature.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)


def _skip(progress: float) -> int:
    """Return the largest step between frames: any from the middle of the run on."""
    return SKIPS[min(int(2 + 2 * progress * (len(SKIPS) - 2)), len(SKIPS) - 1)]


@torch.no_grad()
def _overlap(logits: Tensor, truth: Tensor) -> Tensor:
    inside, real = (logits > 0).flatten(1), truth.flatten(1) > 0
    return ((inside & real).sum(1) / (inside | real).sum(1).clamp(min=1)).mean()
