"""Which object each colour is, over all the pictures of one request, draft or folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.types import VOID, object_ids

WHITE = "#ffffff"
_ALIKE = 16  # levels: as far as losses move the colour of a flat area


def _voc_palette() -> NDArray[np.uint8]:
    """Bit 3k + c of an id is bit 7 - k of its colour channel c (PASCAL VOC 2012, VOClabelcolormap)."""
    ids = np.arange(256)[:, None]
    channel = np.arange(3)
    colours = np.zeros((256, 3), int)
    for k in range(8):
        colours |= (ids >> 3 * k + channel & 1) << 7 - k
    return colours.astype(np.uint8)


PALETTE = _voc_palette()  # (256, 3) RGB: the colours of DAVIS and YouTube-VOS label maps


def hex_of(code: int) -> str:
    """Return #rrggbb of red x 65536 + green x 256 + blue."""
    return f"#{code:06x}"


_PALETTE_IDS = {hex_of(r << 16 | g << 8 | b): i for i, (r, g, b) in enumerate(PALETTE.tolist()) if i}


class Labeller:
    """Gives colours their ids, and a colour that comes again the id that it had.

    Read all pictures that belong together with one labeller, in the order of their frames. What it
    knows is a mapping that JSON holds: "#rrggbb", or a level as text, to an id, 1 to 254, 255 for void.
    """

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self._ids = {
            str(key): i for key, i in (known or {}).items() if isinstance(i, int) and 1 <= i <= VOID
        }  # what a damaged draft has beside is dropped

    def to_json(self) -> dict[str, int]:
        """Return what is known, for a labeller that goes on from here."""
        return dict(self._ids)

    def white(self, *, alone: bool) -> int:
        """Return what white in a map of ids means: where it is alone the object, 1, beside ids void.

        It keeps the meaning that it has first: a frame of a ground truth that has nothing but void left
        does not become an object.
        """
        if WHITE not in self._ids:
            painted = any(i == 1 for key, i in self._ids.items() if key.startswith("#"))
            self._ids[WHITE] = VOID if not alone else self._free() if painted else 1
        return self._ids[WHITE]

    def levels(self, levels: Sequence[int]) -> list[int]:
        """Return the ids of levels or indices: 1 to 254 as they are; higher ones get the lowest free."""
        for level in levels:
            if level < VOID:
                self._ids[str(level)] = level
        return [level if level < VOID else self._ids.setdefault(str(level), self._free()) for level in levels]

    def nearest_level(self, level: int) -> int:
        """Return the known level within 16 of one that losses may have moved; without, the level itself."""
        known = [int(key) for key in self._ids if key.isdigit() and abs(int(key) - level) <= _ALIKE]
        return min(known, key=lambda k: abs(k - level), default=level)

    def colours(self, codes: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the ids of colours, and those ids among them that are not of the DAVIS palette.

        A colour that is known has its id, as has one of the DAVIS palette; one within 16 levels of a
        known one, which this picture has not, is that; others get the lowest free ids in their order.

        Raises:
            InvalidInput: 254 ids are taken.
        """
        keys = [hex_of(code) for code in codes]
        for key in keys:
            painted = {i for other, i in self._ids.items() if other.startswith("#")}
            if key in _PALETTE_IDS and _PALETTE_IDS[key] not in painted:
                self._ids.setdefault(key, _PALETTE_IDS[key])
        missing = [key for key in keys if key not in self._ids]
        same = {key: self._alike(key, set(keys)) for key in missing}
        for key in missing:
            near = same[key]
            if near is not None and list(same.values()).count(near) == 1:
                self._ids[key] = self._ids[near]
            else:
                self._ids[key] = self._free()
        ids = [self._ids[key] for key in keys]
        return ids, [i for key, i in zip(keys, ids, strict=True) if _PALETTE_IDS.get(key) != i]

    def adopt(self, mask: NDArray[np.uint8], truth: NDArray[np.uint8], fresh: Collection[str]) -> None:
        """Give freshly numbered colours the ids of the objects that they cover in a true map (H, W).

        Where the true map of a frame is given with the task, the colours of its prediction say who is who.
        """
        own = {key: self._ids[key] for key in fresh if key.startswith("#") and self._ids[key] != VOID}
        own = {key: i for key, i in own.items() if _PALETTE_IDS.get(key) != i}
        found = {}
        for key, i in own.items():
            counts = np.bincount(truth[mask == i], minlength=256)
            counts[[0, VOID]] = 0
            if counts.any():
                found[key] = int(counts.argmax())
        others = {i for key, i in self._ids.items() if key not in own}
        if len(set(found.values())) < len(found) or others & set(found.values()):
            return  # two colours for one object: their numbers stay, and are told
        self._ids |= found
        taken = {*others, *found.values(), *object_ids(truth)}
        free = (i for i in range(1, VOID) if i not in taken)
        self._ids |= dict(zip([key for key in own if key not in found], free, strict=False))

    def _alike(self, key: str, here: set[str]) -> str | None:
        """Return the nearest known colour within 16 levels that the picture itself has not."""

        def distance(other: str) -> int:
            return max(abs(int(key[k : k + 2], 16) - int(other[k : k + 2], 16)) for k in (1, 3, 5))

        known = [other for other in self._ids if other.startswith("#") and other not in here]
        best = min(known, key=distance, default=None)
        return best if best is not None and distance(best) <= _ALIKE else None

    def _free(self) -> int:
        taken = set(self._ids.values())
        free = next((i for i in range(1, VOID) if i not in taken), None)
        if free is None:
            raise InvalidInput(f"the masks have more than {VOID - 1} colours; 1 to {VOID - 1} are allowed")
        return free
