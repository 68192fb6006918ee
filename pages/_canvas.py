"""The only file that knows streamlit-drawable-canvas: it shows a mask, and strokes come back.

The canvas draws shapes over a picture of the mask that is kept. What it tells is the list of shapes since it
loaded that picture, as Fabric.js JSON; a shape's colour says which object it paints, or that it erases.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vos.types import VOID, Mask
from vos.video.draw import COLOURS, hex_colour
from vos.video.masks import resize_mask

Points = NDArray[np.float64]  # (N, 2) x, y

MAX_WIDTH, MAX_HEIGHT = 960, 540
ERASER = "#fffffe"
ALPHA = "99"  # of a stroke and of the mask, so that the picture shows through
TOOLS = {"Brush": "freedraw", "Eraser": "freedraw", "Polygon": "polygon", "Rectangle": "rect"}
_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates
_FAR = 1e5  # px: no canvas reaches there, and cv2's coordinates hold it
_IDS = {hex_colour(i): i for i in range(1, VOID)} | {ERASER: 0}
_NAME = "streamlit-drawable-canvas.streamlit_drawable_canvas"


@dataclass(frozen=True, eq=False)
class Stroke:
    """One shape on the canvas: a disk of `width_px` swept along points or, without one, a filled outline.

    Points and width are in pixels of the canvas. Object 0 erases.
    """

    object_id: int
    points: Points
    width_px: float | None = None


@dataclass(frozen=True)
class Sent:
    """What the canvas tells: the shapes drawn, in order, since it loaded a frame's mask."""

    load: str
    frame: int
    shapes: tuple[Any, ...]


def canvas_size(size_hw: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) at which a frame is shown: it fits 960x540, never enlarged past 2x."""
    height, width = size_hw
    scale = min(MAX_WIDTH / width, MAX_HEIGHT / height, 2.0)
    return max(1, round(height * scale)), max(1, round(width * scale))


def fitting_css(selector: str, size_hw: tuple[int, int]) -> str:
    """Return style rules that make the canvas as small as a narrow window needs it.

    The canvas has fixed pixels; CSS zoom shrinks it and pointer positions follow. zoom takes no
    lengths, hence a rule for every 20 px. Beside the controls it has 13 of 18 parts of the page.
    """
    _, width = canvas_size(size_hw)
    rules = []
    for window in range(1500, 300, -20):
        room = (window - 20 - 160) * 13 / 18 - 24 if window > 660 else window - 20 - 34
        if room < width:
            rules.append(f"@media(max-width:{window}px){{{selector}{{zoom:{room / width:.3f}}}}}")
    return "".join(rules)


def read_sent(value: object) -> tuple[Sent, ...]:
    """Return what the canvas told of its last loads; a browser may send anything, which is left out."""
    told = value.get("told") if isinstance(value, Mapping) else None
    return tuple(
        Sent(one["load"], one["frame"], tuple(one["shapes"]))
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, Mapping)
        and isinstance(one.get("load"), str)
        and isinstance(one.get("frame"), int)
        and one["frame"] >= 0
        and isinstance(one.get("shapes"), list)
    )


def read_stroke(shape: Any) -> Stroke | None:
    """Return a shape of the canvas as a stroke, or None for one that paints nothing.

    A click without a drag leaves a speck of a shape, which is not meant.
    """
    try:
        object_id = _IDS[str(shape["stroke"])[:7].lower()]
        points = np.clip(_placed(_outline(shape), shape), -_FAR, _FAR)
        width_px = None
        if shape["type"] == "Path":
            width_px = min(abs(float(shape.get("strokeWidth", 1)) * float(shape.get("scaleX", 1))), _FAR)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    if not np.isfinite(points).all() or (width_px is not None and not np.isfinite(width_px)):
        return None
    speck = width_px is None and np.ptp(points, axis=0).min() < 2
    return None if speck else Stroke(object_id, points, width_px)


def paint(mask: Mask, stroke: Stroke) -> Mask:
    """Return a label map (H, W) with a stroke on it, at the mask's own size."""
    painted = mask.copy()
    scale = np.array(mask.shape[::-1]) / canvas_size(mask.shape)[::-1]
    points = stroke.points * scale
    if stroke.width_px is None:
        _fill(painted, points, stroke.object_id)
    else:
        _brush(painted, points, stroke.width_px * float(np.mean(scale)) / 2, stroke.object_id)
    return painted


def mask_drawing(mask: Mask) -> dict[str, Any]:
    """Return a drawing that shows a mask at the canvas's size."""
    height, width = canvas_size(mask.shape)
    image = {"type": "Image", "version": "7.4.0", "src": _data_url(resize_mask(mask, (height, width)))}
    place = {"left": 0, "top": 0, "originX": "left", "originY": "top", "width": width, "height": height}
    objects = [{**image, **place, "selectable": False, "evented": False}] if mask.any() else []
    return {"objects": objects, "background": ""}


