"""Options of plug-ins: frozen dataclasses whose metadata says what is allowed, read from names and values."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Mapping
from dataclasses import fields

from vos.errors import InvalidInput
from vos.types import OptionValue

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check(options: DataclassInstance) -> None:
    """Refuse a value that is not among its field's `choices`, or outside its `min` and `max`.

    Raises:
        InvalidInput: the sentence names the field, what it got and what is allowed.
    """
    for field in fields(options):
        value, meta = getattr(options, field.name), field.metadata
        if "choices" in meta and value not in meta["choices"]:
            allowed = ", ".join(map(str, meta["choices"]))
            raise InvalidInput(f"{field.name} is {value!r}; allowed are: {allowed}")
        if "min" in meta and not meta["min"] <= value <= meta["max"]:
            raise InvalidInput(f"{field.name} is {value}; {meta['min']} to {meta['max']} are allowed")


def read(kind: type, given: Mapping[str, OptionValue], owner: str) -> typing.Any:
    """Return a dataclass of options from names and values; text is read as the option's type.

    `owner` is what the sentence of an error calls the plug-in: "engine flow".

    Raises:
        InvalidInput: an unknown option, a value that does not read as its type, or one not allowed.
    """
    types = typing.get_type_hints(kind)
    known = {f.name: types[f.name] for f in fields(kind)}
    values: dict[str, OptionValue] = {}
    for name, value in given.items():
        if name not in known:
            have = ", ".join(known) or "none"
            raise InvalidInput(f"{owner} has no option {name!r}; it has: {have}")
        values[name] = _read_value(name, value, known[name])
    return kind(**values)


def _read_value(name: str, value: OptionValue, kind: type) -> OptionValue:
    if kind is bool and isinstance(value, str):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if value.lower() in words:
            return words[value.lower()]
    elif isinstance(value, kind) or (kind is float and isinstance(value, int)):
        return value
    elif isinstance(value, str):
        with contextlib.suppress(ValueError):
            return typing.cast(OptionValue, kind(value))
    raise InvalidInput(f"option {name} is {value!r}; it takes {kind.__name__} values")
