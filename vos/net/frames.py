"""Frames and masks as networks take them, and what networks think as label maps and confidence."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.backbones import MEAN_RGB, STD_RGB, STRIDE
from vos.types import Frame, Mask

MAX_ASPECT = 4  # longer frames are made smaller rather than let memory grow
_BYTES = np.arange(256)[None, :, None]
NORMALISED = ((_BYTES / 255 - MEAN_RGB) / np.array(STD_RGB)).astype(np.float32)  # (1, 256, 3)


def working_size(size_hw: tuple[int, int], short_side: int, stride: int = STRIDE) -> tuple[int, int]:
    """Return the size (h, w) at which a network sees frames: multiples of a stride, at most four to one."""
    scale = min(short_side / min(size_hw), MAX_ASPECT * short_side / max(size_hw))
    h, w = (max(1, round(side * scale / stride)) * stride for side in size_hw)
    return h, w


def to_image(frame: Frame, size_hw: tuple[int, int]) -> Tensor:
    """Return a frame as `vos.net.backbones.normalise` has it, (1, 3, h, w), channels last."""
    small = cv2.resize(frame, size_hw[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(cv2.LUT(small, NORMALISED))[None].permute(0, 3, 1, 2)


def to_plane(pixels: NDArray[np.bool_], size_hw: tuple[int, int]) -> Tensor:
    """Return the share of true pixels, 0..1, in each pixel (h, w) of another size."""
    area = cv2.resize(pixels.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(area)


def to_labels(
    prob: Tensor, objects: Sequence[int], size_hw: tuple[int, int], background: float | None = None
) -> Mask:
    """Return the label map of soft masks (O, 1, h, w) at another size: bilinear, then the largest wins.

    The background has this score, or what the objects leave of 1.
    """
    h, w = size_hw
    labels = np.zeros((h, w), np.uint8)
    planes = [cv2.resize(plane, (w, h)) for plane in prob[:, 0].float().cpu().numpy()]
    rest = 1 - sum(planes, np.zeros((h, w), np.float32))
    best = rest if background is None else np.full((h, w), background, np.float32)
    for i, plane in zip(objects, planes, strict=True):
        labels[plane > best] = i
        best = np.maximum(best, plane)
    return labels


def expected_overlap(prob: Tensor) -> float:
    """Return the overlap (J), 0..1, to expect with the truth if soft masks (O, 1, h, w) are right.

    Per object: sum of p inside over (pixels inside + sum of p outside); an object that is nowhere counts
    as 1 - max p. The mean over objects.
    """
    prob = prob[..., ::2, ::2].flatten(1)  # a quarter of the pixels says as much
    if not len(prob):
        return 1.0
    inside = prob > 0.5
    hit = (prob * inside).sum(1)
    union = inside.sum(1) + (prob * ~inside).sum(1)
    sure = torch.where(inside.any(1), hit / union.clamp(min=1e-6), 1 - prob.amax(1))
    return float(sure.mean())
