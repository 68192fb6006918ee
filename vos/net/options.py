"""What an engine's Options promise in their fields' metadata, held."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from vos.errors import InvalidInput

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check(options: DataclassInstance) -> None:
    """Refuse a value that is not among its field's `choices`, or outside its `min` and `max`.

    Raises:
        InvalidInput: the sentence names the field, what it got and what is allowed.
    """
    for field in fields(options):
        value, meta = getattr(options, field.name), field.metadata
        if "choices" in meta and value not in meta["choices"]:
            allowed = ", ".join(meta["choices"])
            raise InvalidInput(f"{field.name} is {value!r}; allowed are: {allowed}")
        if "min" in meta and not meta["min"] <= value <= meta["max"]:
            raise InvalidInput(f"{field.name} is {value}; {meta['min']} to {meta['max']} are allowed")
