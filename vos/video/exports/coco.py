"""COCO instances: one JSON with every object on every frame, as run lengths or polygons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vos.options import check
from vos.types import Mask, Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields, _shapes
from vos.video.masks import replacing

LABEL = "COCO instances (JSON)"
WHO = "Trainers: Detectron2, MMDetection, FiftyOne, CVAT and Label Studio read it"
SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    shape: str = field(
        default="rle",
        metadata={
            "help": "Run lengths (exact) or polygons (holes joined to the outside by a cut)",
            "choices": ("rle", "polygon"),
        },
    )
    tolerance: float = _fields.tolerance()
    pictures: str = _fields.pictures()
    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write the JSON; image ids are frame numbers + 1; `track_id` is the object's id."""
    height, width = source.size_hw
    head = {
        "info": {"description": source.title},
        "licenses": [],
        "categories": [
            {"id": i, "name": name, "supercategory": ""} for i, name in _shapes.classes(source.names).items()
        ],
        "images": [
            {
                "id": i + 1,
                "file_name": f"{source.frame_name(i)}.{options.pictures}",
                "height": height,
                "width": width,
            }
            for i in source.numbers(options.every)
        ],
    }
    count = 0
    with replacing(target) as part, part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "annotations": [')
        for index in source.numbers(options.every):
            for annotation in _annotations(source, options, index, source.mask(index)):
                count += 1
                file.write((",\n" if count > 1 else "\n") + json.dumps({"id": count} | annotation))
            yield source.step(index)
        file.write("\n]}\n")


def _annotations(source: Exportable, options: Options, index: int, mask: Mask) -> Iterator[dict[str, Any]]:
    for object_id in _shapes.present(mask, source.names):
        inside = mask == object_id
        shape: Any = _shapes.run_lengths(inside)
        if options.shape == "polygon":
            shape = [_shapes.flat(ring) for ring in _shapes.polygons(inside, options.tolerance)]
        yield {
            "image_id": index + 1,
            "category_id": _shapes.class_of(source.names, object_id),
            "track_id": object_id,
            "segmentation": shape,
            "area": int(inside.sum()),
            "bbox": list(_shapes.box(inside)),
            "iscrowd": 0,
        }
