"""Numbers and choices that users give, checked: those of engines' Options, and of training batches."""

from __future__ import annotations

from collections.abc import Mapping
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


def at_least(batches: object, least: Mapping[str, int]) -> None:
    """Refuse an attribute below the least that is allowed.

    Raises:
        InvalidInput: the sentence names it, what it is and what is allowed.
    """
    for name, allowed in least.items():
        if getattr(batches, name) < allowed:
            raise InvalidInput(f"{name} is {getattr(batches, name)}; at least {allowed} is allowed")
