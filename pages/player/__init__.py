"""The player of a result: a component of HTML and JavaScript, frame-exact, masks drawn in the browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    scripts = "\n".join((FOLDER / name).read_text() for name in ("masks.js", "paint.js", "player.js"))
    return st.components.v2.component(
        "vos_player",
        html=(FOLDER / "player.html").read_text(),
        css=(FOLDER / "player.css").read_text(),
        js=scripts,
    )


def show(
    url: str, *, key: str, frame: int, finish: str, may_correct: bool, on_correct: Callable[[int], None]
) -> None:
    """Show the player; it writes the frame that the person looks at into the page's address.

    Args:
        url: of the result's `player.json` (vos/api/player.py).
        key: of the widget; a result keeps its key, so that a rerun does not start it anew.
        frame: where to go at first, and when it is another than before: the address names another one.
        finish: finishing touches as a query (vos.video.finish), or "" for the masks as they are.
        on_correct: called, before the page runs, with the frame that the person wants to correct.
    """

    def correct() -> None:
        wanted = st.session_state[key].get("correct")
        if isinstance(wanted, int):
            on_correct(max(0, wanted))

    data = {"url": url, "frame": frame, "finish": finish, "may_correct": may_correct}
    _component()(key=key, data=data, on_correct_change=whole(correct))
