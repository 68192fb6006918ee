"""Tracks: the objects of a batch of clips, each followed on its clip's frames, which are encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.blocks import normalise
from vos.net.train.clips import SKIPS, Sample
from vos.types import object_ids

Features = TypeVar("Features", bound=tuple[Tensor, ...])  # a named tuple of tensors, one row a frame


def batch_of(samples: Sequence[Sample]) -> dict[str, NDArray[np.generic]]:
    """Return frames uint8 (B, T, S, S, 3), masks uint8 (B, T, S, S), and tracks (O, 2), int64.

    A track is an object of a clip's first frame: the number of its clip, and its label there.
    """
    tracks = [(clip, i) for clip, sample in enumerate(samples) for i in object_ids(sample.masks[0])]
    return {
        "frames": np.stack([sample.frames for sample in samples]),
        "masks": np.stack([sample.masks for sample in samples]),
        "tracks": np.array(tracks),
    }


def encode_frames(encode: Callable[[Tensor], Features], frames: Tensor, clip: Tensor) -> list[Features]:
    """Return each frame's features, one row a track, from frames (B, T, S, S, 3) and each track's clip (O,).

    Frames lie time first, so that each step's share is one block: slices of blocks need no copies, and
    their gradients come back in one piece.
    """
    clips, length = frames.shape[:2]
    images = normalise(frames.transpose(0, 1).flatten(0, 1)).contiguous(memory_format=torch.channels_last)
    features = encode(images)  # (T B, ...)
    named = type(features)
    if len(clip) != clips:
        rows = (torch.arange(length, device=clip.device)[:, None] * clips + clip).flatten()  # (T O)
        features = named(*(_rows(feature, rows) for feature in features))
    blocks = (torch.split(feature, len(clip)) for feature in features)
    return [named(*parts) for parts in zip(*blocks, strict=True)]


def _rows(feature: Tensor, rows: Tensor) -> Tensor:
    """Return rows of a feature; by index_select on channels last, whose copies and gradients are quick."""
    if feature.ndim == 3:
        return feature.index_select(0, rows)
    return feature.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)


def largest_skip(progress: float) -> int:
    """Return the largest step between frames: any from the middle of the run on."""
    return SKIPS[min(int(2 + 2 * progress * (len(SKIPS) - 2)), len(SKIPS) - 1)]


@torch.no_grad()
def overlap(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the mean overlap (J) of masks (O, 1, S, S)."""
    inside, real = (logits > 0).flatten(1), truth.flatten(1) > 0
    return ((inside & real).sum(1) / (inside | real).sum(1).clamp(min=1)).mean()
