"""Numbers and choices that users give, checked: those of engines' Options, and of training batches."""

from __future__ import annotations

from collections.abc import Mapping

from vos.errors import InvalidInput
from vos.options import check

__all__ = ["at_least", "check"]


def at_least(batches: object, least: Mapping[str, int]) -> None:
    """Refuse an attribute below the least that is allowed.

    Raises:
        InvalidInput: the sentence names it, what it is and what is allowed.
    """
    for name, allowed in least.items():
        if getattr(batches, name) < allowed:
            raise InvalidInput(f"{name} is {getattr(batches, name)}; at least {allowed} is allowed")
