"""What the pixels of a mask picture mean: indices, grey levels, colours or transparency to labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InvalidInput
from vos.labels.coded import CLEAR, Coded, cut_out, cut_strips, read_strips
from vos.labels.labeller import PALETTE, Labeller
from vos.types import MAX_OBJECTS, VOID, Mask, object_ids

_FEW = MAX_OBJECTS + 2  # the background and void besides the objects
_SAME = 48  # levels: softer pictures have their noise within this of the colour that was meant
_DARK, _BRIGHT = 16, 240  # levels: as black and as white as noise leaves them
_LOOSE = 0.15  # of the pixels: fewer than these are soft edges; photographs have more,
_FLAT = 0.5  # and have fewer than these in areas of exactly one colour
_MOSTLY = 0.7  # of the levels: so many fill areas in a map of ids; in the middle of a soft edge none does
SOFT = "The edges of the mask are soft: every pixel went to the nearest flat colour."


@dataclass(frozen=True, eq=False)
class Labels:
    """A label map (H, W), and what was assumed, to be shown.

    `binary` says that it is one object without an id of its own: black and white, say.
    """

    mask: Mask
    notes: tuple[str, ...] = ()
    binary: bool = False


def picture_labels(image: Image.Image, labeller: Labeller) -> Labels:
    """Return what a picture means; `vos.labels` has the rule.

    Raises:
        InvalidInput: a photograph, or more than 20 objects.
    """
    shape = (image.height, image.width)
    lossy = image.format in ("JPEG", "MPO")
    if image.mode == "P" and (image.getpalette() or [])[:3] == [0, 0, 0]:
        coded = Coded.of(read_strips(image, "P"), shape)
        standard = _is_standard(image)
        if len(coded.codes) <= _FEW or standard:
            labels = _ids(coded, labeller, VOID)
            return replace(labels, notes=()) if standard else labels
    if clear := cut_out(image):
        return _cut_out(Coded.of(clear, shape), labeller)
    if image.mode in ("L", "1"):
        return levels_labels(Coded.of(read_strips(image, "L"), shape), labeller, lossy=lossy)
    if image.mode[0] == "I":
        coded = Coded.of(read_strips(image, ""), shape)
        if coded.codes[0] < 0:
            raise InvalidInput(f"the mask has the level {coded.codes[0]}; 0 and above are allowed")
        return levels_labels(coded, labeller)
    if image.mode == "F":
        return array_labels(np.asarray(image), labeller)
    coded = Coded.of(read_strips(image, "RGB"), shape)
    red, green, blue = _channels(coded.codes).T
    if (red == green).all() and (red == blue).all():
        return levels_labels(Coded(coded.ranks, coded.codes & 255, coded.counts), labeller, lossy=lossy)
    return _colours(coded, labeller)


def array_labels(array: NDArray[np.generic], labeller: Labeller) -> Labels:
    """Return what numbers (H, W) mean: whole numbers are ids, others a soft mask, 0 to its highest.

    Raises:
        InvalidInput: a number is negative or not finite, or there are more than 20 objects.
    """
    low, high = float(array.min(initial=0)), float(array.max(initial=0))
    if not (low >= 0 and high < 2**32):
        raise InvalidInput(f"the label map has numbers from {low:g} to {high:g}; 0 and above are allowed")
    if array.dtype.kind == "f" and any((part != np.floor(part)).any() for part in cut_strips(array)):
        scaled = (np.rint(part * (VOID / high)).astype(np.uint8) for part in cut_strips(array))
        return levels_labels(Coded.of(scaled, (array.shape[0], array.shape[1])), labeller, lossy=True)
    whole = (part.astype(np.uint32) for part in cut_strips(array))
    coded = Coded.of(whole, (array.shape[0], array.shape[1]))
    return _ids(coded, labeller, VOID)


def levels_labels(coded: Coded, labeller: Labeller, *, lossy: bool = False) -> Labels:
    """Return what grey levels mean: they are ids, unless they are the soft edges of something.

    Raises:
        InvalidInput: more than 20 objects.
    """
    white = VOID if coded.codes.max(initial=0) <= VOID else 65535
    levels = coded.codes
    if not lossy and ((levels <= MAX_OBJECTS) | (levels == white)).all():
        return _ids(coded, labeller, white)
    light = np.rint(levels * (VOID / white)).astype(np.uint8)
    flat = (
        _edgeless(coded, light) if len(levels) <= _FEW and not lossy else _flat(coded, light[:, None], lossy)
    )
    if len(flat) == len(levels):
        return _ids(coded, labeller, white)
    nearest = flat[abs(light[flat].astype(int) - light[:, None].astype(int)).argmin(1)]
    values = levels[flat]
    if len(flat) == 2 and light[flat[0]] <= _DARK:  # black and something: a soft binary mask
        ids = np.array([0, labeller.white(alone=True)])
        notes: tuple[str, ...] = (SOFT,)
    else:
        ids, notes = _level_ids([_settled(int(v), white, labeller) for v in values], labeller, white)
        notes = (SOFT, *notes)
    table = np.zeros(len(levels), np.uint8)
    table[flat] = ids
    mask = coded.map(table[nearest])
    return Labels(mask, notes, len(set(ids.tolist()) - {0, VOID}) == 1)


def _settled(level: int, white: int, labeller: Labeller) -> int:
    """Return the level that a noisy one stands for."""
    if white == VOID and level >= _BRIGHT:
        return VOID
    return 0 if level <= _DARK else labeller.nearest_level(level)


def _ids(coded: Coded, labeller: Labeller, white: int) -> Labels:
    """Take the codes as ids."""
    ids, notes = _level_ids(coded.codes.tolist(), labeller, white, coded)
    objects = set(ids.tolist()) - {0, VOID}
    binary = len(objects) == 1 and (objects == {1} or white in coded.codes)
    return Labels(coded.map(ids), notes, binary)


def _level_ids(
    levels: list[int], labeller: Labeller, white: int, coded: Coded | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the ids of levels, and notes on white and on ids that are out of range."""
    own = [level for level in levels if level not in (0, white)]
    if len(set(own)) > MAX_OBJECTS:
        raise _too_many(len(set(own)))
    table = dict(zip(own, labeller.levels(own), strict=True)) | {0: 0}
    notes = []
    if white in levels:
        table[white] = labeller.white(alone=not own)
        if table[white] == VOID and own:
            part = (
                ""
                if coded is None
                else f" ({coded.counts[coded.codes == white].sum() / coded.ranks.size:.1%})"
            )
            notes.append(f"White{part} beside other ids is void: it belongs to no object.")
    high = [level for level in own if level > VOID - 1]
    if high:
        notes.append(f"Ids above {VOID - 1} were numbered: {', '.join(f'{v} is {table[v]}' for v in high)}.")
    return np.array([table[level] for level in levels]), tuple(notes)


