"""MOTS as 16-bit PNGs: class x 1000 + object in every pixel."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import to_png
from vos.video.masks import replacing

LABEL = "MOTS (PNG sequence)"
WHO = "Researchers of tracking and segmentation: KITTI MOTS and MOTSChallenge ground truth"
SUFFIX = ".zip"


Options = _fields.MotsOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write instances/00000.png and on, 0 for the background, and beside them labels.txt with the classes."""
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(zipfile.ZipInfo("instances/labels.txt"), "car\npedestrian\n")
        for index in source.numbers(options.every):
            mask = source.mask(index).astype(np.uint16)
            ids = np.where(mask > 0, mask + options.class_id * 1000, 0).astype(np.uint16)
            archive.writestr(zipfile.ZipInfo(f"instances/{source.frame_name(index)}.png"), to_png(ids))
            yield source.step(index)
