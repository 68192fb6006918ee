"""A folder that a command writes into: files of others in it are never replaced or deleted."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vos.errors import InvalidInput
from vos.video.masks import replacing

MADE_BY = "vos"


def arguments(parser: ArgumentParser) -> None:
    """Declare --overwrite."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files of others that have the names of ours"
    )


def check(folder: Path, marker: str, *, overwrite: bool) -> None:
    """Refuse an output folder that holds what is not ours; `marker` is the JSON file that says it is.

    Raises:
        InvalidInput: it is a file, or has files but no marker of ours.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"--out {folder} is a file; a folder is needed")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InvalidInput(
            f"--out {folder} cannot be written: {there} is not a folder that may be written to"
        )
    if overwrite or not folder.exists() or _marker(folder / marker) or not any(folder.iterdir()):
        return
    raise InvalidInput(
        f"--out {folder} is not empty and was not made by this command; "
        "name another folder, or allow it with --overwrite"
    )


def check_file(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that exists.

    Raises:
        InvalidInput: it does, and may not be replaced.
    """
    if path.exists() and not overwrite:
        raise InvalidInput(f"{path} exists already; name another file, or allow it with --overwrite")


def claim(folder: Path, marker: str) -> None:
    """Make the folder and say that it is ours, for work that goes on where it stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _marker(folder / marker):
        finish(folder, marker, {})


def begin(folder: Path, marker: str, files: Iterable[str], *, overwrite: bool) -> None:
    """Make the folder, delete what an earlier run wrote there, and say in the marker what is coming.

    `files` are relative paths. Whatever stops the run, the marker names its files.

    Raises:
        InvalidInput: a file of another's has one of the names.
    """
    own, coming = _files(folder, marker), list(files)
    for name in coming:
        if name not in own and name != marker and (folder / name).exists() and not overwrite:
            raise InvalidInput(f"{folder / name} was not made by this command; --overwrite replaces it")
    folder.mkdir(parents=True, exist_ok=True)
    finish(folder, marker, {"files": sorted({*own, *coming}), "complete": False})
    for name in own - set(coming) - {marker}:
        (folder / name).unlink(missing_ok=True)


def finish(folder: Path, marker: str, facts: Mapping[str, Any]) -> None:
    """Write the marker with the facts of a run; {"made_by": "vos"} is added."""
    with replacing(folder / marker) as part:
        part.write_text(json.dumps({"made_by": MADE_BY} | dict(facts), indent=2) + "\n", encoding="utf-8")


def _marker(path: Path) -> dict[str, Any] | None:
    """Return a marker of ours, None for what is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("made_by") == MADE_BY else None


def _files(folder: Path, marker: str) -> set[str]:
    """Return the files that the marker names as ours, those inside the folder."""
    listed = (_marker(folder / marker) or {}).get("files")
    names = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    return {n for n in names if not Path(n).is_absolute() and ".." not in Path(n).parts}
