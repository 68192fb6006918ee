"""What training makes small: kinds of cross entropy and soft dice, one yes-or-no mask at a time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_WEIGHT = 1e-3  # of a class in class_balanced: so that a mask of one class is learnt too


def bootstrapped(logits: Tensor, truth: Tensor, share: float) -> Tensor:
    """Return the mean cross entropy of the hardest share of every mask's pixels.

    logits (O, 1, H, W); truth alike, 0 or 1; share in (0, 1], 1 for all pixels.
    (Wu et al., "Bridging Category-level and Instance-level Semantic Image Segmentation", 2016, section 3.)
    """
    pixels = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten(1)
    return pixels.topk(max(int(pixels.shape[1] * share), 1), dim=1, sorted=False).values.mean()


def within(logits: Tensor, truth: Tensor, where: Tensor, least: float = 0.01) -> Tensor:
    """Return the mean cross entropy of some of every mask's pixels, where (O, 1, H, W) is 1; mean over masks.

    logits (O, 1, H, W); truth alike, 0 or 1. Below the `least` share of a mask, few pixels count less.
    """
    pixels = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * where
    total = where.sum((1, 2, 3)) + least * where[0].numel()
    return (pixels.sum((1, 2, 3)) / total).mean()


def soft_dice(logits: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - (2 |P T| + 1) / (|P| + |T| + 1), mean over masks; the ones make an empty mask learnable.

    logits (O, 1, H, W), P their probabilities; truth T alike, 0 or 1.
    (Milletari et al., "V-Net", 2016, without the squares.)
    """
    prob, truth = logits.sigmoid().flatten(1), truth.flatten(1)
    return (1 - (2 * (prob * truth).sum(1) + 1) / (prob.sum(1) + truth.sum(1) + 1)).mean()


def class_balanced(logits: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return beta * (sum over positives) + (1 - beta) * (sum over negatives) of cross entropy, by pixel.

    logits (O, 1, H, W); truth alike, 0 or 1; counted alike, 0 where void (default: all count). beta is the
    share of negatives in a mask; sums are over the pixels that count, by their number; mean over masks.
    (Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015, eq. 2; Caelles et al., CVPR 2017, eq. 2.)
    """
    counted = torch.ones_like(truth) if counted is None else counted
    pixels = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * counted
    total = counted.sum((1, 2, 3), keepdim=True).clamp(min=1)
    beta = ((1 - truth) * counted).sum((1, 2, 3), keepdim=True) / total
    beta = beta.clamp(LEAST_WEIGHT, 1 - LEAST_WEIGHT)
    weights = truth * beta + (1 - truth) * (1 - beta)
    return (pixels * weights / total).sum((1, 2, 3)).mean()


def normalised_focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the mean over masks of sum((1 - p)^2 * cross entropy) / sum((1 - p)^2), p that of the truth.

    logits (O, 1, H, W); truth alike, 0 or 1. The weights are constants: hard pixels count, and as much when
    few are left. (Sofiiuk, Barinova and Konushin, "AdaptIS", ICCV 2019, section 3.3.)
    """
    pixels = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten(1)
    weights = (1 - (-pixels.detach()).exp()).square()  # p = exp(-cross entropy)
    return ((weights * pixels).sum(1) / weights.sum(1).clamp(min=1)).mean()
