"""The player of a result: a component of HTML and JavaScript, frame-exact, masks drawn in the browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

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


def show(url: str, *, key: str, frame: int = 0, token: str = "", finish: str = "") -> int:
    """Show the player and return the frame that the person looks at.

    Args:
        url: of the result's `player.json` (vos/api/player.py).
        key: of the widget; a result keeps its key, so that a rerun does not start it anew.
        frame: where to go when `token` is another than before; the person's own way is left alone otherwise.
        finish: finishing touches as a query (vos.video.finish), or "" for the masks as they are.
    """
    result = _component()(
        key=key,
        data={"url": url, "ask": {"frame": frame, "token": token}, "finish": finish},
        default={"frame": frame},
        on_frame_change=lambda: None,
    )
    return int(result.frame if result.frame is not None else frame)
