"""Mattes for compositing: a zip of OpenEXR files, one float layer for each object."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from vos.types import Frame, Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import Cut, CutOptions
from vos.video.masks import replacing

LABEL = "Mattes (OpenEXR, a layer for each object)"
WHO = "Compositors: float mattes with names, in one file a frame, for Nuke, Fusion or Blender"
SUFFIX = ".zip"
_HEADER = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    picture: bool = field(default=False, metadata={"help": "Add the picture as R, G, B in linear light"})
    every: int = _fields.every_nth()


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 00000.exr and on: a channel `ball.A` of 32-bit floats for the object "ball", 0..1."""
    cut = Cut(source, options)
    layers = layer_names({i: source.names[i] for i in cut.objects})
    with (
        replacing(target) as part,
        zipfile.ZipFile(part, "w") as archive,
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".exr") as folder,
    ):
        for shot in source.shots(options.every):
            channels: dict[str, NDArray[Any]] = {f"{layers[i]}.A": cut.alpha(shot, i) for i in cut.objects}
            if options.picture or not channels:
                channels["RGB"] = linear(shot.frame)
            file = Path(folder) / "frame.exr"
            with OpenEXR.File(dict(_HEADER), channels) as picture:
                picture.write(str(file))
            archive.write(file, f"{source.frame_name(shot.index)}.exr")
            yield source.step(shot.index)


def layer_names(names: dict[int, str]) -> dict[int, str]:
    """Return a layer's name for each object: letters, digits and _ only, as Nuke wants; no two alike."""
    layers: dict[int, str] = {}
    for object_id, name in names.items():
        layer = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or f"object_{object_id}"
        layer = f"_{layer}" if layer[0].isdigit() else layer
        layers[object_id] = f"{layer}_{object_id}" if layer in layers.values() else layer
    return layers


def linear(frame: Frame) -> NDArray[np.float32]:
    """Return sRGB levels (H, W, 3) as linear light, 0..1 (IEC 61966-2-1)."""
    levels = np.arange(256) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.asarray(light.astype(np.float32)[frame])