def show(
    frame_jpeg: bytes,
    drawing: Mapping[str, Any],
    size_hw: tuple[int, int],
    *,
    frame: int,
    turn: int,
    tool: str,
    width_px: int,
    object_id: int,
    key: str,
    on_change: Callable[[], None],
) -> tuple[Sent, ...]:
    """Show the canvas over a frame and return what was drawn on its last loads.

    turn: another number whenever the drawing is another; it is loaded once the hand is still.
    on_change: called before the page runs; `read_state` gives it what was drawn.
    """
    height, width = canvas_size(size_hw)
    colour = hex_colour(object_id) + ALPHA
    encoded = base64.b64encode(frame_jpeg).decode()
    data = {
        "fillColor": ERASER + ALPHA if tool == "Eraser" else colour,
        "strokeColor": ERASER + ALPHA if tool == "Eraser" else colour,
        "strokeWidth": width_px if TOOLS[tool] == "freedraw" else 1,
        "drawingMode": TOOLS[tool],
        "realtimeUpdateStreamlit": TOOLS[tool] != "polygon",  # a polygon is told when it is closed
        "canvasWidth": width,
        "canvasHeight": height,
        "backgroundColor": "",
        "backgroundImageURL": f"data:image/jpeg;base64,{encoded}",
        "backgroundImageFit": "stretch",
        "initialDrawing": {**drawing, "turn": turn},  # equal drawings of two turns are loaded twice
        "displayRadius": 3,
        "returnImageData": False,
        "disabled": False,
        "maxDisplayHeight": None,
        "fontSize": 20,
        "label": "",
        "turn": turn,
        "frame": frame,
    }
    component = st.components.v2.component("vos_canvas", html='<div class="canvas-root"></div>', **_assets())
    component(data=data, key=key, on_drawing_change=on_change, width="content", height="content")
    return read_state(key)


def read_state(key: str) -> tuple[Sent, ...]:
    """Return what the canvas of this key told last."""
    state = st.session_state.get(key)
    return read_sent(state.get("drawing")) if isinstance(state, Mapping) else ()


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
        "css": style + "\n.dc-toolbar{display:none!important}",
        "js": Path(__file__).with_suffix(".js").read_text().replace("SOURCE", f"/{source}"),
    }


def _outline(shape: Any) -> Points:
    """Return a shape's points in its own coordinates."""
    if shape["type"] == "Path":
        return _flatten(shape["path"])
    if shape["type"] == "Polygon":
        corners = np.array([(p["x"], p["y"]) for p in shape["points"]], float)
        if len(corners) < 3:
            raise ValueError("a polygon has three corners")
        return corners
    if shape["type"] == "Rect":
        w, h = float(shape["width"]), float(shape["height"])
        return np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    raise ValueError("not a shape that paints")


def _flatten(path: list[list[Any]]) -> Points:
    """Return a path's moves, lines and quadratic curves as points."""
    points: list[tuple[float, float]] = []
    steps = np.linspace(0, 1, 5)[1:]
    for command, *numbers in path:
        if command in ("M", "L"):
            points.append((float(numbers[0]), float(numbers[1])))
        elif command == "Q" and points:
            start, bend, end = (
                np.array(points[-1]),
                np.array(numbers[:2], float),
                np.array(numbers[2:], float),
            )
            points += [tuple((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t * t * end) for t in steps]
    return np.array(points, float).reshape(-1, 2)


def _placed(points: Points, shape: Mapping[str, Any]) -> Points:
    """Return points where the shape stands on the canvas: turned, scaled and moved by the user."""
    low, high = points.min(axis=0), points.max(axis=0)
    origin = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
    share = np.array([origin[shape.get("originX", "left")], origin[shape.get("originY", "top")]])
    size = np.array([float(shape.get("scaleX", 1.0)), float(shape.get("scaleY", 1.0))])
    flip = np.array([-1.0 if shape.get("flipX") else 1.0, -1.0 if shape.get("flipY") else 1.0])
    angle = np.deg2rad(float(shape.get("angle", 0.0)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    anchor = np.array([float(shape.get("left", 0.0)), float(shape.get("top", 0.0))])
    centre = anchor - turn @ ((share - 0.5) * (high - low) * size)
    placed: Points = ((points - (low + high) / 2) * flip * size) @ turn.T + centre
    return placed


def _fill(mask: Mask, points: Points, label: int) -> None:
    """Fill a polygon: the pixels it covers by half. cv2 fills all that an edge touches, hence 4x."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int), mask.shape[::-1])
    if (high <= low).any():
        return
    width, height = (high - low).tolist()
    fine = np.zeros((4 * height, 4 * width), np.uint8)
    cv2.fillPoly(fine, [_fixed((points - low) * 4)], 255, cv2.LINE_8, _SHIFT)
    covered = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) > 127
    mask[low[1] : high[1], low[0] : high[0]][covered] = label


def _brush(mask: Mask, points: Points, radius: float, label: int) -> None:
    """Sweep a disk along points."""
    radius = max(radius - 0.5, 0.5)  # cv2 paints the pixels that an edge touches
    one = 1 << _SHIFT
    for centre in _fixed(points):
        cv2.circle(mask, tuple(int(v) for v in centre), round(radius * one), label, -1, cv2.LINE_8, _SHIFT)
    for start, end in itertools.pairwise(points):
        along = end - start
        length = float(np.hypot(*along))
        if length:
            side = np.array([-along[1], along[0]]) / length * radius
            corners = np.array([start + side, end + side, end - side, start - side])
            cv2.fillConvexPoly(mask, _fixed(corners), label, cv2.LINE_8, _SHIFT)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Return canvas points as cv2's fixed-point pixel centres."""
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _data_url(mask: Mask) -> str:
    colours = np.vstack([COLOURS, [[128, 128, 128]]]).astype(np.uint8)  # void is grey
    alpha = (mask > 0).astype(np.uint8) * int(ALPHA, 16)
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([colours[mask], alpha])).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
