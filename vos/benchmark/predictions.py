"""Masks on their way to a score: folders made here or elsewhere, and zips for a benchmark's server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vos.benchmark.sequence import Video, check_size
from vos.errors import InvalidInput
from vos.labels import Labeller, read_labels
from vos.types import Mask, object_ids
from vos.video.masks import encode_png, replacing


@dataclass(frozen=True)
class Predictions:
    """A folder of masks: `<sequence>/<frame>.png`, below `Annotations` or `Annotations/480p` if need be."""

    root: Path
    _labellers: dict[str, Labeller] = field(default_factory=dict, repr=False, compare=False)

    def folder(self, name: str) -> Path:
        """The folder of a sequence's masks.

        Raises:
            InvalidInput: there is none.
        """
        for middle in ("", "Annotations/480p", "Annotations"):
            if (self.root / middle / name).is_dir():
                return self.root / middle / name
        raise InvalidInput(f"{self.root} has no folder of masks called {name}")

    def has(self, video: Video, frame: str) -> bool:
        """Say whether there is a mask of a frame."""
        return (self.folder(video.name) / f"{frame}.png").exists()

    def mask(self, video: Video, frame: str) -> Mask:
        """The mask of a frame, (H, W); all empty if the file is missing.

        Raises:
            InvalidInput: it is unreadable, of another size, or marks an object that the sequence lacks.
        """
        size_hw = video.size_hw(frame)
        path = self.folder(video.name) / f"{frame}.png"
        if not path.exists():
            return np.zeros(size_hw, np.uint8)
        mask = read_labels(path, self._labeller(video), name=str(path)).mask
        check_size(path, mask, size_hw)
        if video.merged:
            return (mask > 0).astype(np.uint8)
        extra = set(object_ids(mask)) - set(video.starts)
        if extra:
            known = ", ".join(map(str, sorted(video.starts)))
            raise InvalidInput(f"{path} marks object {min(extra)}; the objects of {video.name} are {known}")
        return mask

    def notes(self, video: Video) -> tuple[str, ...]:
        """Return what was assumed in reading the mask of the first annotated frame."""
        path = self.folder(video.name) / f"{video.annotated[0]}.png"
        return read_labels(path, self._labeller(video), name=str(path)).notes if path.exists() else ()

    def _labeller(self, video: Video) -> Labeller:
        """Return what a sequence's masks are read with.

        An object's mask is given on the frame where it starts: its colour there is that of the object.
        """
        known = self._labellers.get(video.name)
        if known is None:
            known = self._labellers[video.name] = Labeller()
            for frame in () if video.merged else sorted(set(video.starts.values())):
                path, before = self.folder(video.name) / f"{frame}.png", set(known.to_json())
                if not path.exists():
                    continue
                mask, truth = read_labels(path, known, name=str(path)).mask, video.truth(frame)
                check_size(path, mask, truth.shape)
                known.adopt(mask, truth, set(known.to_json()) - before)
            if known.to_json():
                known.white(alone=False)
        return known


def write_zip(target: Path, predictions: Predictions, videos: Iterable[Video], prefix: str = "") -> None:
    """Write the masks of all frames as palette PNGs, `<prefix><sequence>/<frame>.png`, whole or not at all.

    YouTube-VOS wants the prefix `Annotations/`, DAVIS and Tianchi none.

    Raises:
        InvalidInput: a mask is missing, unreadable or of another size.
    """
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:  # PNGs are packed already
        for video in videos:
            for frame, data in _encoded(predictions, video):
                archive.writestr(zipfile.ZipInfo(f"{prefix}{video.name}/{frame}.png"), data)  # dated 1980


def _encoded(predictions: Predictions, video: Video) -> Iterator[tuple[str, bytes]]:
    for frame in video.frames:
        if not predictions.has(video, frame):
            raise InvalidInput(f"{predictions.folder(video.name) / frame}.png is missing")
        yield frame, encode_png(predictions.mask(video, frame))
