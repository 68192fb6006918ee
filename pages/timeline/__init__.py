"""The timeline under the canvas: a component in HTML and JavaScript for the frame, prompts and range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole

FOLDER = Path(__file__).parent
Span = tuple[int, int] | None


@cache
def _component() -> Callable[..., Any]:
    texts = {kind: (FOLDER / f"timeline.{kind}").read_text() for kind in ("html", "css", "js")}
    return st.components.v2.component("vos_timeline", **texts)


def show(
    *,
    key: str,
    digest: str,
    frames: int,
    fps: float,
    frame: int,
    prompts: Sequence[int],
    span: Span,
    on_move: Callable[[int], None],
    on_span: Callable[[Span], None],
) -> None:
    """Show the timeline of an uploaded clip; callbacks tell of another frame and another range to track.

    Args:
        prompts: the frames that bear a diamond, ascending.
        span: first and last frame to track, or None for all.
    """

    def said(name: str) -> Any:
        return st.session_state[key].get(name)

    def take_frame() -> None:
        if isinstance(wanted := said("frame"), int) and 0 <= wanted < frames:
            on_move(wanted)

    def take_span() -> None:
        wanted = said("span")
        on_span((int(wanted[0]), int(wanted[1])) if isinstance(wanted, list) and len(wanted) == 2 else None)

    _component()(
        key=key,
        data={
            "clip": digest,
            "pictures": f"/api/clips/{digest}/frames",
            "frames": frames,
            "fps": fps,
            "frame": frame,
            "prompts": list(prompts),
            "span": list(span) if span else None,
        },
        on_frame_change=whole(take_frame),
        on_span_change=whole(take_span),
    )
