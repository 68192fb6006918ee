"""The list of objects beside the canvas: a component in HTML and JavaScript; chips on a phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole

FOLDER = Path(__file__).parent
ACTS = ("choose", "rename", "hide", "remove")


@dataclass(frozen=True)
class Item:
    """An object as it is listed; `area` says in words how large it is on the frame."""

    id: int
    name: str
    colour: str
    area: str
    hidden: bool


@dataclass(frozen=True)
class Act:
    """What was done to an object, one of ACTS; `name` is its new one."""

    id: str
    act: str
    object_id: int
    name: str = ""


@cache
def _component() -> Callable[..., Any]:
    texts = {kind: (FOLDER / f"objects.{kind}").read_text() for kind in ("html", "css", "js")}
    return st.components.v2.component("vos_objects", **texts)


def show(items: Sequence[Item], chosen: int, *, key: str, on_act: Callable[[], None]) -> None:
    """Show the objects; `on_act` is called before the page runs, and `acts` gives it what was done."""
    data = {"objects": [asdict(item) for item in items], "chosen": chosen}
    _component()(key=key, data=data, on_acts_change=whole(on_act))


def acts(key: str) -> tuple[Act, ...]:
    """Return what was done last, oldest first; a browser may send anything, which is left out."""
    state = st.session_state.get(key)
    told = state.get("acts") if isinstance(state, Mapping) else None
    return tuple(
        Act(str(one.get("id")), one["act"], one["object"], str(one.get("name") or "")[:60])
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, Mapping) and one.get("act") in ACTS and isinstance(one.get("object"), int)
    )
