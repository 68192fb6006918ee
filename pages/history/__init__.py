"""Undo and Redo: a component in HTML and JavaScript, in which every press counts.

Streamlit takes two clicks on one button for one while the page is busy; these are numbered and told together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole

FOLDER = Path(__file__).parent
ACTS = ("undo", "redo")


@cache
def _component() -> Callable[..., Any]:
    texts = {kind: (FOLDER / f"history.{kind}").read_text() for kind in ("html", "css", "js")}
    return st.components.v2.component("vos_history", **texts)


def show(*, key: str, can_undo: bool, can_redo: bool, on_act: Callable[[str], None]) -> None:
    """Show both buttons; `on_act` is called before the page runs, once for every press, with one of ACTS."""
    heard_key = f"heard_{key}"

    def take() -> None:
        state = st.session_state.get(key)
        told = state.get("pressed") if isinstance(state, Mapping) else None
        heard = st.session_state.get(heard_key, ("", 0))
        if not isinstance(told, Mapping) or not isinstance(told.get("acts"), list):
            return
        load, acts, count = str(told.get("load")), told["acts"], int(told.get("count", 0))
        new = count - (heard[1] if heard[0] == load else 0)
        st.session_state[heard_key] = load, count
        for act in acts[-new:] if new > 0 else ():
            if act in ACTS:
                on_act(act)

    data = {"undo": can_undo, "redo": can_redo}
    _component()(key=key, data=data, on_pressed_change=whole(take))
