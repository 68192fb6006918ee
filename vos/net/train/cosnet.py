"""The co-attention network's recipe: the main object of pairs from one video, and of single photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vos.net.models.blocks import STRIDE
from vos.net.models.cosnet import CompactCOSNet, Features, Network
from vos.net.motion import own_motion
from vos.net.options import at_least
from vos.net.train.clips import Sample
from vos.net.train.data import Data, PictureFile, pick
from vos.net.train.losses import bootstrapped, soft_dice
from vos.net.train.motion import Matrices, make_transforms, shift
from vos.net.train.scene import develop
from vos.net.train.synthetic import SyntheticClips
from vos.net.train.tracks import overlap
from vos.types import Mask

STILL = 1 / 3  # of the batches: photos alone
SYNTHETIC = 0.25  # of the pairs: scenes whose objects move against their background
UNMOVED = 0.2  # of the real pairs: without motion, as if things stood still
GAPS = (1, 2, 3)  # frames between a frame and the one its motion is measured to
ATTEMPTS = 20


@dataclass(frozen=True)
class PairBatches:
    """Pairs of one video with motion, or, every third time, single photos with masks.

    Attributes:
        data: what to make them of.
        pairs: pairs in a batch; of photos there are twice as many.
        size: side of the square crops, in pixels.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    pairs: int = 6
    size: int = 224

    def __post_init__(self) -> None:
        at_least(self, {"pairs": 1, "size": 32})

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch, first frames of pairs before second ones.

        frames uint8 (2 P, S, S, 3), masks uint8 (2 P, S, S), 0 or 1; pairs also have motion float32
        (2 P, 3, S/4, S/4).
        """
        size = self.size // STRIDE * STRIDE
        if self.data.cutouts and rng.random() < STILL:
            photos = [_still(pick(self.data.cutouts, rng), size, rng) for _ in range(2 * self.pairs)]
            frames, masks = (np.concatenate(parts) for parts in zip(*photos, strict=True))
            return {"frames": frames, "masks": masks}
        pairs = [self._pair(size, rng) for _ in range(self.pairs)]
        frames, masks, motion = (np.concatenate(parts, 1) for parts in zip(*pairs, strict=True))
        return {name: array.reshape(-1, *array.shape[2:]) for name, array in
                (("frames", frames), ("masks", masks), ("motion", motion))}  # fmt: skip

    def _pair(self, size: int, rng: np.random.Generator) -> tuple[NDArray[np.generic], ...]:
        """Return frames (2, 1, S, S, 3), masks (2, 1, S, S) and motion (2, 1, 3, S/4, S/4)."""
        real = bool(self.data.videos) and rng.random() >= SYNTHETIC
        if real:
            sample = _real(pick(tuple(self.data.videos.values()), rng), size, rng)
        else:
            sample = SyntheticClips(self.data, size, 4, objects=3).sample(rng)
        (a, beside_a, beside_b, b), masks = sample.frames, sample.masks
        motion = np.stack([own_motion(a, beside_a), own_motion(b, beside_b)])
        motion *= not (real and rng.random() < UNMOVED)
        return np.stack([a, b])[:, None], (masks[[0, 3]] > 0).astype(np.uint8)[:, None], motion[:, None]


def _real(video: tuple[PictureFile, ...], size: int, rng: np.random.Generator) -> Sample:
    """Return two frames of a video, first and last, and beside each one a few frames off."""
    last = len(video) - 1
    ends = rng.integers(last + 1, size=2)
    gap = int(rng.choice(GAPS)) * int(rng.choice((-1, 1)))
    indices = [ends[0], _step_off(int(ends[0]), gap, last), _step_off(int(ends[1]), gap, last), ends[1]]
    masks = [video[i].read_mask() for i in indices]
    mirror = float(rng.choice((-1, 1)))
    first, second = (_window(mask, size, mirror, rng) for mask in (masks[0], masks[3]))
    windows = [first, first, second, second]
    frames = [_warp(video[i].read_frame(), w, size) for i, w in zip(indices, windows, strict=True)]
    labels = [_warp(mask, w, size, cv2.INTER_NEAREST) for mask, w in zip(masks, windows, strict=True)]
    return Sample(_coloured(develop(np.stack(frames), rng), rng), np.stack(labels))


def _step_off(index: int, gap: int, last: int) -> int:
    """Return the frame a gap away from another, on the other side of it where the video ends."""
    return index + gap if 0 <= index + gap <= last else min(max(index - gap, 0), last)


def _still(
    picture: PictureFile, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a crop of a photo (1, S, S, 3) and its mask (1, S, S)."""
    mask = picture.read_mask()
    window = _window(mask, size, float(rng.choice((-1, 1))), rng)
    frame = _warp(picture.read_frame(), window, size)[None]
    inside = _warp((mask > 0).astype(np.uint8), window, size, cv2.INTER_NEAREST)[None]
    return _coloured(develop(frame, rng), rng), inside


