"""The frames themselves: a zip of pictures, named as the other exports name them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vos.options import check
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import encode_picture
from vos.video.masks import replacing

LABEL = "Frames (pictures)"
WHO = "Annotators and trainers: the pictures that COCO, YouTube-VIS and MOTS files name"
SUFFIX = ".zip"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    pictures: str = _fields.pictures()
    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 00000.jpg (or .png) and on, at the true size."""
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for shot in source.shots(options.every):
            name = f"{source.frame_name(shot.index)}.{options.pictures}"
            archive.writestr(zipfile.ZipInfo(name), encode_picture(shot.frame, options.pictures))
            yield source.step(shot.index)
