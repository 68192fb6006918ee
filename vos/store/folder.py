"""A result as a folder: its files by name, and meta.json, from which the index can be made anew."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vos.errors import DamagedResult, InvalidInput
from vos.store.marks import UNMARKED, Marks
from vos.store.rows import Entry, Row
from vos.types import Result

NAMES = {
    "overlay": "overlay.mp4",
    "source": "source.mp4",
    "masks": "masks",
    "prompts": "prompts.zip",
    "thumbnail": "thumbnail.jpg",
    "tracks": "tracks.json",
    "confidence": "confidence.json",
    "attention": "attention.jpg",
    "frame_names": "frame_names.json",
    "notes": "notes.json",
}
META = "meta.json"
FILES = ("overlay", "masks", "prompts", "thumbnail", "tracks", "confidence")
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
OPTIONAL = ("attention", "frame_names", "notes")  # results that an earlier version stored may lack later ones


def facts(result: Result) -> dict[str, Any]:
    """Return all of a result but its files, as JSON knows it; fps is a fraction as text."""
    fields = dataclasses.asdict(dataclasses.replace(result, files={}))
    del fields["files"]
    fields["info"]["fps"] = str(result.info.fps)
    return fields


def fill(
    folder: Path,
    result: Result,
    files: Mapping[str, Path],
    own: tuple[Path, ...],
    marks: Marks = UNMARKED,
) -> Entry:
    """Make a result's folder out of its files and return its entry; files that lie in `own` are linked."""
    for name, path in files.items():
        bring(path, folder / NAMES[name], own)
    sizes = {name: (folder / NAMES[name]).stat().st_size for name in files}
    return write_meta(folder, result, sizes, marks)


def describe(result: Result, sizes: Mapping[str, int], marks: Marks = UNMARKED) -> str:
    """Return the text of meta.json."""
    set_on_it = {} if marks == UNMARKED else {"marks": dataclasses.asdict(marks)}
    return json.dumps({"result": facts(result), "sizes": dict(sizes)} | set_on_it)


def bring(source: Path, target: Path, own: tuple[Path, ...]) -> None:
    """Put a file at `target`: by a hard link, which costs nothing, where it lies in `own`, or a copy."""
    if any(source.absolute().is_relative_to(folder.absolute()) for folder in own):
        try:
            os.link(source, target)
            return
        except FileNotFoundError:
            raise
        except OSError:  # a file system without hard links
            target.unlink(missing_ok=True)
    shutil.copyfile(source, target)


def take_file(folder: Path, name: str, path: Path, own: tuple[Path, ...]) -> Entry:
    """Add a file to a result's folder, in place of those that differ in the last part of the name.

    Return the result's new entry. Killed at any moment, it leaves the result whole, before or after.
    """
    result, entry = read_entry(folder)
    sizes: dict[str, int] = json.loads(entry.text)["sizes"]
    if name in sizes:
        return entry
    kind = name.rpartition("-")[0]
    earlier = [other for other in sizes if other.rpartition("-")[0] == kind]
    part = folder / f".{name}"
    part.unlink(missing_ok=True)  # of a process that was killed here
    bring(path, part, own)
    os.replace(part, folder / name)
    sizes = {other: size for other, size in sizes.items() if other not in earlier}
    sizes[name] = (folder / name).stat().st_size
    entry = write_meta(folder, result, sizes, entry.marks)
    for other in earlier:
        (folder / other).unlink(missing_ok=True)
    return entry


def write_meta(folder: Path, result: Result, sizes: Mapping[str, int], marks: Marks) -> Entry:
    """Write meta.json, whole or not at all, and return the result's entry."""
    part, text = folder / f".{META}", describe(result, sizes, marks)
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, folder / META)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return entry_of(result, sizes, marks, folder.name, text)


def read_entry(folder: Path) -> tuple[Result, Entry]:
    """Return a result and its entry as its folder's meta.json has them, every file being there whole.

    Raises:
        DamagedResult: something is missing, of another size, or does not read.
    """
    try:
        text = (folder / META).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DamagedResult(f"its {META} cannot be read: {error}") from error
    result, sizes, marks = read_text(text, folder)
    return result, entry_of(result, sizes, marks, folder.name, text)


def read_text(text: str, folder: Path) -> tuple[Result, dict[str, int], Marks]:
    """Return the result that a text describes, with its files in a folder, their sizes in bytes, its marks.

    Raises:
        DamagedResult: the text is not as it was written, or a file is missing or of another size.
    """
    try:
        fields = json.loads(text)
        sizes = _read(dict[str, int], fields["sizes"])
        result: Result = _read(Result, fields["result"] | {"files": {}})
        marks: Marks = _read(Marks, fields.get("marks", {}))
    except (*_UNREADABLE, InvalidInput) as error:
        raise DamagedResult(f"its description does not read back: {type(error).__name__}: {error}") from error
    files = {name: folder / NAMES.get(name, name) for name in sizes}
    for name, path in files.items():
        size = path.stat().st_size if path.is_file() else None
        if size != sizes[name]:
            got = "missing" if size is None else f"{size} bytes"
            raise DamagedResult(f"its file {path.name} has {sizes[name]} bytes; got {got}")
    return dataclasses.replace(result, files=files), sizes, marks


def entry_of(result: Result, sizes: Mapping[str, int], marks: Marks, folder: str, text: str) -> Entry:
    """Return what the index keeps of a result."""
    own = sum(size for name, size in sizes.items() if name != "source")
    row = Row(
        result.id,
        result.title,
        result.engine,
        float(result.created),
        result.frames,
        own,
        len(result.visible),
        result.digest,
        marks.pinned,
        marks.tags,
    )
    sought = "\n".join([result.title, *result.names.values(), *marks.tags]).casefold()
    return Entry(row, folder, text, sizes.get("source", 0), float(result.created), sought)


def _read(kind: Any, value: Any) -> Any:
    """Return a value from JSON as the type that a field is declared with.

    Raises:
        TypeError, ValueError, KeyError, ArithmeticError: it is another.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        known = _hints(kind)
        return kind(**{name: _read(known[name], item) for name, item in value.items() if name in known})
    if kind is Fraction:
        return Fraction(_read(str, value))
    if kind is Path:
        return Path(_read(str, value))
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(_read(k, item) for k, item in zip(kinds, _read(list, value), strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {_read_key(inner[0], key): _read(inner[1], item) for key, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        return _read(next((k for k in inner if type(value) is k), inner[0]), value)
    if kind is float and type(value) is int:
        return float(value)
    if kind is not Any and type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind}")
    return value


@functools.lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read_key(kind: type, key: str) -> Any:
    return int(key) if kind is int else _read(kind, key)
