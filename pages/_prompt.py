"""The left of the upload page: tools, the canvas on which one points and paints, the timeline."""

from __future__ import annotations

import functools
import io
import secrets
import typing
import zlib

import numpy as np
import streamlit as st
from PIL import Image

from pages import _acts, _canvas, _drafts, _parts, _pointing, _run, history, timeline
from vos.drafts import Draft
from vos.drafts.strokes import Region, Stroke, paint, read_stroke, zoomed
from vos.types import VideoInfo
from vos.video.masks import unpack

ZOOMS = (1, 2, 4, 8)
HEARD = 64  # clicks whose ids are remembered


def show(draft: Draft, info: VideoInfo) -> bool:
    """Show tools, canvas and timeline of a draft; without a mask the frame alone. Say whether one points."""
    jpeg = still(draft)
    with st.container(key="tools"):  # always one element: what comes and goes above the canvas mounts it anew
        tool, width_px, away = _tools(draft) if draft.by_hand else ("Click", 1, False)
    with st.container(key="canvas"):
        if draft.by_hand:
            _canvas_of(draft, jpeg, tool, width_px, away)
        else:
            _run.show_frame(jpeg, f"Frame {draft.frame}")
    under(draft, info)
    return draft.by_hand and tool in ("Click", "Box")


def still(draft: Draft) -> bytes:
    """Return the part of the frame that this tab looks at, as JPEG."""
    with _parts.mistakes():
        return _jpeg(draft.digest, draft.path, draft.frame, region(draft))


def under(draft: Draft, info: VideoInfo) -> None:
    """Show the timeline."""
    with st.container(key="under"):
        if info.frames > 1:
            timeline.show(
                key=f"timeline_{draft.token}",
                digest=draft.digest,
                frames=info.frames,
                fps=float(info.fps),
                frame=min(draft.frame, info.frames - 1),
                prompts=sorted({*draft.frames, *draft.gone}) if draft.by_hand else (),
                span=draft.span,
                on_move=lambda frame: _drafts.change(draft.token, lambda d: d.turn_to(frame, d.object_id)),
                on_span=lambda span: _drafts.change(draft.token, lambda d: setattr(d, "span", span)),
            )


def region(draft: Draft) -> Region:
    """Return the part of the frame that this tab looks at."""
    zoom, centre = st.session_state.get(f"view_{draft.token}", (1, (0.5, 0.5)))
    return zoomed(draft.size_hw, zoom, centre)


def move_to(token: str, centre: tuple[float, float] | None) -> None:
    """Look at another part of the frame."""
    zoom, _ = st.session_state.get(f"view_{token}", (1, (0.5, 0.5)))
    st.session_state[f"view_{token}"] = zoom, centre or (0.5, 0.5)


def hidden(token: str) -> set[int]:
    """Return the objects that this tab does not show; it may be changed."""
    found: set[int] = st.session_state.setdefault(f"hidden_{token}", set())
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _jpeg(digest: str, path: str, index: int, region: Region) -> bytes:
    """Return a part of a frame as JPEG of the canvas's size."""
    pixels = _pointing.frame(digest, path, index)
    height, width = _canvas.canvas_size((pixels.shape[0], pixels.shape[1]))
    part = Image.fromarray(pixels[region.slices])
    small = max(region.width, region.height) < max(height, width)
    how = Image.Resampling.NEAREST if 4 * region.width <= width and small else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    part.resize((width, height), how).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _tools(draft: Draft) -> tuple[str, int, bool]:
    """Show the tools; return the chosen one, the brush's width, and whether clicks take away."""
    width_px, away = 24, False
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        tool = st.segmented_control(
            "Tool",
            list(_canvas.TOOLS),
            default="Click",
            required=True,
            key="tool",
            label_visibility="collapsed",
        )
        tool = tool if tool in _canvas.TOOLS else "Click"
        with st.container(key="tool_more", width="content"):  # always one: no element after it moves
            if tool == "Click":
                away = _away()
            elif tool in ("Brush", "Eraser"):
                size = {"key": "brush", "width": 180, "label_visibility": "collapsed"}
                width_px = st.slider("Brush size", 2, 100, 24, **size)
        _history(draft)
        _zoom_buttons(draft)
    return tool, width_px, away


def _away() -> bool:
    """Show what a click does; say whether it takes away."""
    how = st.segmented_control(
        "What a click does",
        ["Add", "Take away"],
        default="Add",
        required=True,
        key="away",
        label_visibility="collapsed",
        help="A right click, or one with Shift or Alt, takes away, too",
    )
    return how == "Take away"


def _history(draft: Draft) -> None:
    acts = {"undo": Draft.undo, "redo": Draft.redo}
    history.show(
        key=f"history_{draft.token}",
        can_undo=bool(draft.done),
        can_redo=bool(draft.undone),
        on_act=lambda act: _drafts.change(draft.token, acts[act]),
    )


