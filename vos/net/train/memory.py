"""The memory network's recipe: it learns to follow objects through clips on its own predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.blocks import STRIDE
from vos.net.models.memory import MemoryNetwork, full_size
from vos.net.options import at_least
from vos.net.train.clips import ClipSource, RealClips
from vos.net.train.contacts import ContactClips
from vos.net.train.data import Data
from vos.net.train.losses import bootstrapped, soft_dice, within
from vos.net.train.synthetic import SyntheticClips
from vos.net.train.tracks import batch_of, encode_frames, largest_skip, overlap

SCALES = (0.77, 1.0, 1.31)  # of the crop's side, one a batch: so that no size is strange at test time
LONGER = 2  # up to so many frames more than asked for
HARDEST = 0.3  # the share of a mask's pixels that counts
DETACHED = 0.5  # chance that gradients stop at a frame's mask: long chains of gradients are noisy and slow
OTHERS = 0.5  # the weight of what is on the clip's other objects: an object must not leak onto them
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
        contacts: the share of clips in which something comes into contact with the object.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    clips: int = 5
    length: int = 6
    size: int = 208
    objects: int = 2
    contacts: float = 0.0

    def __post_init__(self) -> None:
        at_least(self, {"clips": 1, "length": 2, "size": 32, "objects": 1})

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch: frames uint8 (B, T, S, S, 3), masks uint8 (B, T, S, S), and tracks (O, 2), int64.

        A track is an object to follow: the number of its clip, and its label there.
        """
        size = round(self.size * rng.choice(SCALES) / STRIDE) * STRIDE
        length = int(self.length + rng.integers(LONGER + 1))
        clips = max(round(self.clips * self.length * self.size**2 / (length * size**2)), 1)
        synthetic = SyntheticClips(self.data, size, length, self.objects)
        real = RealClips(self.data, size, length, self.objects, max_skip=largest_skip(progress))
        longest = max((len(video) for video in self.data.videos.values()), default=0)
        share = 0.2 + 0.5 * progress if longest >= length else 0.0
        films = [real if rng.random() < share else synthetic for _ in range(clips)]
        contact = rng.random(clips) < self.contacts
        sources = [self._contacts(film) if near else film for film, near in zip(films, contact, strict=True)]
        return batch_of([source.sample(rng) for source in sources])

    def _contacts(self, film: SyntheticClips | RealClips) -> ClipSource:
        return ContactClips(replace(film, objects=1), self.data)


class MemoryRecipe:
    """Follow every track of a batch from its first mask; see vos.net.train.loop.Recipe."""

    def __init__(self, network: MemoryNetwork, batches: MemoryBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss over frames and tracks, and the last frame's overlap (J)."""
        clip, label = batch["tracks"].T
        masks = batch["masks"][clip].unsqueeze(2)  # (O, T, 1, S, S)
        own = masks == label[:, None, None, None, None]
        truth, others = own.float(), ((masks > 0) & ~own).float()
        losses = []
        for t, logits in enumerate(self._follow(batch["frames"], clip, truth[:, 0], rng), 1):
            losses += [bootstrapped(logits, truth[:, t], HARDEST) + soft_dice(logits, truth[:, t])]
            losses[-1] = losses[-1] + OTHERS * within(logits, truth[:, t], others[:, t])
        return torch.stack(losses).mean(), {"iou": overlap(logits, truth[:, -1])}

    def _follow(
        self, frames: Tensor, clip: Tensor, first: Tensor, rng: np.random.Generator
    ) -> Iterator[Tensor]:
        """Yield the logits (O, 1, S, S) of frames 1, 2, ... from the masks (O, 1, S, S) of frame 0."""
        network, size = self.module, frames.shape[2]
        features = encode_frames(network.encode, frames, clip)
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