def _window(mask: Mask, size: int, mirror: float, rng: np.random.Generator) -> Matrices:
    """Return a turned, stretched crop (3, 3), 60 to 105 % of the short side, with half of the object."""
    height, width = mask.shape
    scale = size / min(height, width) / float(np.exp(rng.uniform(np.log(0.6), np.log(1.05))))
    turn = make_transforms(rng.normal(0, [[0.12, 0, 0.06, 0.06, 0, 0]]), size)[0]
    linear = turn @ np.diag([mirror * scale, scale, 1])
    rows, columns = np.nonzero(mask)
    reach = size / scale / 2
    for _ in range(ATTEMPTS):
        x, y = (rng.uniform(min(reach, side / 2), max(side - reach, side / 2)) for side in (width, height))
        near = (np.abs(rows - y) < 0.8 * reach) & (np.abs(columns - x) < 0.8 * reach)
        if near.sum() >= 0.5 * len(rows):
            break
    return np.asarray(shift(size / 2, size / 2) @ linear @ shift(-x, -y))


def _warp(
    picture: NDArray[np.uint8], window: Matrices, size: int, how: int = cv2.INTER_LINEAR
) -> NDArray[np.uint8]:
    border = cv2.BORDER_REFLECT_101
    return np.asarray(
        cv2.warpAffine(picture, window[:2], (size, size), flags=how, borderMode=border), np.uint8
    )


def _coloured(frames: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Swap colour channels, or drop colour, now and then: 25 videos have too few colours to learn them."""
    chance = rng.random()
    if chance < 0.2:
        return frames[..., rng.permutation(3)]
    if chance < 0.3:
        return np.repeat(frames.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    return frames


class CosnetRecipe:
    """Find the main object of both frames of each pair; see vos.net.train.loop.Recipe.

    For any of the networks. Unlike the paper: AdamW at one rate for encoder and the rest, and per mask cross
    entropy + soft dice, where the paper has weighted cross entropy + 0.8 L1.
    """

    def __init__(self, network: Network, batches: PairBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss over frames, and their overlap (J)."""
        network, truth = self.module, batch["masks"].float().unsqueeze(1)  # (2 P, 1, S, S)
        images = network.prepare(batch["frames"]).contiguous(memory_format=torch.channels_last)
        if "motion" in batch:
            logits = self._pairs(network.encode(images, batch["motion"]))
        else:
            logits = network.alone(images)
        logits = F.interpolate(logits, truth.shape[-2:], mode="bilinear", align_corners=False)
        return bootstrapped(logits, truth, 1.0) + soft_dice(logits, truth), {"iou": overlap(logits, truth)}

    def _pairs(self, both: Features) -> Tensor:
        """Return logits (2 P, 1, ., .) of first and second frames that attend to each other."""
        network, count = self.module, len(both.embedding) // 2
        a, b = both.embedding[:count], both.embedding[count:]
        scores = network.affinity(a, b)  # (P, N, M)
        of_a, of_b = network.attended(scores, b), network.attended(scores.transpose(1, 2), a)
        if isinstance(network, CompactCOSNet):  # one decoder for both
            return network.decode(both, torch.cat((of_a, of_b)))
        one, other = (Features(part, ()) for part in (a, b))
        return torch.cat((network.decode(one, of_a), network.decode(other, of_b, second=True)))
