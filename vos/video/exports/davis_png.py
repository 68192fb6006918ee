"""Masks as DAVIS has them: a zip of palette PNGs, 00000.png and on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vos.options import check
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.masks import encode_png, replacing

LABEL = "Masks as PNG (DAVIS palette)"
WHO = "Researchers: label maps as DAVIS and its tools have them; they are read back here, too"
SUFFIX = ".zip"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write one PNG a frame at the size of the masks, void as it is; equal masks give an equal file."""
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:  # PNGs are packed already: stored
        for index in source.numbers(options.every):
            name = f"{source.frame_name(index)}.png"
            archive.writestr(zipfile.ZipInfo(name), encode_png(source.label_map(index)))  # dated 1980
            yield source.step(index)
