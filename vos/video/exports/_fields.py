"""Options that several exports have, each told in the same words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from vos.errors import InvalidInput
from vos.options import check

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")


def every_nth() -> Any:
    """Return the option that leaves frames out."""
    return field(default=1, metadata={"help": "Take every n-th frame", "min": 1, "max": 100_000})


def pictures() -> Any:
    """Return the option for the format of pictures of frames."""
    text = "Format of the frames' pictures: jpg (small) or png (exact)"
    return field(default="jpg", metadata={"help": text, "choices": ("jpg", "png")})


def tolerance() -> Any:
    """Return the option for how closely polygons follow masks."""
    text = "How far polygons may be from the mask, in pixels; 0 follows every pixel"
    return field(default=1.0, metadata={"help": text, "min": 0.0, "max": 100.0})


@dataclass(frozen=True, kw_only=True)
class PolygonOptions:
    """What a user may choose where a folder gets pictures of frames, and polygons."""

    tolerance: float = tolerance()
    pictures: str = pictures()
    every: int = every_nth()

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class MotsOptions:
    """What a user may choose of MOTS, where all objects have one class."""

    class_id: int = field(
        default=1, metadata={"help": "Class of all objects: 1 car, 2 pedestrian", "choices": (1, 2)}
    )
    every: int = every_nth()

    def __post_init__(self) -> None:
        check(self)


def read_colour(text: str, name: str) -> tuple[int, int, int]:
    """Return RGB, 0..255, of a colour written as #rrggbb.

    Raises:
        InvalidInput: it is not written so; `name` is the option's.
    """
    match = _HEX.fullmatch(text.strip())
    if not match:
        raise InvalidInput(f"{name} is {text!r}; a colour such as #00ff00 is needed")
    red, green, blue = bytes.fromhex(match[1])
    return red, green, blue


def read_colours(text: str) -> dict[int, tuple[int, int, int]]:
    """Return RGB by object id, of text such as 1=#ff0000,2=#00ff00.

    Raises:
        InvalidInput: it is not written so.
    """
    chosen = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        object_id, _, colour = part.partition("=")
        if not object_id.strip().isdecimal() or not 1 <= int(object_id) <= 254:
            raise InvalidInput(f"colours has {part!r}; 1=#ff0000,2=#00ff00 is how colours are given")
        chosen[int(object_id)] = read_colour(colour, "colours")
    return chosen
