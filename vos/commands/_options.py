"""The option that sets an engine's options."""

from __future__ import annotations

from argparse import ArgumentParser

from vos.errors import InvalidInput
from vos.types import OptionValue


def arguments(parser: ArgumentParser) -> None:
    """Declare --option, for `read`."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the engine"
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
