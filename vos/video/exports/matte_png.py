"""A matte for compositing: a zip of grey PNGs, white where the objects are."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import Cut, CutOptions, to_levels, to_png
from vos.video.masks import replacing

LABEL = "Matte (PNG sequence)"
WHO = "Compositors: a luma matte for After Effects, Nuke, Resolve or Blender"
SUFFIX = ".zip"


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    bits: int = field(default=8, metadata={"help": "Bits of a pixel", "choices": (8, 16)})
    split: bool = field(
        default=False, metadata={"help": "A folder for each object; otherwise all objects are in one matte"}
    )
    every: int = _fields.every_nth()


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 00000.png and on, at the result's true size; with `split` under `1_name/` for object 1."""
    cut = Cut(source, options)
    groups = {f"{source.file_stem(i)}/": (i,) for i in cut.objects} if options.split else {"": cut.objects}
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for shot in source.shots(options.every):
            for folder, objects in groups.items():
                levels = to_levels(cut.alpha(shot, *objects), options.bits)
                archive.writestr(
                    zipfile.ZipInfo(f"{folder}{source.frame_name(shot.index)}.png"), to_png(levels)
                )
            yield source.step(shot.index)
