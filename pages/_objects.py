"""The objects of a draft: which one is painted, names, and masks from files."""

from __future__ import annotations

import functools
import zlib

import streamlit as st

from pages import _drafts, _parts
from vos.drafts import Draft
from vos.errors import VosError
from vos.types import MAX_OBJECTS
from vos.video.draw import hex_colour
from vos.video.masks import read_mask

MASK_TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]


def controls(draft: Draft) -> None:
    """Show which object is painted, its name, and buttons for objects."""
    ids = list(draft.names)
    dots = "".join(
        f'<span style="width:.9rem;height:.9rem;border-radius:50%;background:{hex_colour(i)};'
        f'outline:{"2px solid currentColor" if i == draft.object_id else "none"};outline-offset:2px"></span>'
        for i in ids
    )
    labels = zlib.crc32(repr(draft.names).encode())  # a select box knows its options by their labels
    key = f"object_{draft.token}_{labels}"
    _drafts.hold(key, draft.object_id)
    st.selectbox(
        "Object to paint",
        ids,
        format_func=lambda i: f"{i} · {_parts.short(draft.names.get(i, ''), 30)}",
        key=key,
        on_change=_choose_object,
        filter_mode=None,
        args=(draft.token, key),
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.6rem;padding:.2rem">{dots}</div>')
    key = f"name_{draft.token}_{draft.object_id}"
    _drafts.hold(key, draft.names[draft.object_id])
    st.text_input(
        "Its name", max_chars=60, key=key, on_change=_rename, args=(draft.token, key, draft.object_id)
    )
    full, last = len(ids) == MAX_OBJECTS, len(ids) == 1
    with st.container(horizontal=True):
        button = functools.partial(st.button, on_click=_drafts.change)
        button(
            "Add object",
            icon=":material/add:",
            disabled=full,
            key="add_object",
            args=(draft.token, Draft.add_object),
        )
        button(
            "Remove",
            icon=":material/delete:",
            disabled=last,
            key="remove_object",
            args=(draft.token, functools.partial(Draft.remove_object, object_id=draft.object_id)),
        )
        button(
            "Clear frame",
            icon=":material/ink_eraser:",
            key="clear_frame",
            args=(draft.token, functools.partial(Draft.clear, frame=draft.frame)),
        )


def mask_files(draft: Draft) -> None:
    """Offer to take masks of the frame from files, and to invert one that covers most of it."""
    key = f"mask_{draft.token}_{st.session_state.get('mask_turn', 0)}"
    note, frame = st.session_state.get("mask_note", ("", 0))
    if note and frame == draft.frame:
        st.info(_parts.plain(note))
    if covers := draft.covers_most(draft.frame):
        st.button(
            "Invert the mask",
            icon=":material/invert_colors:",
            help="The mask covers most of the frame; it may show the background.",
            key="invert",
            on_click=_drafts.change,
            args=(draft.token, functools.partial(Draft.invert, frame=draft.frame, object_id=covers)),
        )
    with st.expander("Use a mask file", icon=":material/upload_file:", key="mask_file"):
        st.file_uploader(
            "Mask pictures of this frame, any colours; several with one object each are several objects",
            type=MASK_TYPES,
            accept_multiple_files=True,
            key=key,
            on_change=_take_masks,
            args=(draft.token, key, draft.frame, draft.size_hw),
        )


def _take_masks(token: str, key: str, frame: int, size_hw: tuple[int, int]) -> None:
    files = st.session_state.get(key) or []
    try:
        masks, notes = zip(*(read_mask(file.getvalue(), size_hw) for file in files), strict=True)
    except VosError as error:
        st.session_state["mistake"] = _parts.sentence(error)
        return
    except ValueError:
        return  # no file is left
    _drafts.change(token, lambda draft: draft.add_masks(frame, masks))
    note = " ".join(dict.fromkeys(filter(None, notes)))
    st.session_state["mask_note"] = note, frame
    st.session_state["mask_turn"] = st.session_state.get("mask_turn", 0) + 1  # a new uploader, free of files


def _choose_object(token: str, key: str) -> None:
    object_id = st.session_state.get(key)
    if isinstance(object_id, int):
        _drafts.change(token, lambda draft: draft.turn_to(draft.frame, object_id))


def _rename(token: str, key: str, object_id: int) -> None:
    name = str(st.session_state.get(key) or "").strip()
    _drafts.change(token, lambda draft: draft.rename(object_id, name))
