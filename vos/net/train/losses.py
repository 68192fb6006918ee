"""What training makes small: bootstrapped cross entropy and soft dice, one yes-or-no mask at a time."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def bootstrapped(logits: Tensor, truth: Tensor, share: float) -> Tensor:
    """Return the mean cross entropy of the hardest share of every mask's pixels.

    logits (O, 1, H, W); truth alike, 0 or 1; share in (0, 1], 1 for all pixels.
    (Wu et al., "Bridging Category-level and Instance-level Semantic Image Segmentation", 2016, section 3.)
    """
    pixels = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten(1)
    return pixels.topk(max(int(pixels.shape[1] * share), 1), dim=1, sorted=False).values.mean()


def soft_dice(logits: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - (2 |P T| + 1) / (|P| + |T| + 1), mean over masks; the ones make an empty mask learnable.

    logits (O, 1, H, W), P their probabilities; truth T alike, 0 or 1.
    (Milletari et al., "V-Net", 2016, without the squares.)
    """
    prob, truth = logits.sigmoid().flatten(1), truth.flatten(1)
    return (1 - (2 * (prob * truth).sum(1) + 1) / (prob.sum(1) + truth.sum(1) + 1)).mean()
