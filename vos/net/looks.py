"""What an object looks like, pixel by pixel, beside what is remembered of coarse places.

A memory at stride 16 loses what is seen between leaves, and takes leaves along. A logistic regression on
shallow features and colours tells the object's pixels from others: the latest prompt teaches it, at once, by
Newton's method. That is a linear form of the target models of Robinson et al., "Learning Fast and Robust
Target Models for Video Object Segmentation" (CVPR 2020); but the network has not learnt to use it: what it
says is heard near the object only, and as much as it has agreed with the network so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vos.net.models.memory import Features

SURE = 0.9  # of a pixel: it teaches what the object, or with 1 - SURE, what the background looks like
FEWEST = 16  # sure pixels at stride 4 of either kind: fewer teach nothing
SOFT = 0.02  # what is learnt is not 0 and 1, but this much less
SAMPLES = 2000.0  # so many the pixels count for, half of them the object's, whatever their number,
RIDGE = 1.0  # against this weight of squared coefficients
ROUNDS = 6  # of Newton's method
LIKELY = -0.85  # logit (p = 0.3) of pixels that
NEAR = 10  # so many pixels at stride 4 around are near
RIM = 6  # and so many around the mask are compared with it
RATE = 0.05  # share of a frame in the agreement so far
HEARD = 0.75, 0.85  # agreements (J with the network's masks) from which it counts, and from which in full
LOSS, GAIN = 6.0, 1.0  # by which a logit may fall and rise: what comes near may have the object's colours


@dataclass
class Looks:
    """One object's. Weights are for features at strides 2 and 4, these with colours."""

    weights2: Tensor  # (1, 16, 1, 1)
    weights4: Tensor  # (1, 57, 1, 1)
    bias: Tensor  # ()
    agreement: float = 0.0

    @classmethod
    def learn(cls, features: Features, image: Tensor, prob: Tensor) -> Looks | None:
        """Learn an object of an image (1, 3, H, W), normalised, with its features.

        prob: where it is, (1, H, W). Returns None if there is too little to see of it.
        """
        fine, coarse = _pixels(features, image, 0, 0, *(side // 4 for side in image.shape[2:]))
        samples = torch.cat((F.avg_pool2d(fine, 2), coarse), 1)[0].flatten(1).T  # (N, 73)
        target = F.avg_pool2d(prob.float(), 4).flatten()
        inside, outside = target > SURE, target < 1 - SURE
        if min(int(inside.sum()), int(outside.sum())) < FEWEST:
            return None
        mean, spread = samples.mean(0), samples.std(0) + 1e-4
        chosen = inside | outside
        solved = _regress((samples[chosen] - mean) / spread, inside[chosen])
        weights = solved[:-1] / spread
        bias = solved[-1] - weights @ mean
        channels = fine.shape[1]
        looks = cls(weights[:channels].view(1, -1, 1, 1), weights[channels:].view(1, -1, 1, 1), bias)
        shape = coarse.shape[2:]
        looks.agreement = _overlap(
            (looks._say(fine, coarse)[0, 0] > 0).cpu().numpy(), (target > 0.5).view(shape).cpu().numpy()
        )
        return looks

    def adjust(self, features: Features, image: Tensor, logits: Tensor) -> None:
        """Change an object's logits (1, H/2, W/2), in place, by what pixels of the image look like."""
        every_other = logits[0, ::2, ::2].cpu().numpy()
        near = _grow(every_other > LIKELY, NEAR)
        left, top, width, height = cv2.boundingRect(near)
        if not width:
            return
        said = self._say(*_pixels(features, image, top, left, height, width))  # (1, 1, height, width)
        there = np.s_[top : top + height, left : left + width]
        self._compare((said[0, 0] > 0).cpu().numpy(), every_other[there] > 0)
        low, high = HEARD
        trust = min(max((self.agreement - low) / (high - low), 0.0), 1.0)
        if trust:
            change = (said * trust).clamp(-LOSS, GAIN) * torch.from_numpy(near[there]).to(said)
            part = logits[:, 2 * top : 2 * (top + height), 2 * left : 2 * (left + width)]
            part += F.interpolate(change, scale_factor=2, mode="bilinear", align_corners=False)[0]

    def _say(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return the logits that pixels at stride 4, see `_pixels`, are the object's, (1, 1, h, w)."""
        return F.avg_pool2d(F.conv2d(fine, self.weights2), 2) + F.conv2d(coarse, self.weights4) + self.bias

    def _compare(self, said: NDArray[np.bool_], mask: NDArray[np.bool_]) -> None:
        """Take into account how far it agrees with the network's mask, both (h, w)."""
        if mask.any():
            self.agreement += RATE * (_overlap(said, mask) - self.agreement)


def _overlap(said: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """Return the J of what is said at and around a mask that is not empty, both (h, w)."""
    said = said & (_grow(mask, RIM) > 0)
    return float(np.count_nonzero(said & mask) / np.count_nonzero(said | mask))


def _pixels(
    features: Features, image: Tensor, top: int, left: int, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Return what a rectangle of pixels at stride 4 looks like: at stride 2, and, with colours, at 4."""

    def cut(maps: Tensor, k: int) -> Tensor:
        return maps[..., k * top : k * (top + height), k * left : k * (left + width)].float()

    colour = F.avg_pool2d(cut(image, 4), 4)
    products = colour * colour.roll(1, 1)
    return cut(features.skip2, 2), torch.cat((cut(features.skip4, 1), colour, colour.square(), products), 1)


def _regress(samples: Tensor, inside: Tensor) -> Tensor:
    """Return weights, the bias last (C + 1,), of a logistic regression that tells samples (N, C) apart."""
    samples = torch.cat((samples, torch.ones_like(samples[:, :1])), 1)
    target = inside.float() * (1 - 2 * SOFT) + SOFT
    count = torch.where(inside, inside.sum(), (~inside).sum()).float()
    share = SAMPLES / 2 / count
    ridge = torch.full_like(samples[0], RIDGE)
    ridge[-1] = 1e-3 * RIDGE
    weights = torch.zeros_like(samples[0])
    for _ in range(ROUNDS):
        prob = (samples @ weights).sigmoid()
        gradient = samples.T @ ((prob - target) * share) + ridge * weights
        curvature = (prob * (1 - prob)).clamp(min=0.01) * share
        hessian = (samples * curvature[:, None]).T @ samples + ridge.diag()
        weights = weights - torch.linalg.solve(hessian, gradient)
    return weights


def _grow(places: NDArray[np.bool_], by: int) -> NDArray[np.uint8]:
    side = 2 * by + 1
    grown = cv2.dilate(places.astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(grown, np.uint8)
