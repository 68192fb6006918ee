"""Options that several exports have, each told in the same words."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

from vos.errors import InvalidInput

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")


def every_nth() -> Any:
    """Return the option that leaves frames out."""
    return field(default=1, metadata={"help": "Take every n-th frame", "min": 1, "max": 100_000})


def some_objects() -> Any:
    """Return the option that leaves objects out."""
    return field(default="", metadata={"help": "Ids of the objects to take, with commas; empty for all"})


def edges(default: str = "soft") -> Any:
    """Return the option between soft and hard masks."""
    text = (
        "soft: the engine's own soft mask where the result has one, else fitted to the edges in the picture "
        "in a narrow band along the mask; hard: the mask as it is"
    )
    return field(default=default, metadata={"help": text, "choices": ("soft", "hard")})


def edge_px() -> Any:
    """Return the option for the width of soft edges."""
    text = "How far soft edges reach to each side, in pixels; 0: a 150th of the shorter side, at least 3"
    return field(default=0, metadata={"help": text, "min": 0, "max": 64})


def opacity() -> Any:
    """Return the option for the tint of objects."""
    return field(default=0.5, metadata={"help": "Of the tint over objects", "min": 0.0, "max": 1.0})


def outline() -> Any:
    """Return the option for the border of objects."""
    return field(default=True, metadata={"help": "Draw a line along the inside of every object"})


def labels(default: bool = False) -> Any:
    """Return the option for names in the picture."""
    return field(default=default, metadata={"help": "Write every object's name above it"})


def colours() -> Any:
    """Return the option for the objects' own colours."""
    return field(default="", metadata={"help": "Colours of objects, as 1=#ff0000,2=#00ff00; empty: as shown"})


def pictures() -> Any:
    """Return the option for the format of pictures of frames."""
    text = "Format of the frames' pictures: jpg (small) or png (exact)"
    return field(default="jpg", metadata={"help": text, "choices": ("jpg", "png")})


def tolerance() -> Any:
    """Return the option for how closely polygons follow masks."""
    text = "How far polygons may be from the mask, in pixels; 0 follows every pixel"
    return field(default=1.0, metadata={"help": text, "min": 0.0, "max": 100.0})


def mots_class() -> Any:
    """Return the option for the one class that objects have in MOTS."""
    return field(default=1, metadata={"help": "Class of all objects: 1 car, 2 pedestrian", "choices": (1, 2)})


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
