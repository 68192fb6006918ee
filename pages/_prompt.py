"""The prompt step of the upload page: a frame, tools, and the canvas on which objects are painted."""

from __future__ import annotations

import functools
import io
import secrets
import typing
import zlib
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from pages import _canvas, _drafts, _objects, _parts
from vos.drafts import Draft
from vos.types import Mask, VideoInfo, object_ids
from vos.video.draw import overlay
from vos.video.masks import unpack
from vos.video.read import open_clip
from vos.video.write import thumbnail

WAYS = {"paint": "Paint the object", "find": "No mask: find the main object"}
HINTS = {
    "Brush": "Paint over the object; one stroke after another.",
    "Eraser": "Paint over what is not the object.",
    "Polygon": "Click the corners; click the first one again to close the shape.",
    "Rectangle": "Drag from one corner to the other.",
}


def step(draft: Draft, info: VideoInfo) -> None:
    """Show the prompt step of a draft."""
    st.subheader("2 · Prompt")
    _way(draft)
    if not draft.by_hand:
        st.caption("Nothing to paint: the engine looks at the whole clip for what moves or stands out.")
        return
    with _parts.mistakes():
        full, small = _frame_jpeg(draft.digest, draft.path, draft.frame)
    left, right = st.columns([13, 5], gap="medium")
    with left:
        tool, width_px = _tool_controls(draft)
        _paint(draft, small, tool, width_px)
        if info.frames > 1:
            _frame_control(draft, info)
    with right:
        _objects.controls(draft)
        _preview(draft, full)
        _objects.mask_files(draft)


@st.cache_data(show_spinner=False, max_entries=64)
def _frame_jpeg(digest: str, path: str, index: int) -> tuple[bytes, bytes]:
    """Return a frame as JPEG, at its own size and at the canvas's."""
    frame = open_clip(Path(path)).frame_at(index)
    picture = Image.fromarray(frame)
    height, width = _canvas.canvas_size(frame.shape[:2])
    return _jpeg(picture), _jpeg(picture.resize((width, height), Image.Resampling.LANCZOS))


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _way(draft: Draft) -> None:
    key = f"way_{draft.token}"
    _drafts.hold(key, "paint" if draft.by_hand else "find")
    st.segmented_control(
        "How",
        list(WAYS),
        format_func=lambda way: WAYS[way],
        required=True,
        label_visibility="collapsed",
        key=key,
        on_change=_choose_way,
        args=(draft.token, key),
    )


def _tool_controls(draft: Draft) -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tool = st.segmented_control("Tool", list(_canvas.TOOLS), default="Brush", required=True, key="tool")
        width_px = st.slider("Brush size", 2, 100, 24, key="brush", width=220)
    tool = tool if tool in _canvas.TOOLS else "Brush"
    with st.container(horizontal=True, vertical_alignment="center"):
        button = functools.partial(st.button, on_click=_drafts.change)
        undo, redo = (draft.token, Draft.undo), (draft.token, Draft.redo)
        button(
            "Undo", icon=":material/undo:", shortcut="Ctrl+Z", disabled=not draft.done, key="undo", args=undo
        )
        button(
            "Redo",
            icon=":material/redo:",
            shortcut="Ctrl+Shift+Z",
            disabled=not draft.undone,
            key="redo",
            args=redo,
        )
        st.caption(HINTS[tool])  # always: what appears above the canvas would mount it anew
    return tool, width_px


def _frame_control(draft: Draft, info: VideoInfo) -> None:
    painted = ", ".join(map(str, draft.frames))
    key = f"frame_{draft.token}"
    _drafts.hold(key, min(draft.frame, info.frames - 1))
    with st.container(key="frame_control"):
        st.slider("Frame", 0, info.frames - 1, key=key, on_change=_choose_frame, args=(draft.token, key))
    st.caption(f"Painted: {painted}" if painted else "Nothing is painted yet.")


