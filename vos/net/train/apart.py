"""Photos kept apart for evaluation: what looks like one of them is not learnt from, whatever its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.net.train.data import Data, PictureFile

SIDE = 16  # of the thumbnails that are compared
ALIKE = 0.96  # correlation of grey values above which two photos are the same


def without(data: Data, folder: Path) -> Data:
    """Return the data without the photos that look like an image in the folder (or a folder in it).

    Raises:
        InvalidInput: the folder holds no image.
    """
    kept_apart = [
        p for p in sorted(folder.rglob("*")) if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".bmp"}
    ]
    if not kept_apart:
        raise InvalidInput(f"{folder} holds no image to keep apart")
    looks = np.stack([_look(PictureFile(path)) for path in kept_apart])
    return replace(
        data, cutouts=_unlike(data.cutouts, looks), regions=_unlike(data.regions, looks),
        photos=_unlike(data.photos, looks),
    )  # fmt: skip


def _unlike(pictures: Iterable[PictureFile], looks: NDArray[np.float32]) -> tuple[PictureFile, ...]:
    return tuple(picture for picture in pictures if (looks @ _look(picture)).max() < ALIKE)


def _look(picture: PictureFile) -> NDArray[np.float32]:
    """Return a tiny grey picture of mean 0 and length 1, flat."""
    grey = cv2.cvtColor(picture.read_frame(), cv2.COLOR_RGB2GRAY)
    tiny = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    tiny -= tiny.mean()
    return np.asarray(tiny / (np.linalg.norm(tiny) + 1e-6), np.float32)
