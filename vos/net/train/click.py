"""The click network's recipe: objects in photos, frames and scenes, clicked on where the network errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.blocks import normalise
from vos.net.models.click import STRIDE, ClickNetwork, full_size
from vos.net.next_click import next_click
from vos.net.options import at_least
from vos.net.pieces import keep_meant
from vos.net.train.data import Data, PictureFile, pick
from vos.net.train.losses import normalised_focal, soft_dice
from vos.net.train.scene import develop
from vos.net.train.synthetic import SyntheticClips
from vos.net.train.tracks import overlap
from vos.types import Frame, Mask, object_ids

# from that much of the run on: shapes of crops, in strides of 32 px, the middle one first
SHAPES = (
    (0.0, ((5, 5), (4, 6), (6, 4), (4, 7), (6, 6), (5, 7), (7, 7))),
    (0.65, ((7, 7), (6, 8), (8, 6), (5, 8), (6, 6), (8, 8), (6, 10))),
    (0.88, ((9, 9), (7, 11), (11, 7), (8, 12), (7, 7), (12, 12), (10, 14))),
)
KINDS = ("photo", "video", "region", "scene")
SHARES = (0.6, 0.17, 0.09, 0.14)
MORE = (0.25, 0.4, 0.2, 0.15)  # chance of 0, 1, 2, 3 clicks more, on the network's own errors
STARTS = ("click", "box", "box and click", "drawn")
START = (0.72, 0.1, 0.06, 0.12)
SMALLEST_PX = 80
LARGEST_SHARE = 0.85
ATTEMPTS = 30


@dataclass(frozen=True)
class ClickBatches:
    """Single objects in crops of one shape a batch, each with what a user would say first.

    Attributes:
        data: what to make them of.
        crops: in a batch of the middle size; other batches have as many pixels.

    Raises:
        InvalidInput: a number is too small.
    """

    data: Data
    crops: int = 12

    def __post_init__(self) -> None:
        at_least(self, {"crops": 1})

    @cached_property
    def photos(self) -> tuple[tuple[PictureFile, ...], ...]:
        """The photos, by folder."""
        folders: dict[str, list[PictureFile]] = {}
        for picture in self.data.cutouts:
            folders.setdefault(str(picture.image.parent), []).append(picture)
        return tuple(tuple(folder) for folder in folders.values())

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch: frames uint8 (B, H, W, 3), masks uint8 (B, H, W), 0 or 1, and what is said of them.

        points float32 (B, 1, 3), boxes and previous uint8 (B, H, W), as `ClickNetwork.decode` takes them.
        """
        shapes = next(shapes for since, shapes in reversed(SHAPES) if progress >= since)
        rows, columns = shapes[rng.integers(len(shapes))]
        shape = rows * STRIDE, columns * STRIDE
        count = max(2, round(self.crops * shapes[0][0] * shapes[0][1] / (rows * columns)))
        samples = [self._sample(shape, rng) for _ in range(count)]
        said = [say(mask, rng) for _, mask in samples]
        frames, masks = (np.stack(part) for part in zip(*samples, strict=True))
        points, boxes, previous = (np.stack(part) for part in zip(*said, strict=True))
        return {"frames": frames, "masks": masks, "points": points, "boxes": boxes, "previous": previous}

    def _sample(self, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Frame, Mask]:
        for _ in range(ATTEMPTS):
            kind = KINDS[rng.choice(len(KINDS), p=SHARES)]
            found = self._scene(shape, rng) if kind == "scene" else self._picture(kind, shape, rng)
            if found and SMALLEST_PX <= found[1].sum() <= LARGEST_SHARE * found[1].size:
                frame = develop(found[0][None], rng)[0]
                if rng.random() < 0.04:
                    frame[:] = frame.mean(2, keepdims=True)
                return frame, found[1]
        return self._scene(shape, rng)

    def _scene(self, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Frame, Mask]:
        sample = SyntheticClips(self.data, max(shape), 2, objects=3).sample(rng)
        top, left = (max(shape) - side for side in shape)
        window = np.s_[top // 2 : top // 2 + shape[0], left // 2 : left // 2 + shape[1]]
        mask = sample.masks[0][window]
        ids = object_ids(mask) or (0,)
        return sample.frames[0][window], (mask == rng.choice(ids)).astype(np.uint8)

    def _picture(
        self, kind: str, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Frame, Mask] | None:
        if kind == "photo" and self.photos:
            size = np.sqrt([len(folder) for folder in self.photos])
            picture = pick(self.photos[rng.choice(len(size), p=size / size.sum())], rng)
        elif kind == "video" and self.data.videos:
            picture = pick(pick(tuple(self.data.videos.values()), rng), rng)
        elif kind == "region" and self.data.regions:
            picture = pick(self.data.regions, rng)
        else:
            return None
        mask = picture.read_mask()
        sizes = np.bincount(mask.ravel(), minlength=256)
        ids = [i for i in object_ids(mask) if sizes[i] >= SMALLEST_PX]
        if not ids:
            return None
        inside = mask == rng.choice(ids)
        if kind == "region" and rng.random() < 0.3:
            inside |= mask == rng.choice(ids)
        return crop(picture.read_frame(), inside.astype(np.uint8), shape, rng)


def crop(frame: Frame, inside: Mask, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Frame, Mask]:
    """Return a window of a picture around an object at the shape (h, w), turned left to right half the time.

    The object takes 20 to 120 % of the window's longer side, where the picture is large enough; the window is
    about as wide to its height as the shape.
    """
    height, width = inside.shape
    x, y, w, h = cv2.boundingRect(inside)
    aspect = shape[1] / shape[0] * np.exp(rng.normal(0, 0.12))
    extent = max(h, w / aspect) / np.exp(rng.uniform(np.log(0.2), np.log(1.2)))
    if rng.random() < 0.25:
        extent = max(height, width)  # all there is
    tall, wide = (round(min(side, limit)) for side, limit in ((extent, height), (extent * aspect, width)))
    tall, wide = max(tall, min(height, 48)), max(wide, min(width, 48))
    top, left = (
        int(np.clip(at + n / 2 + rng.uniform(-0.4, 0.4) * max(side - n, n / 2) - side / 2, 0, limit - side))
        for at, n, side, limit in ((y, h, tall, height), (x, w, wide, width))
    )
    window = np.s_[top : top + tall, left : left + wide]
    method = cv2.INTER_AREA if tall > shape[0] else cv2.INTER_LINEAR
    seen = cv2.resize(frame[window], shape[::-1], interpolation=method)
    soft = cv2.resize(inside[window].astype(np.float32), shape[::-1], interpolation=method)
    step = -1 if rng.random() < 0.5 else 1
    return np.ascontiguousarray(seen[:, ::step]), np.ascontiguousarray(soft[:, ::step] > 0.5).astype(np.uint8)


def say(mask: Mask, rng: np.random.Generator) -> tuple[NDArray[np.float32], Mask, Mask]:
    """Return what a user says first of an object: a click (1, 3), a box (H, W) and a mask before (H, W)."""
    point, box, previous = np.zeros((1, 3), np.float32), np.zeros_like(mask), np.zeros_like(mask)
    start = STARTS[rng.choice(len(STARTS), p=START)]
    if start == "drawn":
        previous = spoilt(mask, rng)
        point[0] = next_click(previous.astype(bool), mask > 0, rng=rng)
    if "box" in start:
        x, y, w, h = cv2.boundingRect(mask)
        jitter = rng.normal(0, 0.04, 4) * (w, h, w, h)
        x1, y1, x2, y2 = np.round(np.array((x, y, x + w, y + h)) + jitter).clip(0).astype(int)
        box[y1:y2, x1:x2] = 1
    if "click" in start:
        point[0] = next_click(np.zeros(mask.shape, bool), mask > 0, rng=rng)
    return point, box, previous


def spoilt(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return a mask with what goes wrong in masks: grown or shrunk, a part missing, something beside it."""
    size = 2 * int(rng.integers(0, 6)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    wrong = (cv2.dilate if rng.random() < 0.5 else cv2.erode)(mask, kernel)
    rows, columns = np.nonzero(mask)
    for value in (0, 1):
        if rng.random() < 0.6:
            at = int(rng.integers(len(rows)))
            axes = tuple(int(a) for a in rng.uniform(0.1, 0.45, 2) * np.sqrt(len(rows)) + 3)
            centre = int(columns[at]), int(rows[at])
            if value:
                centre = tuple(int(c + rng.normal(0, 1.2) * max(axes)) for c in centre)  # type: ignore[assignment]
            cv2.ellipse(wrong, centre, axes, rng.uniform(0, 180), 0, 360, value, -1)
    return np.asarray(wrong, np.uint8)


class ClickRecipe:
    """Click, learn, click where the network errs, up to three times more; see vos.net.train.loop.Recipe."""

    def __init__(self, network: ClickNetwork, batches: ClickBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss of the masks after each click, and the first's and the last's overlap (J)."""
        network = self.module
        image = normalise(batch["frames"]).contiguous(memory_format=torch.channels_last)
        truth, box, previous = (batch[name].float()[:, None] for name in ("masks", "boxes", "previous"))
        points, losses, found = batch["points"], [], []
        encoding = network.encode(image)
        for _ in range(1 + int(rng.choice(len(MORE), p=MORE))):
            logits = full_size(network.decode(encoding, points, box, previous))
            losses.append(normalised_focal(logits, truth) + 0.5 * soft_dice(logits, truth))
            found.append(overlap(logits, truth))
            previous = only_meant(logits.detach().sigmoid(), points, previous + box > 0.5)
            points = torch.cat((points, errors(previous, truth, rng)), 1)
        return torch.stack(losses).mean(), {"first": found[0], "iou": found[-1]}


def only_meant(prob: Tensor, points: Tensor, meant: Tensor) -> Tensor:
    """Return masks (B, 1, H, W) without the pieces that nothing points at: what the picker shows."""
    planes = prob[:, 0].cpu().numpy().copy()
    for plane, clicks, where in zip(planes, points.tolist(), meant[:, 0].cpu().numpy(), strict=True):
        keep_meant(plane, [(x, y) for x, y, sign in clicks if sign > 0], where)
    return torch.from_numpy(planes)[:, None].to(prob.device)


def errors(prob: Tensor, truth: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the next click (B, 1, 3) on masks of probabilities (B, 1, H, W)."""
    pairs: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = list(
        zip((prob[:, 0] > 0.5).cpu().numpy(), (truth[:, 0] > 0.5).cpu().numpy(), strict=True)
    )
    clicks = np.array([next_click(mask, true, rng=rng) for mask, true in pairs], np.float32)
    return torch.from_numpy(clicks)[:, None].to(prob.device)
