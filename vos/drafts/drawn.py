"""What is drawn and clicked, by frame and object: what undo gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vos.types import Mask, Point


@dataclass(frozen=True)
class Clicks:
    """What was said of one object on one frame, in pixels: clicks in their order, a box x1, y1, x2, y2."""

    points: tuple[Point, ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Drawn:
    """What undo gives back: masks by frame, as `masks.pack` makes them, names, clicks by (frame, object)."""

    masks: Mapping[int, bytes] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=lambda: {1: "Object 1"})
    clicks: Mapping[tuple[int, int], Clicks] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What was drawn before an edit, and the frame on which the edit is seen."""

    frame: int
    drawn: Drawn


def drop_denied(
    clicks: Mapping[tuple[int, int], Clicks], frame: int, mask: Mask
) -> dict[tuple[int, int], Clicks]:
    """Return the clicks without those on a frame that its new mask denies."""
    kept = {}
    for (at, object_id), said in clicks.items():
        if at == frame:
            if not (mask == object_id).any():
                continue
            points = (p for p in said.points if (mask[int(p.y), int(p.x)] == object_id) == p.positive)
            said = replace(said, points=tuple(points))
        if said != Clicks():
            kept[at, object_id] = said
    return kept
