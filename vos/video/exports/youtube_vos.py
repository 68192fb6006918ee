"""A submission to YouTube-VOS: palette PNGs under Annotations/, a folder for the video."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vos.options import check
from vos.types import Step
from vos.video.exportable import Exportable, file_safe
from vos.video.exports import _fields
from vos.video.masks import encode_png, replacing

LABEL = "YouTube-VOS submission"
WHO = "Researchers: the zip that the YouTube-VOS evaluation server takes"
SUFFIX = ".zip"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    video: str = field(default="", metadata={"help": "Name of the video's folder; empty: the title"})
    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write Annotations/VIDEO/00000.png and on, the ids those of the objects."""
    folder = f"Annotations/{file_safe(options.video or source.title)}"
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for index in source.numbers(options.every):
            name = f"{folder}/{source.frame_name(index)}.png"
            archive.writestr(zipfile.ZipInfo(name), encode_png(source.mask(index)))
            yield source.step(index)
