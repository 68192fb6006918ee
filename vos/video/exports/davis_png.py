"""Masks as DAVIS has them: a zip of palette PNGs, 00000.png and on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from vos.types import Clip, Mask
from vos.video.masks import encode_png, replacing

LABEL = "Masks as PNG (DAVIS palette)"
SUFFIX = ".zip"


def export(clip: Clip, masks: Iterable[Mask], target: Path) -> None:
    """Write one PNG a frame at the size of the masks; equal masks give an equal file.

    Args:
        clip: not read; the picture is not part of this export.
        masks: label maps (H, W) in order, taken one at a time.
        target: the file; it appears whole or not at all.
    """
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:  # PNGs are packed already: stored
        for index, mask in enumerate(masks):
            archive.writestr(zipfile.ZipInfo(f"{index:05d}.png"), encode_png(mask))  # dated 1980
