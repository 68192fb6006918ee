"""The option that sets the options of an engine or a format."""

from __future__ import annotations

from argparse import ArgumentParser

from vos.errors import InvalidInput
from vos.types import OptionValue


def arguments(parser: ArgumentParser, of: str = "engine") -> None:
    """Declare --option, for `read`."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help=f"an option of the {of}"
    )


def read(given: list[str]) -> dict[str, OptionValue]:
    """Return --option NAME=VALUE arguments as a dict; the engine reads the values.

    Raises:
        InvalidInput: one without an equals sign.
    """
    pairs: dict[str, OptionValue] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--option takes NAME=VALUE; got {text!r}")
        pairs[name] = value
    return pairs
