"""From soft masks, one per object, to a label map and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.types import Frame, Mask

REACH = 1 / 288  # of a frame's short side: how far its edges draw those of masks
FLAT = 1e-4  # variance of grey values, 0..1, below which there is no edge
SURE = 1e-30  # less counts as this much: infinite logits are slow
UNSURE = 0.02  # a probability this far from 0 and 1 may change


def to_label_map(prob: Tensor, ids: Sequence[int], frame: Frame, background: float | None = None) -> Mask:
    """Return a frame's label map: probabilities (O, 1, h, w) bilinear and along its edges, the largest wins.

    The background's is what the objects (ids, in their order) leave of 1, or as given.
    """
    h, w = frame.shape[:2]
    mask = np.zeros((h, w), np.uint8)
    planes = [cv2.resize(plane, (w, h)) for plane in prob[:, 0].float().cpu().numpy()]
    for plane in planes:
        follow_edges(plane, frame)
    best = 1 - sum(planes, np.zeros((h, w), np.float32))
    if background is not None:
        best = np.full((h, w), background, np.float32)
    for i, plane in zip(ids, planes, strict=True):
        mask[plane > best] = i
        best = np.maximum(best, plane)
    return mask


def follow_edges(plane: NDArray[np.float32], frame: Frame) -> None:
    """Let the edges of a soft mask (h, w), 0..1, follow those of its frame, in place.

    The guided filter (He, Sun and Tang, ECCV 2010, eq. 5, 6 and 8) with the frame's grey values as guide, in
    the rectangle where the mask is unsure.
    """
    radius = max(1, round(min(plane.shape) * REACH))
    x, y, w, h = cv2.boundingRect(cv2.inRange(plane, UNSURE, 1 - UNSURE))
    rows, columns = (slice(max(0, at - 2 * radius), at + n + 2 * radius) for at, n in ((y, h), (x, w)))
    if not w:
        return

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        return cv2.blur(values, (2 * radius + 1, 2 * radius + 1))

    part, grey = plane[rows, columns], cv2.cvtColor(frame[rows, columns], cv2.COLOR_RGB2GRAY)
    guide = np.divide(grey, 255, dtype=np.float32)
    guide_mean, part_mean = mean(guide), mean(part)
    slope = mean(guide * part) - guide_mean * part_mean
    slope /= mean(guide * guide) - guide_mean * guide_mean + FLAT
    part[:] = mean(slope) * guide + mean(part_mean - slope * guide_mean)


def measure_confidence(prob: Tensor, temperature: float = 1.0) -> float:
    """Return the mean of what `certainty` says of objects, prob (O, 1, h, w); 1 without any."""
    return float(measure_certainty(prob, temperature).mean()) if len(prob) else 1.0


def measure_certainty(prob: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the overlap (J) of each object's mask with the truth that its probabilities promise, 0..1, (O,).

    prob (O, 1, h, w). Sum of p inside over (pixels inside + sum of p outside); an object that is nowhere
    counts as 1 - max p. Where a network is too sure of itself, a temperature above 1 divides its logits first
    (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
    """
    prob = prob[..., ::2, ::2].flatten(1)  # a quarter of the pixels says as much
    inside = prob > 0.5
    if temperature != 1:
        prob = (torch.logit(prob, SURE) / temperature).sigmoid()
    hit = (prob * inside).sum(1)
    union = inside.sum(1) + (prob * ~inside).sum(1)
    return torch.where(inside.any(1), hit / union.clamp(min=1e-6), 1 - prob.amax(1))
