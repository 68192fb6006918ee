"""Clicks, boxes and what is gone as text, as the command line and the REST routes take them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vos.errors import InvalidInput
from vos.prompts.clicks import Box, Click
from vos.types import Point, read_number

NUMBER = r"(\d+(?:\.\d+)?)"
CLICK = re.compile(rf"(\d+):(-?){NUMBER},{NUMBER}(?::(\d+))?", re.ASCII)
BOX = re.compile(rf"(\d+):{NUMBER},{NUMBER},{NUMBER},{NUMBER}(?::(\d+))?", re.ASCII)
GONE = re.compile(r"(\d+)(?::(\d+))?", re.ASCII)


def read_click(text: str) -> Click:
    """Return the click that FRAME:X,Y[:OBJECT] says.

    Raises:
        InvalidInput: it is malformed.
    """
    found = CLICK.fullmatch(text)
    if not found:
        raise InvalidInput(f"a click is FRAME:X,Y[:OBJECT], or FRAME:-X,Y[:OBJECT] beside it; got {text!r}")
    frame, minus, x, y, number = found.groups()
    return Click(int(frame), Point(float(x), float(y), not minus), int(number or 1))


def read_box(text: str) -> Box:
    """Return the box that FRAME:X1,Y1,X2,Y2[:OBJECT] says.

    Raises:
        InvalidInput: it is malformed.
    """
    found = BOX.fullmatch(text)
    if not found:
        raise InvalidInput(f"a box is FRAME:X1,Y1,X2,Y2[:OBJECT]; got {text!r}")
    frame, x1, y1, x2, y2, number = found.groups()
    return Box(int(frame), (float(x1), float(y1), float(x2), float(y2)), int(number or 1))


def read_gone(texts: Iterable[str]) -> dict[int, set[int]]:
    """Return the objects that FRAME[:OBJECT] say are gone, by the frame from which on.

    Raises:
        InvalidInput: one is malformed.
    """
    gone: dict[int, set[int]] = {}
    for text in texts:
        found = GONE.fullmatch(text)
        if not found:
            raise InvalidInput(f"what is gone is FRAME[:OBJECT]; got {text!r}")
        gone.setdefault(read_number(found[1]), set()).add(read_number(found[2] or "1"))
    return gone
