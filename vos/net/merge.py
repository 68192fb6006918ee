"""From soft masks, one per object, to a label map and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from vos.types import Mask


def labels(
    prob: Tensor, ids: Sequence[int], size_hw: tuple[int, int], background: float | None = None
) -> Mask:
    """Return the label map at a size: probabilities (O, 1, h, w) bilinear, then the largest wins.

    The background's is what the objects (ids, in their order) leave of 1, or as given.
    """
    h, w = size_hw
    mask = np.zeros((h, w), np.uint8)
    planes = [cv2.resize(plane, (w, h)) for plane in prob[:, 0].float().cpu().numpy()]
    best = 1 - sum(planes, np.zeros((h, w), np.float32))
    if background is not None:
        best = np.full((h, w), background, np.float32)
    for i, plane in zip(ids, planes, strict=True):
        mask[plane > best] = i
        best = np.maximum(best, plane)
    return mask


def confidence(prob: Tensor, temperature: float = 1.0) -> float:
    """Return the overlap (J) of the mask with the truth that probabilities (O, 1, h, w) promise, 0..1.

    Per object: sum of p inside over (pixels inside + sum of p outside); an object that is nowhere counts
    as 1 - max p. The mean over objects. Where a network is too sure of itself, a temperature above 1 divides
    its logits first (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
    """
    prob = prob[..., ::2, ::2].flatten(1)  # a quarter of the pixels says as much
    if not len(prob):
        return 1.0
    inside = prob > 0.5
    if temperature != 1:
        prob = (torch.logit(prob) / temperature).sigmoid()
    hit = (prob * inside).sum(1)
    union = inside.sum(1) + (prob * ~inside).sum(1)
    sure = torch.where(inside.any(1), hit / union.clamp(min=1e-6), 1 - prob.amax(1))
    return float(sure.mean())
