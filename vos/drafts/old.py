"""Drafts as they were kept once, as Fabric.js drawings: they are painted into masks, so that none is lost."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from vos.drafts.drawn import Drawn
from vos.drafts.strokes import paint, read_stroke
from vos.types import MAX_OBJECTS, VOID, Mask
from vos.video.draw import COLOURS
from vos.video.masks import pack, resize_mask

log = logging.getLogger(__name__)

_WIDTH, _HEIGHT = 960, 540  # the canvas's place then


def draw_old(drawings: Mapping[str, Any], names: object, size_hw: tuple[int, int]) -> Drawn:
    """Return what old drawings, by frame, mean at the clip's size."""
    height, width = size_hw
    scale = min(_WIDTH / width, _HEIGHT / height, 2.0)
    shown_hw = max(1, round(height * scale)), max(1, round(width * scale))
    masks, found = {}, set()
    for frame, drawing in drawings.items():
        mask = np.zeros(size_hw, np.uint8)
        for shape in (drawing or {}).get("objects", []):
            if isinstance(shape, Mapping) and shape.get("visible") is not False:
                mask = _draw(mask, shape, shown_hw)
        if mask.any():
            masks[max(0, int(frame))] = pack(mask)
            found |= {int(i) for i in np.unique(mask) if 0 < i < VOID}
    known = {int(i): str(name) for i, name in (names if isinstance(names, Mapping) else {}).items()}
    listed = {i: name for i, name in known.items() if 0 < i <= MAX_OBJECTS}
    return Drawn(masks, dict(sorted(({i: f"Object {i}" for i in found} | listed).items())) or {1: "Object 1"})


def _draw(mask: Mask, shape: Mapping[str, Any], shown_hw: tuple[int, int]) -> Mask:
    if shape.get("type") == "Image":
        labels = resize_mask(_picture(str(shape.get("src", ""))), mask.shape)
        return np.where(labels > 0, labels, mask)
    stroke = read_stroke(shape)
    if stroke is None:
        log.warning("a shape of an old draft is left out: %.80s", shape)
    return paint(mask, stroke, shown_hw) if stroke else mask


def _picture(url: str) -> Mask:
    """Return the label map (H, W) of a picture of a mask: each pixel is the object of its colour."""
    data = base64.b64decode(url.partition("base64,")[2])
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        pixels = np.asarray(image.convert("RGBA")).astype(np.int32)
    codes = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    mask = np.zeros(codes.shape, np.uint8)
    for object_id in range(1, VOID):
        red, green, blue = (int(v) for v in COLOURS[object_id])
        mask[(codes == (red << 16 | green << 8 | blue)) & (pixels[..., 3] > 0)] = object_id
    return mask
