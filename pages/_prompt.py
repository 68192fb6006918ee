"""The prompt step of the upload page: paint objects on frames, name them, or load a mask file."""

from __future__ import annotations

import functools
import io
import secrets
import typing
from pathlib import Path

import streamlit as st
from PIL import Image

from pages import _canvas, _drafts, _parts
from pages._drafts import Draft
from vos.errors import VosError
from vos.types import MAX_OBJECTS, Mask, VideoInfo, object_ids
from vos.video.draw import hex_colour, overlay
from vos.video.masks import read_mask
from vos.video.read import open_clip
from vos.video.write import thumbnail

WAYS = ("Paint the object", "No mask: find the main object")


def step(draft: Draft, info: VideoInfo) -> None:
    """Show the prompt step of a draft."""
    st.subheader("2 · Prompt")
    _way(draft)
    if not draft.by_hand:
        st.session_state.pop("opened", None)  # the canvas goes; when it comes back it starts anew
        st.caption("Nothing to paint: the engine looks at the whole clip for what moves or stands out.")
        return
    left, right = st.columns([13, 5], gap="medium")
    with right:
        _object_controls(draft)
    with left:
        tool, width_px = _tool_controls()
        with _parts.mistakes():
            full, small = _frame_jpeg(draft.digest, draft.path, draft.frame)
        _paint(draft, small, tool, width_px)
        if info.frames > 1:
            _frame_control(draft, info)
    with right:
        _preview(draft, full)
        _mask_file(draft)


@st.cache_data(show_spinner=False, max_entries=64)
def _frame_jpeg(digest: str, path: str, index: int) -> tuple[bytes, bytes]:
    """Return a frame as JPEG, at its own size and at the canvas's."""
    frame = next(iter(open_clip(Path(path)).sample([index])))
    picture = Image.fromarray(frame)
    height, width = _canvas.canvas_size(frame.shape[:2])
    return _jpeg(picture), _jpeg(picture.resize((width, height), Image.Resampling.LANCZOS))


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _save(draft: Draft) -> None:
    _drafts.save(draft, _parts.runner().store)


def _way(draft: Draft) -> None:
    key = f"way_{draft.token}"
    st.segmented_control(
        "How",
        WAYS,
        default=WAYS[not draft.by_hand],
        required=True,
        label_visibility="collapsed",
        key=key,
        on_change=_choose_way,
        args=(draft, key),
    )


def _tool_controls() -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tool = st.segmented_control("Tool", list(_canvas.TOOLS), default="Brush", required=True, key="tool")
        width_px = st.slider("Brush size", 2, 100, 24, key="brush", width=220)
    if tool == "Polygon":
        st.caption("Click the corners; click the first one again to close the shape.")
    return tool or "Brush", width_px


def _frame_control(draft: Draft, info: VideoInfo) -> None:
    painted = [str(f) for f in sorted(draft.drawings) if draft.mask(f).any()]
    note = f" (painted: {', '.join(painted)})" if painted else ""
    frame = st.slider(f"Frame{note}", 0, info.frames - 1, draft.frame, key=f"frame_{draft.token}")
    if frame != draft.frame:
        draft.frame = frame
        _save(draft)
        st.rerun()  # the canvas stands above the slider


def _paint(draft: Draft, background: bytes, tool: str, width_px: int) -> None:
    place = f"{draft.token}_{draft.frame}_{draft.version}_{st.session_state.get('visit', 0)}"
    opened = st.session_state.setdefault("opened", {})
    if opened.get("place") != place:  # a fresh canvas starts from what was kept
        initial = draft.drawings.get(draft.frame)
        opened.update(place=place, initial=initial, seen=None, key=f"canvas_{secrets.token_hex(4)}")
    st.html(f"<style>{_canvas.fitting_css('.st-key-canvas', draft.size_hw)}</style>")
    with st.container(key="canvas"):
        drawing = _canvas.show(
            background,
            draft.size_hw,
            tool=tool,
            width_px=width_px,
            object_id=draft.object_id,
            initial=opened["initial"],
            key=opened["key"],
        )
    if drawing is None or drawing == opened["seen"]:
        return
    opened["seen"] = drawing
    cut = _canvas.erase(drawing)
    if cut is not None:
        opened["initial"] = cut
    kept = draft.drawings.get(draft.frame)
    draft.drawings[draft.frame] = {"objects": (cut or drawing)["objects"]}
    if draft.drawings[draft.frame] != kept:
        _save(draft)
    if cut is not None:
        st.rerun()


