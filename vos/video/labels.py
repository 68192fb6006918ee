"""What a picture of a mask means: palette indices, grey levels, colours or transparency to labels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InvalidInput
from vos.types import MAX_OBJECTS, VOID, Mask, object_ids


def _voc_palette() -> NDArray[np.uint8]:
    """Bit 3k + c of an id is bit 7 - k of its colour channel c (PASCAL VOC 2012, VOClabelcolormap)."""
    ids = np.arange(256)[:, None]
    channel = np.arange(3)
    colours = np.zeros((256, 3), int)
    for k in range(8):
        colours |= (ids >> 3 * k + channel & 1) << 7 - k
    return colours.astype(np.uint8)


PALETTE = _voc_palette()  # (256, 3) RGB: the colours of DAVIS and YouTube-VOS label maps
_SAME = 48  # levels: softer pictures have their noise within this of the colour that was meant
_DARK = 16  # levels: as black as JPEG noise leaves it
_LOOSE = 0.15  # of the pixels: fewer than these are soft edges; photographs have more,
_FLAT = 0.5  # and have fewer than these in areas of exactly one colour


def label_map(image: Image.Image) -> tuple[Mask, str]:
    """Return the label map (H, W) that a picture means, and a note on what was assumed ("" if nothing).

    - A palette with black at 0: the indices are the ids.
    - Grey levels 0 to 20 (16-bit, float and equal RGB channels too): the levels are the ids.
    - In both, 255 is void as DAVIS has it, but the object (1) where it is the only label: the
      binary masks of DAVIS 2016 and of every paint program are 0 and 255.
    - Transparency: what is more than half as opaque as the most opaque pixel is object, one for
      each colour if there are at most 20, else one.
    - Other pictures: every flat colour is an object; the background is black or, without black, the
      commonest flat colour on the border. Colours of the DAVIS palette keep their ids; others are
      numbered from 1, dark to light. Soft edges and JPEG noise go to the nearest flat colour: for a
      binary mask that is a threshold half-way.

    Raises:
        InvalidInput: too many colours for a mask: a photograph, say.
    """
    if image.mode == "P" and (image.getpalette() or [])[:3] == [0, 0, 0]:
        indices = np.array(image, np.uint8)
        if len(object_ids(indices)) <= MAX_OBJECTS:
            return _ids(indices), ""
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        opaque = rgba[..., 3] > rgba[..., 3].max() / 2
        if not opaque.all():
            return _cut_out(rgba[..., :3], opaque)
    grey = _grey(image)
    if grey is not None and image.format != "JPEG" and not ((grey > MAX_OBJECTS) & (grey < VOID)).any():
        return _ids(grey), ""
    return _from_colours(np.asarray(image.convert("RGB")) if grey is None else np.dstack([grey] * 3))


def _ids(levels: Mask) -> Mask:
    """Return the levels as ids; 255 alone is the object, 255 beside other labels is void."""
    return levels if object_ids(levels) else np.minimum(levels, 1)


def _grey(image: Image.Image) -> Mask | None:
    """Return the levels of a picture without colour, None for one with; 16-bit and float fit into 8."""
    if image.mode in ("L", "1"):
        return np.array(image.convert("L"))
    if image.mode[0] in "IF":
        return _eight_bits(np.nan_to_num(np.asarray(image, np.float64)).clip(0))
    red, green, blue = np.moveaxis(np.array(image.convert("RGB")), 2, 0)
    return red.copy() if np.array_equal(red, green) and np.array_equal(red, blue) else None


def _eight_bits(levels: NDArray[np.float64]) -> Mask:
    """Return ids as they are; few other levels are numbered from the darkest = 0, many are scaled."""
    if levels.max() <= VOID and np.array_equal(levels, np.floor(levels)):
        return levels.astype(np.uint8)
    values, ranks = np.unique(levels, return_inverse=True)
    if len(values) <= MAX_OBJECTS + 1:
        return np.asarray(ranks.reshape(levels.shape), np.uint8)
    return np.asarray(np.rint(levels * (255 / values[-1])), np.uint8)


def _codes(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return one number a pixel, red x 65536 + green x 256 + blue; float32 holds it and cv2 takes it."""
    return np.asarray(rgb @ np.array([65536, 256, 1], np.float32), np.float32)


