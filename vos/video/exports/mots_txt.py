"""MOTS as text: a line of run lengths for every object on every frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields, _shapes
from vos.video.masks import replacing

LABEL = "MOTS (txt)"
WHO = "Researchers of tracking and segmentation: what the MOTS evaluations and TrackEval take"
SUFFIX = ".txt"


Options = _fields.MotsOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write `frame id class height width runs` a line; the id is class x 1000 + the object's."""
    height, width = source.size_hw
    with replacing(target) as part, part.open("w", encoding="ascii", newline="\n") as file:
        for index in source.numbers(options.every):
            mask = source.mask(index)
            for object_id in _shapes.present(mask, source.names):
                runs = _shapes.run_lengths(mask == object_id)["counts"]
                track = options.class_id * 1000 + object_id
                file.write(f"{index} {track} {options.class_id} {height} {width} {runs}\n")
            yield source.step(index)
