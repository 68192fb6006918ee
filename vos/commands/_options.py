"""The option that sets the options of an engine or a format: declared once, read once."""

from __future__ import annotations

from argparse import ArgumentParser

from vos import plugins
from vos.errors import InvalidInput
from vos.options import read_options
from vos.types import Options, OptionValue


def arguments(parser: ArgumentParser, of: str = "engine") -> None:
    """Declare --option, for `read_engine` or `read_export`."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help=f"an option of the {of}"
    )


def read_engine(engine: str, given: list[str]) -> Options:
    """Return an engine's Options from --option arguments.

    Raises:
        InvalidInput: as `read_pairs`, or as `read_options`.
    """
    return read_options(plugins.ENGINES, engine, read_pairs(given))


def read_export(name: str, given: list[str]) -> Options:
    """Return an export's Options from --option arguments.

    Raises:
        InvalidInput: as `read_pairs`, or as `read_options`.
    """
    return read_options(plugins.EXPORTS, name, read_pairs(given))


def read_pairs(given: list[str]) -> dict[str, OptionValue]:
    """Return NAME=VALUE arguments as a dict.

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
