"""The objects on nothing: a zip of PNGs with straight alpha."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import Cut, CutOptions, to_png
from vos.video.masks import replacing

LABEL = "Cut-out (RGBA PNG sequence)"
WHO = "Editors and designers: the objects alone, with straight alpha, frame by frame"
SUFFIX = ".zip"


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    every: int = _fields.every_nth()


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 00000.png and on; the colours are not multiplied by alpha and have no background in them."""
    cut = Cut(source, options)
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for shot in source.shots(options.every):
            archive.writestr(zipfile.ZipInfo(f"{source.frame_name(shot.index)}.png"), to_png(cut.rgba(shot)))
            yield source.step(shot.index)
