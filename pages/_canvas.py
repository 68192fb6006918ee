"""The only file that knows streamlit-drawable-canvas: drawing <-> Mask.

A drawing is the canvas's Fabric.js JSON: {"objects": [...]}, painted in order. A stroke's colour
says which object it paints; the eraser's strokes cut out ("destination-out") what lies under them.
"""

from __future__ import annotations

import base64
import copy
import io
import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.types import MAX_OBJECTS, Mask, object_ids
from vos.video.draw import COLOURS, hex_colour

Drawing = dict[str, Any]
Points = NDArray[np.float64]  # (N, 2) x, y

MAX_WIDTH, MAX_HEIGHT = 960, 540
ERASER = "#fffffe"
ALPHA = "99"  # of a stroke, so that the picture shows through
TOOLS = {"Brush": "freedraw", "Eraser": "freedraw", "Polygon": "polygon", "Rectangle": "rect"}
_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates
_IDS = {hex_colour(i): i for i in range(1, MAX_OBJECTS + 1)}


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


def rasterise(drawing: Drawing | None, size_hw: tuple[int, int]) -> Mask:
    """Return the label map a drawing means, at the frame's own size."""
    mask = np.zeros(size_hw, np.uint8)
    scale = np.array(size_hw[::-1]) / canvas_size(size_hw)[::-1]
    for shape in (drawing or {}).get("objects", []):
        if shape.get("visible") is False:
            continue
        _paint(mask, shape, scale)
    return mask


def erase(drawing: Drawing | None) -> Drawing | None:
    """Return the drawing with its new eraser strokes made cutting, or None if there are none."""
    new = [
        n
        for n, shape in enumerate((drawing or {}).get("objects", []))
        if _colour(shape) == ERASER and shape.get("globalCompositeOperation") != "destination-out"
    ]
    if not new:
        return None
    cut = copy.deepcopy(drawing)
    assert cut is not None
    for n in new:
        cut["objects"][n]["globalCompositeOperation"] = "destination-out"
    return cut


def without(drawing: Drawing | None, object_id: int) -> Drawing:
    """Return the drawing without one object, in strokes and in loaded masks."""
    kept = []
    for shape in (drawing or {}).get("objects", []):
        if shape.get("type") == "Image":
            labels = _labels(shape)
            labels[labels == object_id] = 0
            if labels.any():
                kept.append({**shape, "src": _data_url(labels)})
        elif _IDS.get(_colour(shape)) != object_id:
            kept.append(shape)
    return {"objects": kept}


def from_mask(mask: Mask) -> Drawing:
    """Return a drawing that shows exactly this mask, holes included."""
    height, width = canvas_size(mask.shape)
    image = {
        "type": "Image",
        "version": "7.4.0",
        "src": _data_url(mask),
        "left": 0,
        "top": 0,
        "originX": "left",
        "originY": "top",
        "width": mask.shape[1],
        "height": mask.shape[0],
        "scaleX": width / mask.shape[1],
        "scaleY": height / mask.shape[0],
        "selectable": False,
        "evented": False,
    }
    return {"objects": [image]}


def show(
    frame_jpeg: bytes,
    size_hw: tuple[int, int],
    *,
    tool: str,
    width_px: int,
    object_id: int,
    initial: Drawing | None,
    key: str,
) -> Drawing | None:
    """Show the canvas over a frame and return what is drawn on it, or None before it has said so.

    A run of the page that another one interrupts can lose what the browser said last; what comes
    then is `initial`, without the version that the browser writes into its drawings.
    """
    from streamlit_drawable_canvas import st_canvas  # it raises outside a running page

    height, width = canvas_size(size_hw)
    brush = tool in ("Brush", "Eraser")
    colour = hex_colour(object_id) + ALPHA
    result = st_canvas(
        fill_color=colour,
        stroke_color=ERASER if tool == "Eraser" else colour,
        stroke_width=width_px if brush else 1,
        background_image=frame_jpeg,
        height=height,
        width=width,
        drawing_mode=TOOLS[tool],
        initial_drawing={"objects": initial["objects"]} if initial else None,
        key=key,
    )
    return result.json_data if "version" in (result.json_data or {}) else None


def _colour(shape: Drawing) -> str:
    return str(shape.get("stroke") or "")[:7].lower()


def _paint(mask: Mask, shape: Drawing, scale: Points) -> None:
    kind = shape.get("type")
    if kind == "Image":
        labels = _labels(shape)
        if labels.shape != mask.shape:
            labels = cv2.resize(labels, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)
        mask[labels > 0] = labels[labels > 0]
        return
    label = 0 if _colour(shape) == ERASER else _IDS.get(_colour(shape))
    points = _outline(shape)
    if label is None or points is None:
        return
    points = _placed(points, shape) * scale
    if kind == "Path":
        grow = float(np.mean(scale)) * float(shape.get("scaleX", 1))
        _brush(mask, points, float(shape.get("strokeWidth", 1)) * grow / 2, label)
    elif np.ptp(points, axis=0).min() >= 2:  # a click without a drag leaves a speck: not meant
        _fill(mask, points, label)


def _outline(shape: Drawing) -> Points | None:
    """Return a shape's points in its own coordinates."""
    if shape.get("type") == "Path":
        return _flatten(shape.get("path") or [])
    if shape.get("type") == "Polygon":
        corners = [(p["x"], p["y"]) for p in shape.get("points") or []]
        return np.array(corners, float) if len(corners) >= 3 else None
    if shape.get("type") == "Rect":
        w, h = float(shape.get("width", 0)), float(shape.get("height", 0))
        return np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    return None


def _flatten(path: list[list[Any]]) -> Points | None:
    """Return a path's moves, lines and quadratic curves as points."""
    points: list[tuple[float, float]] = []
    steps = np.linspace(0, 1, 5)[1:]
    for command, *numbers in path:
        if command in ("M", "L"):
            points.append((numbers[0], numbers[1]))
        elif command == "Q" and points:
            start, bend, end = np.array(points[-1]), np.array(numbers[:2]), np.array(numbers[2:])
            points += [tuple((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t * t * end) for t in steps]
    return np.array(points, float) if points else None


def _placed(points: Points, shape: Drawing) -> Points:
    """Return points where the shape stands on the canvas: turned, scaled and moved by the user."""
    low, high = points.min(axis=0), points.max(axis=0)
    origin = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
    share = np.array([origin[shape.get("originX", "left")], origin[shape.get("originY", "top")]])
    size = np.array([shape.get("scaleX", 1.0), shape.get("scaleY", 1.0)])
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
    alpha = (mask > 0).astype(np.uint8) * int(ALPHA, 16)
    picture = np.dstack([COLOURS[mask], alpha])
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _labels(shape: Drawing) -> Mask:
    """Return the label map in an Image shape that `from_mask` made."""
    encoded = str(shape.get("src", "")).partition("base64,")[2]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    labels = np.zeros(picture.shape[:2], np.uint8)
    inside = picture[..., 3] > 0
    for object_id in range(1, MAX_OBJECTS + 1):
        labels[inside & (picture[..., :3] == COLOURS[object_id]).all(axis=-1)] = object_id
    assert set(object_ids(labels)) <= set(range(1, MAX_OBJECTS + 1))
    return labels
