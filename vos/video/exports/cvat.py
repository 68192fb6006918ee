"""CVAT for video 1.1: one XML, a track of polygons for each object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from vos.options import check
from vos.types import Step
from vos.video.draw import hex_colour
from vos.video.exportable import Exportable
from vos.video.exports import _fields, _shapes
from vos.video.masks import replacing

LABEL = "CVAT for video 1.1 (XML)"
WHO = "Annotators: upload it to a CVAT task of the same clip and correct the polygons there"
SUFFIX = ".xml"
_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    tolerance: float = _fields.tolerance()
    every: int = _fields.every_nth()

    def __post_init__(self) -> None:
        check(self)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write a track for each object, a key frame for every n-th frame; parts and holes are one polygon.

    CVAT goes from one key frame to the next by itself. Steps count the frames of every object.
    """
    done, total = 0, max(1, len(source.names)) * len(source.numbers(options.every))
    with replacing(target) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        _write_head(file, source)
        for object_id in sorted(source.names):
            file.write(
                f'  <track id="{object_id}" label={_quoted(source.names[object_id])} source="automatic">\n'
            )
            before = ""
            for index in source.numbers(options.every):
                ring = _shapes.polygon(source.mask(index) == object_id, options.tolerance)
                if ring is not None:
                    before = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)
                    _write_polygon(file, index, before, outside=False)
                elif before:  # the object has left: said once, until it comes back
                    _write_polygon(file, index, before, outside=True)
                    before = ""
                done += 1
                yield Step("writing", done, total)
            file.write("  </track>\n")
        file.write("</annotations>\n")
    yield Step("writing", total, total)


def _write_head(file: TextIO, source: Exportable) -> None:
    height, width = source.size_hw
    labels = "".join(
        f"<label><name>{escape(_printable(name))}</name><color>{hex_colour(class_id)}</color>"
        "<type>polygon</type><attributes></attributes></label>"
        for class_id, name in _shapes.classes(source.names).items()
    )
    file.write(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta><task><name>{escape(_printable(source.title))}</name><size>{source.frames}</size>"
        f"<mode>interpolation</mode><overlap>0</overlap><start_frame>0</start_frame>"
        f"<stop_frame>{source.frames - 1}</stop_frame><frame_filter></frame_filter><labels>{labels}</labels>"
        f"<original_size><width>{width}</width><height>{height}</height></original_size></task></meta>\n"
    )


def _write_polygon(file: TextIO, index: int, points: str, *, outside: bool) -> None:
    file.write(
        f'    <polygon frame="{index}" keyframe="1" outside="{int(outside)}" occluded="0" '
        f'points="{points}" z_order="0"></polygon>\n'
    )


def _printable(text: str) -> str:
    """Return text without the control characters that XML 1.0 cannot hold."""
    return _FORBIDDEN.sub(" ", text)


def _quoted(text: str) -> str:
    return quoteattr(_printable(text))
