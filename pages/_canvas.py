"""The only file that knows streamlit-drawable-canvas: it shows a mask; strokes, clicks and boxes come back.

The canvas draws shapes over a picture of the mask that is kept. What it tells is the list of shapes since it
loaded that picture, as Fabric.js JSON; a shape's colour says which object it paints, or that it erases.
Clicks and boxes are told at once, in pixels of the frame (_canvas.js).
"""

from __future__ import annotations

import base64
import importlib.util
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages._acts import whole
from pages._words import image_url
from vos.drafts import Clicks
from vos.drafts.strokes import ERASER, Region
from vos.types import VOID, Mask, Point
from vos.video.draw import COLOURS, hex_colour
from vos.video.masks import resize_mask

LONG_SIDE, AREA = 960, 960 * 540
ALPHA = "99"  # of a stroke and of the mask, so that the picture shows through
TOOLS = {"Click": "point", "Box": "point", "Brush": "freedraw", "Eraser": "freedraw", "Polygon": "polygon"}
_NAME = "streamlit-drawable-canvas.streamlit_drawable_canvas"
_HTML = '<div class="place"><div class="canvas-root"></div><svg class="over" aria-hidden="true"></svg></div>'
_CSS = """
.dc-toolbar{display:none!important}
.place{position:relative;width:fit-content}
.over{position:absolute;inset:0;width:100%;height:100%;z-index:30;overflow:visible;pointer-events:none}
.over.on{pointer-events:auto;cursor:crosshair}
.waits{pointer-events:none;opacity:.4}
"""


@dataclass(frozen=True)
class Sent:
    """What the canvas tells: the shapes drawn, in order, since it loaded a part of a frame with its mask."""

    load: str
    frame: int
    region: Region
    shapes: tuple[Any, ...]


@dataclass(frozen=True)
class Said:
    """A click, or a box, for an object on a frame, in pixels of the frame."""

    id: str
    frame: int
    object_id: int
    point: Point | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Look:
    """What the canvas shows and how it draws.

    `turn` is another number whenever mask, frame or region are others: they are loaded once the hand is
    still. `heard` are the ids of the clicks that are kept or refused.
    """

    frame: int
    region: Region
    size_hw: tuple[int, int]
    turn: int
    tool: str
    width_px: int
    object_id: int
    away: bool
    clicks: Clicks
    heard: tuple[str, ...]


def canvas_size(size_hw: tuple[int, int]) -> tuple[int, int]:
    """Return the canvas's (height, width): 960 at most, 960x540 px in all, never enlarged past 2x.

    The browser makes it as small, or a little larger, as its window has room.
    """
    height, width = size_hw
    scale = min(LONG_SIDE / max(size_hw), math.sqrt(AREA / (height * width)), 2.0)
    return max(1, round(height * scale)), max(1, round(width * scale))


def read_sent(value: object) -> tuple[Sent, ...]:
    """Return what the canvas told of its last loads; a browser may send anything, which is left out."""
    return tuple(
        Sent(one["load"], one["frame"], Region(*one["region"]), tuple(one["shapes"]))
        for one in _listed(value, "told")
        if isinstance(one.get("load"), str)
        and _is_frame(one.get("frame"))
        and _are_numbers(one.get("region"), 4)
        and min(one["region"][2:]) > 0
        and isinstance(one.get("shapes"), list)
    )


def read_said(value: object) -> tuple[Said, ...]:
    """Return the last clicks and boxes that the canvas told; what is neither is left out."""
    found = []
    for one in _listed(value, "said"):
        object_id = one.get("object")
        known = isinstance(one.get("id"), str) and isinstance(object_id, int) and 0 < object_id < VOID
        if not known or not _is_frame(one.get("frame")):
            continue
        if _are_numbers(at := one.get("point"), 2):
            point = Point(float(at[0]), float(at[1]), one.get("positive") is not False)
            found.append(Said(one["id"], one["frame"], object_id, point))
        elif _are_numbers(box := one.get("box"), 4):
            x1, y1, x2, y2 = map(float, box)
            found.append(Said(one["id"], one["frame"], object_id, None, (x1, y1, x2, y2)))
    return tuple(found)


