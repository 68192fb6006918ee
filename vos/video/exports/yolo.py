"""YOLO segmentation: a text file of polygons beside every picture, and data.yaml."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable, Shot
from vos.video.exports import _fields, _shapes
from vos.video.exports._cut import encode_picture
from vos.video.masks import replacing

LABEL = "YOLO segmentation (txt)"
WHO = "Trainers: a data set that Ultralytics YOLO trains on as it is"
SUFFIX = ".zip"


Options = _fields.PolygonOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write data.yaml, images/train/00000.jpg and labels/train/00000.txt; parts and holes are one polygon."""
    known = list(_shapes.classes(source.names).items())
    names = "".join(f"  {k}: {json.dumps(name, ensure_ascii=False)}\n" for k, (_, name) in enumerate(known))
    order = {class_id: k for k, (class_id, _) in enumerate(known)}
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        head = f"train: images/train\nval: images/train\nnames:\n{names}"
        archive.writestr(zipfile.ZipInfo("data.yaml"), head if known else f"{head.rstrip()} {{}}\n")
        for shot in source.shots(options.every):
            name = source.frame_name(shot.index)
            picture = encode_picture(shot.frame, options.pictures)
            archive.writestr(zipfile.ZipInfo(f"images/train/{name}.{options.pictures}"), picture)
            lines = "".join(_lines(source, shot, order, options.tolerance))
            archive.writestr(zipfile.ZipInfo(f"labels/train/{name}.txt"), lines)
            yield source.step(shot.index)


def _lines(source: Exportable, shot: Shot, order: dict[int, int], tolerance: float) -> Iterator[str]:
    height, width = source.size_hw
    for object_id in _shapes.present(shot.mask, source.names):
        ring = _shapes.polygon(shot.mask == object_id, tolerance)
        assert ring is not None
        share = (ring / (width, height)).ravel().tolist()
        numbers = " ".join(f"{value:.6f}" for value in share)
        yield f"{order[_shapes.class_of(source.names, object_id)]} {numbers}\n"
