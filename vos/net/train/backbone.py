"""The encoder's recipe: it learns to see by telling classes of photos apart, before it learns to follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.device import torch_device
from vos.net.models.blocks import Compact, normalise
from vos.net.train.checkpoint import read_tensors
from vos.net.train.data import PictureFile
from vos.types import Device, Frame

SMOOTHING = 0.1
FEWEST = 10  # photos that make a folder a class
CHECKED = 20  # one in 20 photos of a class is for validation
MOST_CHECKED = 4000
SUFFIXES = {".jpg", ".jpeg", ".png"}


class Classifier(nn.Module):
    """The compact trunk, the mean over the picture, and a linear layer."""

    def __init__(self, classes: int):
        super().__init__()
        self.trunk = Compact()
        self.head = nn.Linear(self.trunk.widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one logit per class for normalised images."""
        return self.head(self.trunk(images)[-1].mean((2, 3)))  # type: ignore[no-any-return]


def start_trunk(trunk: nn.Module, path: Path) -> None:
    """Give a trunk the weights of that in a file: of a trained classifier, or of any network with this trunk.

    Raises:
        InvalidInput: the file is missing, or holds no such trunk.
    """
    tensors = read_tensors(path)
    own = {key.removeprefix("trunk."): value for key, value in tensors.items() if key.startswith("trunk.")}
    try:
        trunk.load_state_dict(own)
    except RuntimeError as error:
        raise InvalidInput(f"{path} holds another trunk or none: docs/training.md says which fits") from error


@dataclass(frozen=True)
class Photos:
    """Photos by class: files[i] belong to classes[i]."""

    classes: tuple[str, ...]
    files: tuple[tuple[Path, ...], ...]

    def split(self) -> tuple[Photos, Photos]:
        """Return what is for training and what is for validation."""
        learned = tuple(tuple(f for i, f in enumerate(files) if i % CHECKED) for files in self.files)
        return Photos(self.classes, learned), Photos(
            self.classes, tuple(files[::CHECKED] for files in self.files)
        )


def find_photos(root: Path) -> Photos:
    """List the photos under a folder; a folder of photos is a class (or its parent, if it is called images).

    Folders below one called val or test are left out: theirs are not sorted by class.

    Raises:
        InvalidInput: fewer than two classes.
    """
    found: dict[str, list[Path]] = {}
    for folder in sorted(path for path in (root, *root.rglob("*")) if path.is_dir()):
        parts = folder.relative_to(root).parts
        files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
        if len(files) >= FEWEST and not {"val", "test"} & set(parts):
            name = folder.parent.name if folder.name == "images" else folder.name
            found.setdefault(name, []).extend(files)
    if len(found) < 2:
        raise InvalidInput(
            f"{root} has {len(found)} folders of {FEWEST} photos or more; at least two classes are needed"
        )
    return Photos(tuple(found), tuple(tuple(files) for files in found.values()))


@dataclass(frozen=True)
class PhotoBatches:
    """Random crops of photos, flipped and tinted; every photo is as likely."""

    photos: Photos
    count: int = 128
    size: int = 96

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return images uint8 (B, S, S, 3) and labels int64 (B,)."""
        sizes = np.array([len(files) for files in self.photos.files])
        labels = rng.choice(len(sizes), self.count, p=sizes / sizes.sum())
        images = [self._crop(self.photos.files[i][rng.integers(sizes[i])], rng) for i in labels]
        return {"images": np.stack(images), "labels": labels.astype(np.int64)}

    def _crop(self, file: Path, rng: np.random.Generator) -> Frame:
        """Return a crop of 35 to 100 % of the area, 3:4 to 4:3 (Szegedy et al., 2015), resized."""
        frame = PictureFile(file).read_frame()
        height, width = frame.shape[:2]
        side = np.sqrt(rng.uniform(0.35, 1) * height * width)
        aspect = np.exp(rng.uniform(-0.29, 0.29))
        h, w = min(round(side * aspect), height), min(round(side / aspect), width)
        top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
        crop = cv2.resize(
            frame[top : top + h, left : left + w], (self.size, self.size), interpolation=cv2.INTER_AREA
        )
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        tint = rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
        return np.clip(crop * tint + rng.uniform(-20, 20), 0, 255).astype(np.uint8)


class BackboneRecipe:
    """Tell the classes apart; see vos.net.train.loop.Recipe."""

    def __init__(self, network: Classifier, batches: PhotoBatches):
        self.module = network
        self.batches = batches

    def loss(self, batch: Mapping[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross entropy with smoothed labels, and the accuracy."""
        images = normalise(batch["images"]).contiguous(memory_format=torch.channels_last)
        logits = self.module(images).float()
        right = (logits.argmax(1) == batch["labels"]).float().mean()
        return F.cross_entropy(logits, batch["labels"], label_smoothing=SMOOTHING), {"accuracy": right}


@dataclass(frozen=True)
class Accuracy:
    """Validation: the share of held-out photos (at most 4000, of all classes alike) that is told right."""

    photos: Photos
    device: Device
    size: int = 96

    @torch.inference_mode()
    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return the score and accuracy, 0..1."""
        right = total = 0
        for images, labels in self._batches():
            x = normalise(images.to(torch_device(self.device))).contiguous(memory_format=torch.channels_last)
            right += int((network(x).argmax(1).cpu() == labels).sum())
            total += len(labels)
        return {"score": right / total, "accuracy": right / total}

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        every = [(file, label) for label, files in enumerate(self.photos.files) for file in files]
        chosen = every[:: -(-len(every) // MOST_CHECKED)]
        for start in range(0, len(chosen), 100):
            part = chosen[start : start + 100]
            images = [
                cv2.resize(PictureFile(f).read_frame(), (self.size, self.size), interpolation=cv2.INTER_AREA)
                for f, _ in part
            ]
            yield torch.from_numpy(np.stack(images)), torch.tensor([label for _, label in part])
