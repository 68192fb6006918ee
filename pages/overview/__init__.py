"""The whole frame, small, with the part that the zoomed canvas shows; the part is dragged about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole
from vos.drafts.strokes import Region

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    texts = {kind: (FOLDER / f"overview.{kind}").read_text() for kind in ("html", "css", "js")}
    return st.components.v2.component("vos_overview", **texts)


def show(
    picture: str, size_hw: tuple[int, int], region: Region, *, key: str, on_move: Callable[[], None]
) -> None:
    """Show a frame's picture, by its address, and the region; `on_move` is called before the page runs."""
    height, width = size_hw
    left, top, wide, high = region
    part = [left / width, top / height, wide / width, high / height]
    _component()(
        key=key,
        data={"picture": picture, "part": part, "ratio": width / height},
        on_centre_change=whole(on_move),
    )


def centre(key: str) -> tuple[float, float] | None:
    """Return where the middle of the part was dragged to, x and y in shares of the sides, or None."""
    state = st.session_state.get(key)
    told = state.get("centre") if isinstance(state, Mapping) else None
    if isinstance(told, list) and len(told) == 2 and all(isinstance(v, int | float) for v in told):
        return min(max(float(told[0]), 0.0), 1.0), min(max(float(told[1]), 0.0), 1.0)
    return None