def mask_drawing(mask: Mask, region: Region | None = None) -> dict[str, Any]:
    """Return a drawing that shows a mask, or a part of it, at the canvas's size."""
    height, width = canvas_size(mask.shape)
    part = mask[region.slices] if region else mask
    image = {"type": "Image", "version": "7.4.0", "src": _data_url(resize_mask(part, (height, width)))}
    place = {"left": 0, "top": 0, "originX": "left", "originY": "top", "width": width, "height": height}
    objects = [{**image, **place, "selectable": False, "evented": False}] if part.any() else []
    return {"objects": objects, "background": ""}


def show(
    jpeg: bytes, drawing: Mapping[str, Any], look: Look, *, key: str, on_change: Callable[[], None]
) -> None:
    """Show the canvas over a picture of the region.

    on_change: called before the page runs; `sent` and `said` give it what was drawn and clicked.
    """
    height, width = canvas_size(look.size_hw)
    colour = ERASER if look.tool == "Eraser" else hex_colour(look.object_id)
    data = {
        "fillColor": colour + ALPHA,
        "strokeColor": colour + ALPHA,
        "strokeWidth": look.width_px if TOOLS[look.tool] == "freedraw" else 1,
        "drawingMode": TOOLS[look.tool],
        "realtimeUpdateStreamlit": TOOLS[look.tool] != "polygon",  # a polygon is told when it is closed
        "canvasWidth": width,
        "canvasHeight": height,
        "backgroundColor": "",
        "backgroundImageURL": image_url(jpeg),
        "backgroundImageFit": "stretch",
        "initialDrawing": {**drawing, "turn": look.turn},  # equal drawings of two turns are loaded twice
        "displayRadius": 3,
        "returnImageData": False,
        "disabled": False,
        "maxDisplayHeight": None,
        "fontSize": 20,
        "label": "",
        "turn": look.turn,
        "frame": look.frame,
        "region": list(look.region),
        "points": [[p.x, p.y, p.positive] for p in look.clicks.points],
        "box": look.clicks.box,
        "tool": look.tool,
        "object": look.object_id,
        "colour": hex_colour(look.object_id),
        "away": look.away,
        "heard": list(look.heard),
    }
    component = st.components.v2.component("vos_canvas", html=_HTML, **_assets())
    told = {"on_drawing_change": whole(on_change), "on_said_change": whole(on_change)}
    component(data=data, key=key, width="content", height="content", **told)


def sent(key: str) -> tuple[Sent, ...]:
    """Return the shapes that the canvas of this key told last."""
    return read_sent(_state(key).get("drawing"))


def said(key: str) -> tuple[Said, ...]:
    """Return the clicks and boxes that the canvas of this key told last, oldest first."""
    return read_said(_state(key).get("said"))


def _state(key: str) -> Mapping[Any, Any]:
    state = st.session_state.get(key)
    return state if isinstance(state, Mapping) else {}


@st.cache_resource
def _assets() -> dict[str, str]:
    """Return the canvas's style without its toolbar, and its script with ours around it."""
    spec = importlib.util.find_spec("streamlit_drawable_canvas")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "frontend" / "build"
    (script,) = folder.glob("index-*.js")
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    source = "/".join(filter(None, [base, "_stcore", "bidi-components", _NAME, script.name]))
    style = (folder / "index-style.css").read_text()
    return {
        "css": style + _CSS,
        "js": Path(__file__).with_suffix(".js").read_text().replace("SOURCE", f"/{source}"),
    }


def _listed(value: object, name: str) -> list[Mapping[str, Any]]:
    told = value.get(name) if isinstance(value, Mapping) else None
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []


def _is_frame(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(v, int | float) and math.isfinite(v) and abs(v) < 1e6 for v in value)
    )


def _data_url(mask: Mask) -> str:
    colours = np.vstack([COLOURS, [[128, 128, 128]]]).astype(np.uint8)  # void is grey
    alpha = (mask > 0).astype(np.uint8) * int(ALPHA, 16)
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([colours[mask], alpha])).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
