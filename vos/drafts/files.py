"""Drafts on disk: JSON that is read with care, and edits that no other tab's edit overwrites."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from vos import plugins
from vos.drafts.draft import DEFAULT_ENGINE, STEPS, Draft
from vos.drafts.drawn import Clicks, Drawn, Step
from vos.drafts.old import draw_old
from vos.errors import InvalidInput, VosError
from vos.labels import Labeller
from vos.options import changed, read_kept_options
from vos.store import Store
from vos.types import VOID, Point
from vos.video.masks import unpack

log = logging.getLogger(__name__)

_TRIES = 20


def load(store: Store, token: str) -> Draft | None:
    """Return a kept draft, or None where there is none, or none that says what its clip is."""
    text = store.draft(token)
    draft = read(text) if text is not None else None
    return draft if draft is not None and draft.token == token else None


def refresh(store: Store, draft: Draft) -> Draft:
    """Return the draft as another tab may have changed it since; frame and object stay those of this tab."""
    if store.draft_revision(draft.token) == draft.revision:
        return draft
    newest = load(store, draft.token)
    if newest is None:
        return draft
    newest.turn_to(draft.frame, draft.object_id)
    return newest


def edit(store: Store, draft: Draft, change: Callable[[Draft], object]) -> Draft:
    """Change a draft as it is kept now, whoever changed it last, and keep it: no edit is ever lost.

    `change` runs anew on the newer draft when another tab or process was faster.

    Raises:
        InvalidInput: what `change` raises; or others save without a pause. Nothing is kept then.
    """
    for _ in range(_TRIES):
        stored = store.draft_revision(draft.token)
        newest = refresh(store, draft)
        newest = replace(newest)  # nothing changes unless all of it is kept
        change(newest)
        newest.revision = stored + 1
        if store.save_draft(draft.token, write(newest), revision=newest.revision):
            return newest
    raise InvalidInput("this draft is being changed in other tabs all the time; please try again")


def write(draft: Draft) -> str:
    """Return a draft as JSON; equal masks in its history are written once."""
    pool: dict[bytes, int] = {}

    def drawn(state: Drawn) -> dict[str, Any]:
        masks = {frame: pool.setdefault(packed, len(pool)) for frame, packed in state.masks.items()}
        clicks = [
            [*at, [[p.x, p.y, p.positive] for p in said.points], said.box]
            for at, said in state.clicks.items()
        ]
        return {"masks": masks, "names": dict(state.names), "clicks": clicks, "gone": dict(state.gone)}

    def steps(history: Sequence[Step]) -> list[dict[str, Any]]:
        return [{"frame": step.frame, "drawn": drawn(step.drawn)} for step in history]

    plain = ("token", "path", "digest", "title", "size_hw", "frame", "object_id", "by_hand")
    more = ("engine", "span", "base", "colours", "job_id", "revision")
    fields = {name: getattr(draft, name) for name in (*plain, *more)}
    fields |= {
        "options": changed(draft.options),
        "drawn": drawn(draft.drawn),
        "done": steps(draft.done),
        "undone": steps(draft.undone),
    }
    fields["masks"] = [base64.b64encode(packed).decode() for packed in pool]
    return json.dumps(fields)


def read(text: str) -> Draft | None:
    """Return the draft that JSON holds. A bad field costs that field; without a clip there is no draft."""
    try:
        fields = json.loads(text)
        height, width = (int(n) for n in fields["size_hw"])
        token, path, digest = (str(fields[name]) for name in ("token", "path", "digest"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not re.fullmatch("[0-9a-f]{64}", digest) or min(height, width) < 1:
        return None
    draft = Draft(token, path, digest, str(fields.get("title", "")), (height, width))
    pool = _pool(fields.get("masks"), draft.size_hw)
    take = _Taker(fields)
    draft.drawn = take("drawn", lambda value: _drawn(value, pool), draft.drawn)
    draft.done = take("done", lambda value: _steps(value, pool), ())[-STEPS:]
    draft.undone = take("undone", lambda value: _steps(value, pool), ())
    draft.frame = take("frame", lambda value: max(0, int(value)), 0)
    draft.object_id = take("object_id", int, 1)
    if draft.object_id not in draft.names:
        draft.object_id = min(draft.names)
    if "drawings" in fields:  # as drafts were kept once
        draft.drawn = take(
            "drawings", lambda value: draw_old(value, fields.get("names"), draft.size_hw), Drawn()
        )
        draft.object_id = take("object_id", int, 1)
    draft.by_hand = take("by_hand", bool, True)
    draft.span = take("span", _span, None)
    draft.base = take("base", str, "")
    draft.colours = take("colours", lambda value: Labeller(value).to_json(), {})
    draft.job_id = take("job_id", str, "")
    draft.revision = take("revision", int, 0)
    draft.take_engine(take("engine", _engine, DEFAULT_ENGINE))
    kept = partial(read_kept_options, plugins.ENGINES, draft.engine)
    draft.options = take("options", kept, draft.options)
    return draft


class _Taker:
    """Reads fields, each with its default: what does not read is logged and costs that field."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __call__(self, name: str, reading: Callable[[Any], Any], default: Any) -> Any:
        try:
            return reading(self._fields[name])
        except (VosError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            log.warning("a draft's %s does not read and is left out: %s", name, error)
            return default


def _pool(value: object, size_hw: tuple[int, int]) -> dict[int, bytes]:
    """Return the masks that read back, by their number."""
    found = {}
    for number, text in enumerate(value if isinstance(value, list) else []):
        try:
            packed = base64.b64decode(text, validate=True)
            unpack(packed, size_hw)
        except (VosError, ValueError, TypeError) as error:
            log.warning("a mask of a draft does not read and is left out: %s", error)
        else:
            found[number] = packed
    return found


def _drawn(value: Any, pool: Mapping[int, bytes]) -> Drawn:
    masks = {int(frame): pool[number] for frame, number in value["masks"].items() if number in pool}
    names = {int(i): str(name) for i, name in value["names"].items() if 0 < int(i) < VOID}
    clicks = {}
    for frame, object_id, points, box in value.get("clicks", ()):
        said = tuple(Point(float(x), float(y), bool(positive)) for x, y, positive in points)
        x1, y1, x2, y2 = map(float, box) if box else (0.0, 0.0, 0.0, 0.0)
        clicks[int(frame), int(object_id)] = Clicks(said, (x1, y1, x2, y2) if box else None)
    gone = {int(frame): tuple(int(i) for i in ids) for frame, ids in value.get("gone", {}).items()}
    return Drawn({f: m for f, m in masks.items() if f >= 0}, names or {1: "Object 1"}, clicks, gone)


def _steps(value: Any, pool: Mapping[int, bytes]) -> tuple[Step, ...]:
    return tuple(Step(max(0, int(step["frame"])), _drawn(step["drawn"], pool)) for step in value)


def _span(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    first, last = value
    if not 0 <= int(first) <= int(last):
        raise InvalidInput(f"no frames are from {first} to {last}")
    return int(first), int(last)


def _engine(value: Any) -> str:
    if value not in plugins.names(plugins.ENGINES):
        raise InvalidInput(f"there is no engine {value!r}")
    return str(value)
