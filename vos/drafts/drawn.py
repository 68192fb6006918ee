"""What is drawn, clicked and said in a draft at one moment: what undo gives back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from vos.errors import InvalidInput
from vos.types import MAX_OBJECTS, VOID, Mask, Point


@dataclass(frozen=True)
class Clicks:
    """What was said of one object on one frame, in pixels: clicks in their order, a box x1, y1, x2, y2."""

    points: tuple[Point, ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Drawn:
    """What undo gives back: masks by frame, as `masks.pack` makes them, names, clicks by (frame, object).

    `gone`: which objects are not there from a frame on, by frame.
    """

    masks: Mapping[int, bytes] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=lambda: {1: "Object 1"})
    clicks: Mapping[tuple[int, int], Clicks] = field(default_factory=dict)
    gone: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


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


def without_gone(
    gone: Mapping[int, tuple[int, ...]], said: Mapping[int, Collection[int]]
) -> dict[int, tuple[int, ...]]:
    """Return which objects are gone without those that are said, by frame."""
    rest = {frame: tuple(i for i in ids if i not in said.get(frame, ())) for frame, ids in gone.items()}
    return {frame: ids for frame, ids in rest.items() if ids}


def free_id(names: Mapping[int, str]) -> int:
    """Return the lowest id that no object has.

    Raises:
        InvalidInput: there are as many objects as can be.
    """
    if len(names) >= MAX_OBJECTS:
        raise InvalidInput(f"there are {len(names)} objects already; at most {MAX_OBJECTS} are allowed")
    return next(i for i in range(1, VOID) if i not in names)