def _object_controls(draft: Draft) -> None:
    ids = sorted(draft.names)
    dots = "".join(
        f'<span style="width:.9rem;height:.9rem;border-radius:50%;background:{hex_colour(i)};'
        f'outline:{"2px solid currentColor" if i == draft.object_id else "none"};outline-offset:2px"></span>'
        for i in ids
    )
    turn = st.session_state.setdefault("object_turn", 0)
    st.selectbox(
        "Object to paint",
        ids,
        index=ids.index(draft.object_id),
        format_func=lambda i: _parts.short(draft.names[i], 30),
        key=f"object_{draft.token}_{turn}",
        on_change=_choose_object,
        filter_mode=None,
        args=(draft, turn),
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.6rem;padding:.2rem">{dots}</div>')
    st.text_input(
        "Its name",
        draft.names[draft.object_id],
        max_chars=60,
        key=f"name_{draft.token}_{draft.object_id}",
        on_change=_name_object,
        args=(draft, draft.object_id),
    )
    full, last = len(ids) == MAX_OBJECTS, len(ids) == 1
    with st.container(horizontal=True):
        button = functools.partial(st.button, args=(draft,))
        button("Add object", icon=":material/add:", disabled=full, key="add_object", on_click=_add_object)
        button("Remove", icon=":material/delete:", disabled=last, key="remove_object", on_click=_remove)
        button("Clear frame", icon=":material/ink_eraser:", key="clear_frame", on_click=_clear_frame)


# Callbacks: they run before the page does, so that no other click can interrupt them.


def _choose_way(draft: Draft, key: str) -> None:
    draft.by_hand = st.session_state[key] == WAYS[0]
    engines = _parts.engines()
    if draft.by_hand == (not engines[draft.engine].NEEDS_PROMPT):
        draft.engine = (
            _drafts.DEFAULT_ENGINE
            if draft.by_hand
            else next(name for name, engine in engines.items() if not engine.NEEDS_PROMPT)
        )
        draft.options = {}
    _save(draft)


def _choose_object(draft: Draft, turn: int) -> None:
    """Take the choice, unless it comes from a select box that another click has already replaced."""
    if turn == st.session_state["object_turn"]:
        _turn_to(draft, st.session_state[f"object_{draft.token}_{turn}"])


def _turn_to(draft: Draft, object_id: int) -> None:
    draft.object_id = object_id
    st.session_state["object_turn"] += 1
    _save(draft)


def _name_object(draft: Draft, object_id: int) -> None:
    name = st.session_state[f"name_{draft.token}_{object_id}"].strip()
    draft.names[object_id] = name or f"Object {object_id}"
    _save(draft)


def _add_object(draft: Draft) -> None:
    new = next(i for i in range(1, MAX_OBJECTS + 1) if i not in draft.names)
    draft.names[new] = f"Object {new}"
    _turn_to(draft, new)


def _clear_frame(draft: Draft) -> None:
    draft.drawings.pop(draft.frame, None)
    draft.version += 1
    _save(draft)


def _remove(draft: Draft) -> None:
    del draft.names[draft.object_id]
    draft.drawings = {f: _canvas.without(drawn, draft.object_id) for f, drawn in draft.drawings.items()}
    draft.version += 1
    _turn_to(draft, min(draft.names))


def _preview(draft: Draft, frame_jpeg: bytes) -> None:
    mask = draft.mask(draft.frame)
    frame = _pixels(frame_jpeg)
    shown = thumbnail(overlay(frame, mask), 640) if mask.any() else frame_jpeg
    _parts.picture(shown, f"Frame {draft.frame} with its mask")
    st.caption(f"Frame {draft.frame}, exactly as it will be used: {_areas(draft, mask)}")


@st.cache_data(show_spinner=False, max_entries=16)
def _pixels(jpeg: bytes) -> typing.Any:
    import numpy as np

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


def _mask_file(draft: Draft) -> None:
    key = f"mask_{draft.token}_{draft.frame}_{draft.version}"
    note_key, note = st.session_state.get("mask_note", ("", ""))
    if note and note_key == key:
        st.info(_parts.plain(note))
    with st.expander("Use a mask file", icon=":material/upload_file:"):
        file = st.file_uploader(
            "A mask picture: PNG, any colours", type=["png", "bmp", "gif", "tif"], key=key
        )
        if file is None:
            return
        try:
            mask, note = read_mask(file.getvalue(), draft.size_hw)
        except VosError as error:
            st.error(_parts.sentence(error))
            return
        draft.set_mask(draft.frame, mask)
        _turn_to(draft, object_ids(mask)[0])
        st.session_state["mask_note"] = (f"mask_{draft.token}_{draft.frame}_{draft.version}", note)
        st.rerun()
