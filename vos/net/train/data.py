"""The folders that training reads: videos with masks, photos with masks, photos; files open at use."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from vos.errors import InvalidInput
from vos.labels import read_labels
from vos.types import VOID, Frame, Mask

T = TypeVar("T")
logger = logging.getLogger(__name__)

HELD_OUT_PHOTOS = 12  # one of so many
LAYOUT = (
    "davis*-train*/JPEGImages/*/SEQUENCE with Annotations beside JPEGImages, "
    "youtubevos*/train*/JPEGImages/VIDEO likewise, "
    "stills/NAME/images with masks beside images where there are any"
)


@dataclass(frozen=True)
class PictureFile:
    """An image file and, where there is one, the file of its label map."""

    image: Path
    mask: Path | None = None

    def read_frame(self) -> Frame:
        """Return the picture, uint8 (H, W, 3) RGB.

        Raises:
            InvalidInput: the file is not an image.
        """
        return _read(self.image, "RGB")

    def read_mask(self) -> Mask:
        """Return the label map, uint8 (H, W); a black-and-white file has the one object 1, void is 0.

        Raises:
            InvalidInput: there is no mask, or the file is not an image.
        """
        if self.mask is None:
            raise InvalidInput(f"{self.image} has no mask beside it")
        mask = _read_labels(self.mask)
        binary = not np.any((mask > 0) & (mask < VOID))
        return (mask == VOID).astype(np.uint8) if binary else np.where(mask == VOID, 0, mask).astype(np.uint8)


@dataclass(frozen=True)
class Data:
    """What there is to train on.

    Attributes:
        videos: name -> frames in order, every one with a mask.
        cutouts: photos with the masks of their objects.
        regions: photos divided into regions, any of which can serve as an object.
        photos: photos without masks, for backgrounds and textures.
        sparse: videos of which only some frames have a mask.
    """

    videos: Mapping[str, tuple[PictureFile, ...]]
    cutouts: tuple[PictureFile, ...]
    regions: tuple[PictureFile, ...]
    photos: tuple[PictureFile, ...]
    sparse: Mapping[str, tuple[PictureFile, ...]] = field(default_factory=dict)

    @property
    def backgrounds(self) -> tuple[PictureFile, ...]:
        """Pictures to stand behind objects: photos if there are any, else whatever there is."""
        return self.photos + self.regions or self.cutouts or tuple(chain(*self.videos.values()))

    @property
    def has_objects(self) -> bool:
        """Whether anything here has a mask."""
        return bool(self.videos or self.sparse or self.cutouts or self.regions)

    def hold_out(self, names: Collection[str]) -> tuple[Data, dict[str, tuple[PictureFile, ...]]]:
        """Return the data without the videos of these names, and those videos.

        Raises:
            InvalidInput: there are videos, but not one of these names.
        """
        unknown = sorted(set(names) - set(self.videos))
        if unknown and self.videos:
            there = ", ".join(sorted(self.videos))
            raise InvalidInput(f"no sequence is called {unknown[0]!r}; there are: {there}")
        rest = {name: video for name, video in self.videos.items() if name not in names}
        return replace(self, videos=rest), {name: self.videos[name] for name in names if name in self.videos}

    def hold_out_photos(self) -> tuple[Data, Data]:
        """Return the data without one photo in twelve, and those; chosen by name, whatever else there is."""

        def chosen(held_out: bool) -> dict[str, Any]:
            parts = {name: getattr(self, name) for name in ("cutouts", "regions", "photos")}
            return {name: tuple(p for p in parts[name] if _held_out(p) == held_out) for name in parts}

        return replace(self, **chosen(False)), replace(self, videos={}, sparse={}, **chosen(True))


def _held_out(picture: PictureFile) -> bool:
    folder, name = picture.image.parents[1].name, picture.image.stem
    return zlib.crc32(f"{folder}/{name}".encode()) % HELD_OUT_PHOTOS == 0


def find(root: Path) -> Data:
    """List the training data under a folder; missing parts are logged.

    The folder is laid out as: `davis*-train*/JPEGImages/*/<sequence>` with `Annotations` beside
    `JPEGImages`; `youtubevos*/train*/JPEGImages/<video>` likewise, where frames may lack a mask; and
    `stills/<name>/images` with `masks` beside `images` where there are any; a name
    that begins with `regions` holds regions.

    Raises:
        InvalidInput: nothing to train on.
    """
    stills: dict[str, list[PictureFile]] = {"cutouts": [], "regions": [], "photos": []}
    for images in sorted(root.glob("stills/*/images")):
        masks, name = images.with_name("masks"), images.parent.name
        kind = "photos" if not masks.is_dir() else "regions" if name.startswith("regions") else "cutouts"
        stills[kind] += _pictures(images, masks if masks.is_dir() else None)
    cutouts, regions, photos = (tuple(stills[kind]) for kind in ("cutouts", "regions", "photos"))
    data = Data(_videos(root), cutouts, regions, photos, _sparse_videos(root))
    if not data.has_objects:
        raise InvalidInput(f"{root} holds no masks to train on; allowed is {LAYOUT}")
    for part in ("videos", "cutouts", "regions", "photos"):
        if not getattr(data, part):
            logger.warning("%s has no %s: training goes on without", root, part)
    return data


def pick(things: tuple[T, ...], rng: np.random.Generator) -> T:
    """Return one of several, all as likely."""
    return things[rng.integers(len(things))]


def _videos(root: Path) -> dict[str, tuple[PictureFile, ...]]:
    videos = {}
    for folder in sorted(root.glob("davis*-train*/JPEGImages/*/*")):
        dataset, size = folder.parents[2], folder.parent.name
        pictures = _pictures(folder, dataset / "Annotations" / size / folder.name)
        if pictures:
            videos[folder.name] = tuple(pictures)
    return videos


def _sparse_videos(root: Path) -> dict[str, tuple[PictureFile, ...]]:
    videos = {}
    for folder in sorted(root.glob("youtubevos*/train*/JPEGImages/*")):
        annotated = {p.image: p for p in _pictures(folder, folder.parents[1] / "Annotations" / folder.name)}
        if annotated:
            videos[folder.name] = tuple(annotated.get(p.image, p) for p in _pictures(folder, None))
    return videos


def _pictures(images: Path, masks: Path | None) -> list[PictureFile]:
    files = [f for f in sorted(images.iterdir()) if f.suffix.lower() in {".jpg", ".jpeg", ".png"}]
    if masks is None:
        return [PictureFile(file) for file in files]
    names = {f.name for f in masks.iterdir()} if masks.is_dir() else set()
    return [PictureFile(f, masks / f"{f.stem}.png") for f in files if f"{f.stem}.png" in names]


def _read_labels(path: Path) -> Mask:
    """Return a label map by the rule of vos.labels; indices and levels may be more than 20 (regions)."""
    try:
        with Image.open(path) as image:
            if image.mode in ("P", "L", "1"):
                return np.asarray(image if image.mode != "1" else image.convert("L"), np.uint8)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"{path} is not a readable image") from error
    return read_labels(path, name=str(path)).mask


def _read(path: Path, mode: str) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.array(image.convert(mode), dtype=np.uint8)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"{path} is not a readable image") from error