def _paint(draft: Draft, background: bytes, tool: str, width_px: int) -> None:
    """Show the canvas; it is locked while the slider already stands at another frame."""
    packed = draft.drawn.masks.get(draft.frame, b"")
    key, turn = _turn((draft.token, draft.frame, zlib.crc32(packed)))
    locked = f"body:has(.st-key-frame_control input:not([value='{draft.frame}'])) .st-key-canvas"
    fitting = _canvas.fitting_css(".st-key-canvas", draft.size_hw)
    st.html(f"<style>{fitting}{locked}{{pointer-events:none;opacity:.4}}</style>")
    with st.container(key="canvas"):
        sent = _canvas.show(
            background,
            _mask_drawing(packed, draft.size_hw),
            draft.size_hw,
            frame=draft.frame,
            turn=turn,
            tool=tool,
            width_px=width_px,
            object_id=draft.object_id,
            key=key,
            on_change=functools.partial(_keep_strokes, draft.token, key),
        )
    if sent and _keep_strokes(draft.token, key):
        st.rerun()  # what came with a run that was stopped before its callback


@st.cache_data(show_spinner=False, max_entries=64)
def _mask_drawing(packed: bytes, size_hw: tuple[int, int]) -> dict[str, typing.Any]:
    return _canvas.mask_drawing(unpack(packed, size_hw) if packed else np.zeros(size_hw, np.uint8))


def _turn(shown: tuple[str, int, int]) -> tuple[str, int]:
    """Return the canvas's key, one for each visit of the page, and its turn: another for another drawing."""
    visit = st.session_state.get("visit", 0)
    opened = st.session_state.setdefault("opened", {"secret": secrets.token_hex(4), "turn": 0, "seen": {}})
    if opened.get("shown") != (visit, *shown):
        opened.update(shown=(visit, *shown), turn=opened["turn"] + 1)
    return f"canvas_{opened['secret']}_{visit}_{shown[0]}", opened["turn"]


def _keep_strokes(token: str, key: str) -> bool:
    """Keep the strokes that the canvas told of and that are not kept yet; say whether there were any.

    A stroke goes to the frame it was drawn on, also when another is open by now.
    """
    opened = st.session_state.get("opened")
    found = False
    for sent in _canvas.read_state(key) if opened else ():
        shapes = sent.shapes[opened["seen"].get(sent.load, 0) :]
        strokes = [stroke for stroke in map(_canvas.read_stroke, shapes) if stroke]
        if strokes:
            _drafts.change(token, functools.partial(_paint_all, frame=sent.frame, strokes=strokes))
        if shapes:
            opened["seen"][sent.load] = len(sent.shapes)
            opened["shown"] = None  # a stroke that changed nothing goes from the canvas, too
            found = True
    return found


def _paint_all(draft: Draft, frame: int, strokes: list[_canvas.Stroke]) -> None:
    at = draft.frame, draft.object_id
    for stroke in strokes:
        if stroke.object_id == 0 or stroke.object_id in draft.names:
            draft.set_mask(frame, _canvas.paint(draft.mask(frame), stroke))
    draft.turn_to(*at)


# Callbacks: they run before the page does, so that no other click can interrupt them. What comes back from a
# widget is checked before it is kept.


def _choose_way(token: str, key: str) -> None:
    by_hand = st.session_state.get(key) != "find"

    def choose(draft: Draft) -> None:
        draft.by_hand = by_hand
        engines = _parts.engines()
        if by_hand != engines[draft.engine].NEEDS_PROMPT:
            free = [name for name, engine in engines.items() if not engine.NEEDS_PROMPT]
            draft.engine, draft.options = _drafts.DEFAULT_ENGINE if by_hand else free[0], {}

    _drafts.change(token, choose)


def _choose_frame(token: str, key: str) -> None:
    frame = st.session_state.get(key)
    if isinstance(frame, int):
        _drafts.change(token, lambda draft: draft.turn_to(frame, draft.object_id))


def _preview(draft: Draft, frame_jpeg: bytes) -> None:
    mask = draft.mask(draft.frame)
    frame = _pixels(frame_jpeg)
    shown = thumbnail(overlay(frame, mask), 640) if mask.any() else frame_jpeg
    _parts.picture(shown, f"Frame {draft.frame} with its mask")
    st.caption(f"Frame {draft.frame}, exactly as it will be used: {_areas(draft, mask)}")


@st.cache_data(show_spinner=False, max_entries=16)
def _pixels(jpeg: bytes) -> typing.Any:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def _areas(draft: Draft, mask: Mask) -> str:
    found = object_ids(mask)
    if not found:
        return "nothing is painted here yet."
    parts = []
    for object_id in found:
        area = int((mask == object_id).sum())
        name = _parts.plain(_parts.short(draft.names.get(object_id, f"Object {object_id}"), 30))
        parts.append(f"{name} {area:,} px ({100 * area / mask.size:.1f} %)")
    return " · ".join(parts)
