"""Options of plug-ins: frozen dataclasses whose metadata says what is allowed, read from names and values."""

from __future__ import annotations

import contextlib
import logging
import typing
from collections.abc import Mapping
from dataclasses import fields

from vos import plugins
from vos.errors import InvalidInput, VosError
from vos.types import Options, OptionValue

log = logging.getLogger(__name__)


def check(options: Options) -> None:
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


def read_options(package: str, name: str, given: Mapping[str, OptionValue] | None = None) -> Options:
    """Return a plug-in's Options from names and values; text is read as the option's type.

    What is not given is as by default.

    Raises:
        InvalidInput: no such plug-in, an option it does not have, a value that does not read as the option's
            type, or one that is not allowed.
    """
    kind: type[Options] = plugins.load(package, name).Options
    types = typing.get_type_hints(kind)
    known = {f.name: types[f.name] for f in fields(kind)}
    values: dict[str, OptionValue] = {}
    for option, value in (given or {}).items():
        if option not in known:
            have = ", ".join(known) or "none"
            owner = f"{plugins.kind_of(package)} {name}"
            raise InvalidInput(f"{owner} has no option {option!r}; it has: {have}")
        values[option] = _read_value(option, value, known[option])
    return kind(**values)


def read_kept_options(package: str, name: str, kept: Mapping[str, typing.Any]) -> Options:
    """Return a plug-in's Options from what was kept of them, maybe by an older version.

    What it does not take any more is logged and left out.

    Raises:
        InvalidInput: no such plug-in.
    """
    good: dict[str, OptionValue] = {}
    for option, value in kept.items():
        try:
            read_options(package, name, {option: value})
        except VosError as error:
            log.warning("an option that was kept is left out: %s", error)
        else:
            good[option] = value
    return read_options(package, name, good)


def changed(options: Options) -> dict[str, OptionValue]:
    """Return the names and values of the options that are not as they are by default."""
    values = ((field, getattr(options, field.name)) for field in fields(options))
    return {field.name: value for field, value in values if value != field.default}


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
