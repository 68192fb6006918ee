"""labelme: a JSON beside every picture, polygons with the object's id as their group."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vos.types import Step
from vos.video.exportable import Exportable, Shot
from vos.video.exports import _fields, _shapes
from vos.video.exports._cut import encode_picture
from vos.video.masks import replacing

LABEL = "labelme (JSON a frame)"
WHO = "Annotators: open the folder in labelme or AnyLabeling and go on by hand"
SUFFIX = ".zip"


Options = _fields.PolygonOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 00000.jpg and 00000.json and on; every part of an object is a polygon of the same group_id."""
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for shot in source.shots(options.every):
            picture = f"{source.frame_name(shot.index)}.{options.pictures}"
            archive.writestr(zipfile.ZipInfo(picture), encode_picture(shot.frame, options.pictures))
            text = json.dumps(_page(source, shot, picture, options.tolerance), ensure_ascii=False, indent=1)
            entry = zipfile.ZipInfo(f"{source.frame_name(shot.index)}.json")
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
            yield source.step(shot.index)


def _page(source: Exportable, shot: Shot, picture: str, tolerance: float) -> dict[str, Any]:
    height, width = source.size_hw
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [
            {
                "label": source.names[object_id],
                "points": [[float(x), float(y)] for x, y in ring],
                "group_id": object_id,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
                "mask": None,
            }
            for object_id in _shapes.present(shot.mask, source.names)
            for ring in _shapes.polygons(shot.mask == object_id, tolerance)
        ],
        "imagePath": picture,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