def _channels(codes: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the colours (N, 3) behind the codes (N,)."""
    return np.asarray(codes.astype(np.int32)[:, None] >> np.array([16, 8, 0]) & 255, np.int32)


def _cut_out(rgb: NDArray[np.uint8], opaque: NDArray[np.bool_]) -> tuple[Mask, str]:
    mask = opaque.astype(np.uint8)
    colours, ranks = np.unique(_codes(rgb[opaque]), return_inverse=True)
    if len(colours) > MAX_OBJECTS:
        return mask, "The opaque part of the picture was taken as the object."
    mask[opaque] = ranks + 1
    return mask, _numbered(len(colours))


def _numbered(count: int) -> str:
    return f"The {count} colours were taken as objects 1 to {count}." if count > 1 else ""


def _from_colours(rgb: NDArray[np.uint8]) -> tuple[Mask, str]:
    codes = _codes(rgb)
    seen = np.zeros(1 << 24, np.bool_)
    seen[codes.astype(np.int32)] = True
    colours = np.flatnonzero(seen).astype(np.float32)
    refusal = InvalidInput(
        f"the picture has {len(colours)} colours; a mask has one flat colour for each object, "
        f"at most {MAX_OBJECTS} of them"
    )
    few = len(colours) <= MAX_OBJECTS + 2  # the background and void besides
    block = np.ones((2, 2) if few else (3, 3))
    areas = codes[cv2.erode(codes, block) == cv2.dilate(codes, block)]
    if not few and areas.size < _FLAT * codes.size:
        raise refusal
    flat = _flat_colours(areas, colours, codes.size)
    distance = np.stack([abs(_channels(colours) - colour).max(1) for colour in _channels(flat)])  # (K, N)
    _, ranks, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(flat) > MAX_OBJECTS + 2 or counts[distance.min(0) > _SAME].sum() > _LOOSE * codes.size:
        raise refusal
    nearest = distance.argmin(0)[ranks].reshape(codes.shape)
    ids, known = _ids_of(flat, nearest)
    soft = len(colours) > len(flat)
    notes = [
        "The edges of the mask are soft: every pixel went to the nearest flat colour." if soft else "",
        "" if known else _numbered(len(flat) - 1),
    ]
    return ids[nearest], " ".join(filter(None, notes))


def _flat_colours(
    areas: NDArray[np.float32], colours: NDArray[np.float32], pixels: int
) -> NDArray[np.float32]:
    """Return the colours that fill areas, ascending; those of soft edges and noise fill none.

    Args:
        areas: the codes of the pixels whose neighbours are equal, (A,).
        colours: all codes of the picture, (N,).
        pixels: how many the picture has.
    """
    if len(colours) <= 2:
        return colours
    flat, counts = np.unique(areas, return_counts=True)
    if len(colours) > MAX_OBJECTS + 2:  # noise makes small areas, and makes several colours out of one
        flat = _far_apart(flat[np.argsort(-counts, kind="stable")][: (counts > 1e-4 * pixels).sum()])
    if len(flat) < 2:  # a thin object is all edge: it has the colour that differs most
        one = flat[0] if len(flat) else colours[0]
        other = colours[abs(_channels(colours) - _channels(np.array([one]))).max(1).argmax()]
        flat = np.array([one, other])
    return np.sort(flat)


def _far_apart(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colours without those that are too near to an earlier one."""
    colours = _channels(codes)
    kept: list[int] = []
    for index, colour in enumerate(colours):
        if not kept or abs(colours[kept] - colour).max(1).min() > _SAME:
            kept.append(index)
    return codes[kept]


def _ids_of(flat: NDArray[np.float32], nearest: NDArray[np.intp]) -> tuple[Mask, bool]:
    """Return the id of each flat colour, and whether all are from the DAVIS palette."""
    colours = _channels(flat)
    if colours[0].max() <= _DARK:
        background = 0
    else:
        border = np.concatenate([nearest[0], nearest[-1], nearest[:, 0], nearest[:, -1]])
        background = int(np.bincount(border).argmax())
    palette = {code: index for index, code in enumerate(_codes(PALETTE).tolist())}
    ids = [palette.get(code, VOID + 1) for code in flat.tolist()]
    known = background == 0 and bool(np.ptp(colours, axis=1).any()) and max(ids) <= VOID
    if not known:
        ids = [1 + index - (index > background) for index in range(len(flat))]
    ids[background] = 0
    return np.array(ids, np.uint8), known
