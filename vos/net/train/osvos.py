"""OSVOS's recipe for the parent: it learns what an object looks like, picture by picture.

Caelles et al. (CVPR 2017), section 3.2: class-balanced loss on the fused logits and, ever less, on the sides.
The paper's parent starts from ImageNet, sees DAVIS alone, and is trained with SGD and a rate per layer; here
the shared loop's AdamW has one rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vos.net.models.blocks import STRIDE
from vos.net.models.osvos import CompactOsvos
from vos.net.options import at_least
from vos.net.train.clips import ClipSource, RealClips
from vos.net.train.data import Data
from vos.net.train.losses import class_balanced
from vos.net.train.synthetic import SyntheticClips
from vos.net.train.tracks import overlap
from vos.types import MAX_OBJECTS, Mask

SCALES = (0.77, 1.0, 1.31)  # of the crop's side, one a batch
SHARES = (0.5, 0.25, 0.25)  # of videos, photos with masks, cut-and-paste scenes


@dataclass(frozen=True)
class OsvosBatches:
    """Pictures and what is foreground in them: frames of videos, photos of people and pets, pasted scenes.

    Attributes:
        data: what to make pictures of.
        count: pictures in a batch of middle size; others have as many pixels.
        size: the middle side of the square crops, in pixels.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    count: int = 8
    size: int = 256

    def __post_init__(self) -> None:
        at_least(self, {"count": 1, "size": 32})

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return frames uint8 (B, S, S, 3), masks and contours uint8 (B, S, S), 0 or 1, the sides' weight."""
        size = round(self.size * rng.choice(SCALES) / STRIDE) * STRIDE
        sources, shares = self._sources(size)
        chosen = rng.choice(len(sources), max(round(self.count * self.size**2 / size**2), 1), p=shares)
        samples = [sources[i].sample(rng) for i in chosen]
        return {
            "frames": np.stack([sample.frames[0] for sample in samples]),
            "masks": np.stack([sample.masks[0] > 0 for sample in samples]).astype(np.uint8),
            "contours": np.stack([contours(sample.masks[0]) for sample in samples]),
            "sides": np.array(1 - progress, np.float32),
        }

    def _sources(self, size: int) -> tuple[list[ClipSource], NDArray[np.float64]]:
        """Return where pictures come from, and the share of each."""
        data = self.data
        stills = replace(data, videos={str(i): (picture,) for i, picture in enumerate(data.cutouts)})
        every: list[tuple[ClipSource, float, bool]] = [
            (RealClips(data, size, 1, MAX_OBJECTS), SHARES[0], bool(data.videos)),
            (RealClips(stills, size, 1, MAX_OBJECTS), SHARES[1], bool(stills.videos)),
            (SyntheticClips(data, size, 1, MAX_OBJECTS), SHARES[2], True),
        ]
        shares = np.array([share for _, share, there in every if there])
        return [source for source, _, there in every if there], shares / shares.sum()


class OsvosRecipe:
    """Tell foreground from background; see vos.net.train.loop.Recipe."""

    def __init__(self, network: nn.Module, batches: OsvosBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of fused logits + contours + (1 - progress) all sides, and the overlap (J)."""
        truth = batch["masks"].float().unsqueeze(1)
        network, frames = self.module, batch["frames"]
        maps = network.branches(frames) if isinstance(network, CompactOsvos) else network(frames)
        *sides, fused = (logits.float() for logits in maps[:5])
        aside = torch.stack([class_balanced(side, truth) for side in sides]).sum()
        loss = class_balanced(fused, truth)
        total = loss + batch["sides"] * aside
        if len(maps) > 5:
            total = total + class_balanced(maps[5].float(), batch["contours"].float().unsqueeze(1))
        return total, {"fused": loss.detach(), "iou": overlap(fused, truth)}


def contours(mask: Mask) -> NDArray[np.uint8]:
    """Return the outlines of a label map's objects, uint8 (H, W): 1 on both sides of every edge."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, kernel) > 0, np.uint8)
