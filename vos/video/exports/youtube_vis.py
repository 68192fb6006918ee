"""YouTube-VIS: one JSON, for every object one list of run lengths over the clip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.options import check
from vos.types import Step
from vos.video.exportable import Exportable, file_safe
from vos.video.exports import _fields, _shapes
from vos.video.masks import replacing

LABEL = "YouTube-VIS (JSON)"
WHO = "Trainers of video instance segmentation: Mask2Former, VITA, MMTracking"
SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    video: str = field(default="", metadata={"help": "Name of the video's folder; empty: the title"})
    pictures: str = _fields.pictures()
    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write the JSON; annotation ids are the objects', null where an object is not there."""
    numbers = source.numbers(options.every)
    shapes: dict[int, list[Any]] = {object_id: [] for object_id in sorted(source.names)}
    for index in numbers:
        mask = source.mask(index)
        here = _shapes.present(mask, source.names)
        for object_id, rows in shapes.items():
            rows.append(_row(mask == object_id) if object_id in here else (None, None, None))
        yield source.step(index)
    height, width = source.size_hw
    folder = file_safe(options.video or source.title)
    video = {
        "id": 1,
        "width": width,
        "height": height,
        "length": len(numbers),
        "file_names": [f"{folder}/{source.frame_name(index)}.{options.pictures}" for index in numbers],
    }
    content = {
        "info": {"description": source.title},
        "videos": [video],
        "categories": [{"id": i, "name": name} for i, name in _shapes.classes(source.names).items()],
        "annotations": [_annotation(source, object_id, rows) for object_id, rows in shapes.items()],
    }
    with replacing(target) as part:
        part.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def _row(inside: NDArray[np.bool_]) -> tuple[dict[str, Any], list[int], int]:
    return _shapes.run_lengths(inside), list(_shapes.box(inside)), int(inside.sum())


def _annotation(source: Exportable, object_id: int, rows: list[Any]) -> dict[str, Any]:
    height, width = source.size_hw
    return {
        "id": object_id,
        "video_id": 1,
        "category_id": _shapes.class_of(source.names, object_id),
        "iscrowd": 0,
        "height": height,
        "width": width,
        "segmentations": [runs for runs, _, _ in rows],
        "bboxes": [box for _, box, _ in rows],
        "areas": [area for _, _, area in rows],
    }