def _zoom_buttons(draft: Draft) -> None:
    zoom, _ = st.session_state.get(f"view_{draft.token}", (1, (0.5, 0.5)))
    for step, name, icon in ((-1, "zoom_out", "zoom_out"), (1, "zoom_in", "zoom_in")):
        place = ZOOMS.index(zoom) + step
        _acts.button(
            f"{zoom}x" if step > 0 else "",
            _zoom,
            draft.token,
            step,
            icon=f":material/{icon}:",
            disabled=not 0 <= place < len(ZOOMS),
            key=name,
        )


def _zoom(token: str, step: int) -> None:
    """Look closer, around the chosen object where it is on the frame, or farther."""
    zoom, centre = st.session_state.get(f"view_{token}", (1, (0.5, 0.5)))
    new = ZOOMS[min(max(ZOOMS.index(zoom) + step, 0), len(ZOOMS) - 1)]
    draft = st.session_state.get("draft")
    if zoom == 1 and isinstance(draft, Draft):
        rows, columns = np.nonzero(draft.mask(draft.frame) == draft.object_id)
        if len(rows):
            centre = (float(columns.mean() / draft.size_hw[1]), float(rows.mean() / draft.size_hw[0]))
    st.session_state[f"view_{token}"] = new, centre


def _canvas_of(draft: Draft, jpeg: bytes, tool: str, width_px: int, away: bool) -> None:
    """Show the canvas with what is kept."""
    packed, part = draft.drawn.masks.get(draft.frame, b""), region(draft)
    unseen = tuple(sorted(hidden(draft.token)))
    key, turn = _turn(draft.token, (draft.frame, zlib.crc32(packed), part, unseen))
    look = _canvas.Look(
        frame=draft.frame,
        region=part,
        size_hw=draft.size_hw,
        turn=turn,
        tool=tool,
        width_px=width_px,
        object_id=draft.object_id,
        away=away,
        clicks=draft.clicks(draft.frame, draft.object_id),
        heard=tuple(_opened()["heard"]),
    )
    drawing = _mask_drawing(packed, draft.size_hw, part, unseen)
    _canvas.show(jpeg, drawing, look, key=key, on_change=functools.partial(_keep, draft.token, key))
    if _keep(draft.token, key):
        st.rerun()  # what came with a run that was stopped before its callback


@st.cache_data(show_spinner=False, max_entries=64)
def _mask_drawing(
    packed: bytes, size_hw: tuple[int, int], part: Region, unseen: tuple[int, ...]
) -> dict[str, typing.Any]:
    mask = unpack(packed, size_hw) if packed else np.zeros(size_hw, np.uint8)
    mask[np.isin(mask, unseen)] = 0
    return _canvas.mask_drawing(mask, part)


def _opened() -> dict[str, typing.Any]:
    """Return what this browser session knows of its canvases: loads and clicks that were heard."""
    fresh = {"secret": secrets.token_hex(4), "turn": 0, "seen": {}, "heard": []}
    opened: dict[str, typing.Any] = st.session_state.setdefault("opened", fresh)
    return opened


def _turn(token: str, shown: tuple[typing.Any, ...]) -> tuple[str, int]:
    """Return the canvas's key, one for each visit of the page, and its turn: another for another drawing."""
    opened, visit = _opened(), st.session_state.get("visit", 0)
    if opened.get("shown") != (visit, token, *shown):
        opened.update(shown=(visit, token, *shown), turn=opened["turn"] + 1)
    return f"canvas_{opened['secret']}_{visit}_{token}", opened["turn"]


@_acts.whole
def _keep(token: str, key: str) -> bool:
    """Keep strokes, clicks and boxes that the canvas told of and that are not kept; say if there were any.

    Each goes to the frame it was made on, also when another is open by now.
    """
    opened = _opened()
    found = False
    for sent in _canvas.sent(key):
        shapes = sent.shapes[opened["seen"].get(sent.load, 0) :]
        strokes = [stroke for stroke in map(read_stroke, shapes) if stroke]
        if strokes:
            _drafts.change(token, functools.partial(_paint_all, sent=sent, strokes=strokes))
        if shapes:
            opened["seen"][sent.load] = len(sent.shapes)
            opened["shown"] = None  # a stroke that changed nothing goes from the canvas, too
            found = True
    for said in _canvas.said(key):
        if said.id not in opened["heard"]:
            opened["heard"] = [*opened["heard"], said.id][-HEARD:]
            hidden(token).discard(said.object_id)
            _drafts.change(token, functools.partial(_pointing.take, said=said))
            found = True
    return found


def _paint_all(draft: Draft, sent: _canvas.Sent, strokes: list[Stroke]) -> None:
    at = draft.frame, draft.object_id
    shown_hw = _canvas.canvas_size(draft.size_hw)
    for stroke in strokes:
        if stroke.object_id == 0 or stroke.object_id in draft.names:
            hidden(draft.token).discard(stroke.object_id)
            draft.set_mask(sent.frame, paint(draft.mask(sent.frame), stroke, shown_hw, sent.region))
    draft.turn_to(*at)
