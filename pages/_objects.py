"""The right of the upload page: the objects, changes of a mask's shape, masks from files, the overview."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import streamlit as st

from pages import _acts, _drafts, _parts, _prompt, _words, objects, overview
from vos.drafts import Draft, retouch
from vos.labels import SUFFIXES, Labeller, read_labels
from vos.types import MAX_OBJECTS, Mask
from vos.video.draw import hex_colour
from vos.video.masks import check_prompt, fit

WAYS = {"paint": "Point at it", "find": "Find it for me"}
HEARD = 64  # acts whose ids are remembered
TOUCHES: dict[str, tuple[str, Callable[[Mask], Mask]]] = {
    "holes": ("Fill holes", retouch.fill_holes),
    "smooth": ("Smooth", retouch.smooth),
    "grow": ("Grow by a pixel", functools.partial(retouch.grow, pixels=1)),
    "shrink": ("Shrink by a pixel", functools.partial(retouch.grow, pixels=-1)),
}


def show(draft: Draft) -> None:
    """Show how the object is found, and where it is pointed at: objects, their masks, the overview."""
    _way(draft)
    if not draft.by_hand:
        st.caption("Nothing to point at: the whole clip is looked at for what moves or stands out.")
        return
    _list(draft)
    with st.container(horizontal=True, gap="small"):
        full = len(draft.names) == MAX_OBJECTS
        _change("Add object", "add_object", "add", draft, Draft.add_object, disabled=full)
        with st.popover("Edit mask", icon=":material/auto_fix_high:", key="edit_mask"):
            _edits(draft)
        with st.popover("Mask file", icon=":material/upload_file:", key="mask_file"):
            _mask_files(draft)
    note, frame = st.session_state.get("mask_note", ("", 0))
    if note and frame == draft.frame:
        st.info(_words.plain(note))
    if covers := draft.covers_most(draft.frame):
        turned = functools.partial(Draft.invert, frame=draft.frame, object_id=covers)
        st.caption("The mask covers most of the frame; it may show the background.")
        _change("Invert the mask", "invert", "invert_colors", draft, turned)
    part = _prompt.region(draft)
    if part[2:] != (draft.size_hw[1], draft.size_hw[0]):
        key = f"overview_{draft.token}"
        picture = f"/api/clips/{draft.digest}/frames/{draft.frame}.jpg?width=320"
        overview.show(
            picture,
            draft.size_hw,
            part,
            key=key,
            on_move=lambda: _prompt.move_to(draft.token, overview.centre(key)),
        )


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
        width="stretch",
        on_change=_acts.whole(_choose_way),
        args=(draft.token, key),
    )


def _choose_way(token: str, key: str) -> None:
    by_hand = st.session_state.get(key) != "find"

    def choose(draft: Draft) -> None:
        draft.by_hand = by_hand
        engines = _parts.engines()
        if by_hand != engines[draft.engine].NEEDS_PROMPT:
            free = [name for name, engine in engines.items() if not engine.NEEDS_PROMPT]
            draft.take_engine(_drafts.DEFAULT_ENGINE if by_hand else free[0])

    _drafts.change(token, choose)


def _list(draft: Draft) -> None:
    mask, hidden = draft.mask(draft.frame), _prompt.hidden(draft.token)
    counts = np.bincount(mask.ravel(), minlength=256)
    items = [
        objects.Item(
            i, name, hex_colour(i), _area(int(counts[i]), mask.size, _is_gone(draft, i)), i in hidden
        )
        for i, name in draft.names.items()
    ]
    key = f"objects_{draft.token}"
    objects.show(items, draft.object_id, key=key, on_act=functools.partial(_take_acts, draft.token, key))


def _area(pixels: int, size: int, gone: bool) -> str:
    if pixels:
        return f"{pixels:,} px ({100 * pixels / size:.1f} %)"
    return "gone from here on" if gone else "not on this frame yet"


def _is_gone(draft: Draft, object_id: int) -> bool:
    return object_id in draft.gone.get(draft.frame, ())


def _take_acts(token: str, key: str) -> None:
    heard: list[str] = st.session_state.get("acts_heard", [])
    for act in objects.acts(key):
        if act.id not in heard:
            heard = [*heard, act.id][-HEARD:]
            _take_act(token, act)
    st.session_state["acts_heard"] = heard


def _take_act(token: str, act: objects.Act) -> None:
    hidden = _prompt.hidden(token)
    if act.act == "hide":
        hidden ^= {act.object_id}
    elif act.act == "choose":
        hidden.discard(act.object_id)
        _drafts.change(token, lambda draft: draft.turn_to(draft.frame, act.object_id))
    elif act.act == "rename":
        _drafts.change(token, lambda draft: draft.rename(act.object_id, act.name.strip()))
    elif act.act == "remove":
        _drafts.change(token, lambda draft: draft.remove_object(act.object_id))


def _change(
    label: str, key: str, icon: str, draft: Draft, act: Callable[[Draft], object], disabled: bool = False
) -> None:
    _acts.button(
        label,
        _drafts.change,
        draft.token,
        act,
        changes=True,
        icon=f":material/{icon}:",
        key=key,
        disabled=disabled,
    )


def _edits(draft: Draft) -> None:
    """Show what changes the mask of the chosen object on this frame, a step of the history each."""
    at = {"frame": draft.frame, "object_id": draft.object_id}
    nothing = not (draft.mask(draft.frame) == draft.object_id).any()
    for key, (label, touch) in TOUCHES.items():
        act = functools.partial(Draft.retouch, **at, touch=touch)
        _change(label, f"touch_{key}", "adjust", draft, act, disabled=nothing)
    _change("Invert", "touch_invert", "invert_colors", draft, functools.partial(Draft.invert, **at))
    gone = _is_gone(draft, draft.object_id)
    act = functools.partial(Draft.set_gone, **at, gone=not gone)
    before = any(frame < draft.frame for frame in draft.frames)
    label = "Not gone" if gone else "Gone from here on"
    _change(label, "gone", "person_off", draft, act, disabled=not (gone or before))
    source = draft.before(draft.frame)
    label = "Copy an earlier frame's mask" if source is None else f"Copy the mask of frame {source}"
    copy = functools.partial(Draft.copy_before, frame=draft.frame)
    _change(label, "copy_before", "content_copy", draft, copy, disabled=source is None)
    _change(
        "Clear frame", "clear_frame", "ink_eraser", draft, functools.partial(Draft.clear, frame=draft.frame)
    )


def _mask_files(draft: Draft) -> None:
    """Offer to take masks of the frame from files."""
    key = f"mask_{draft.token}_{st.session_state.get('mask_turn', 0)}"
    with st.container(key="mask_file_place"):
        st.file_uploader(
            "Mask pictures of this frame, any colours; several with one object each are several objects",
            type=list(SUFFIXES),
            accept_multiple_files=True,
            key=key,
            on_change=_acts.whole(_take_masks),
            args=(draft.token, key, draft.frame),
        )


def _take_masks(token: str, key: str, frame: int) -> None:
    files = st.session_state.get(key) or []
    notes: list[str] = []

    def take(draft: Draft) -> None:
        labeller = Labeller(draft.colours)
        layers = [
            (
                file.name,
                check_prompt(fit(read_labels(file.getvalue(), labeller, name=file.name), draft.size_hw)),
            )
            for file in files
        ]
        notes[:] = draft.add_masks(frame, layers, labeller).notes

    if files:
        _drafts.change(token, take)
        st.session_state["mask_note"] = " ".join(notes), frame
        st.session_state["mask_turn"] = st.session_state.get("mask_turn", 0) + 1  # a new uploader, empty