def _too_many(count: int) -> InvalidInput:
    return InvalidInput(f"the mask marks {count} objects; 1 to {MAX_OBJECTS} are allowed")


def _cut_out(coded: Coded, labeller: Labeller) -> Labels:
    """Take each opaque colour as an object; more than 20 are one object."""
    opaque = coded.codes != CLEAR
    codes = coded.codes[opaque].tolist()
    table = np.zeros(len(coded.codes), np.uint8)
    if len(codes) > MAX_OBJECTS:
        table[opaque] = labeller.white(alone=True)
        return Labels(coded.map(table), ("The opaque part of the picture was taken as the object.",), True)
    ids, numbered = labeller.colours(codes)
    table[opaque] = ids
    return Labels(coded.map(table), _numbered(numbered), len(ids) == 1)


def _numbered(ids: list[int]) -> tuple[str, ...]:
    if not ids:
        return ()
    listed = ", ".join(map(str, ids[:-1])) + " and " + str(ids[-1]) if len(ids) > 1 else ""
    return (f"The {len(ids)} colours were taken as objects {listed}.",) if listed else ()


def _colours(coded: Coded, labeller: Labeller) -> Labels:
    channels = _channels(coded.codes)
    light = (channels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    few = len(coded.codes) <= _FEW
    flat = _edgeless(coded, light) if few else _flat(coded, channels, lossy=True)
    distance = np.stack([abs(channels - channels[place]).max(1) for place in flat])  # (F, K)
    far = not few and coded.counts[distance.min(0) > _SAME].sum() > _LOOSE * coded.ranks.size
    if len(flat) > _FEW or far:
        raise _photograph(coded)
    dark = int(channels[flat].max(1).argmin())
    if channels[flat[dark]].max() > _DARK:
        border = np.bincount(distance.argmin(0), coded.border(), minlength=len(flat))
        dark = int(border.argmax())
    objects = [place for place in range(len(flat)) if place != dark]
    ids = np.zeros(len(flat), np.int64)
    ids[objects], numbered = labeller.colours([int(coded.codes[flat[place]]) for place in objects])
    notes = (SOFT,) if len(flat) < len(coded.codes) else ()
    return Labels(coded.map(ids[distance.argmin(0)]), (*notes, *_numbered(numbered)), len(objects) == 1)


def _edgeless(coded: Coded, light: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the places of those few codes that are not the soft edges between others.

    An edge fills no area, and lies between darker and brighter pixels; a thin object lies on one of them.
    """
    if len(coded.codes) <= 2:
        return np.arange(len(coded.codes))
    edge = coded.solid(2) == 0
    if edge.any():
        edge &= coded.solid(3, light) > 0.5 * coded.counts
    return np.flatnonzero(~edge)


def _flat(coded: Coded, channels: NDArray[np.generic], lossy: bool) -> NDArray[np.intp]:
    """Return the places of the codes that fill areas, of many; those of soft edges and noise fill none.

    Raises:
        InvalidInput: next to nothing is flat, or more than 20 objects are.
    """
    areas = coded.solid(3)
    if not lossy:
        own = np.count_nonzero(coded.solid(2) > 0.25 * coded.counts)
        if own > MAX_OBJECTS and own >= _MOSTLY * len(coded.codes):
            raise _too_many(len(coded.codes) - (coded.codes[0] == 0))
    if areas.sum() < _FLAT * coded.ranks.size:
        raise _photograph(coded)
    order = np.argsort(-areas, kind="stable")
    kept: list[int] = []
    for place in order[: np.count_nonzero(areas > 1e-4 * coded.ranks.size)]:
        if not kept or abs(channels[kept].astype(int) - channels[place].astype(int)).max(1).min() > _SAME:
            kept.append(int(place))
    if len(kept) < 2:  # a thin object is all edge: it has the colour that differs most
        one = kept[0] if kept else 0
        kept = [one, int(abs(channels.astype(int) - channels[one].astype(int)).max(1).argmax())]
    return np.sort(np.unique(kept))


def _photograph(coded: Coded) -> InvalidInput:
    return InvalidInput(
        f"the picture has {len(coded.codes)} colours; a mask has one flat colour for each object, "
        f"at most {MAX_OBJECTS} of them"
    )


def _channels(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the colours (K, 3) behind codes (K,)."""
    return np.asarray(codes[:, None] >> np.array([16, 8, 0]) & 255)


def _is_standard(image: Image.Image) -> bool:
    """Say whether a picture has the palette of DAVIS: its indices are ids, however many."""
    palette = np.array(image.getpalette() or [], np.uint8)
    return len(palette) >= 63 and np.array_equal(palette, PALETTE.ravel()[: len(palette)])


def merge(layers: list[tuple[str, Labels]]) -> Labels:
    """Lay several label maps of one frame over each other, the later on top.

    One that is a single object without an id of its own becomes another object where its id is taken.

    Raises:
        InvalidInput: two maps mark the same id, they differ in size, or there are more than 20 objects.
    """
    mask = np.zeros_like(layers[0][1].mask)
    owners: dict[int, str] = {}
    notes: list[str] = []
    for name, layer in layers:
        if layer.mask.shape != mask.shape:
            raise InvalidInput(
                f"{name} has another size than {layers[0][0]}; masks of one frame have one size"
            )
        covered = 0
        for i in object_ids(layer.mask):
            new = next(k for k in range(1, VOID) if k not in owners) if layer.binary and i in owners else i
            if new in owners:
                raise InvalidInput(f"{owners[new]} and {name} both mark object {i} on one frame")
            inside = layer.mask == i
            covered += int(np.count_nonzero(mask[inside]))
            mask[inside] = new
            owners[new] = name
            notes += [f"{name} is object {new}."] if new != i else []
        mask[(layer.mask == VOID) & (mask == 0)] = VOID
        notes += [*layer.notes, *([f"{name} covers {covered} pixels of those before."] if covered else [])]
    if hidden := set(owners) - set(object_ids(mask)):
        raise InvalidInput(
            f"{owners[min(hidden)]} is covered as a whole by the masks after it on the same frame"
        )
    if len(owners) > MAX_OBJECTS:
        raise _too_many(len(owners))
    return Labels(mask, tuple(dict.fromkeys(notes)), len(layers) == 1 and layers[0][1].binary)
