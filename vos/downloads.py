"""What a result gives away: files by name, for downloads and for folders."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vos import plugins
from vos import tracks as tables
from vos.errors import InvalidInput
from vos.store import facts
from vos.tracks import Track
from vos.types import Result
from vos.video.masks import MaskReader, replacing
from vos.video.read import open_clip

STORED = {"overlay.mp4": "Overlay video (MP4)", "source.mp4": "Original video (MP4)"}
TABLES = {
    "trajectory.csv": ("Trajectory (CSV)", tables.to_csv),
    "trajectory.txt": ("Trajectory (TXT)", tables.to_txt),
    "trajectory.json": ("Trajectory (JSON)", tables.to_json),
}
FACTS = {"result.json": "Facts and timings (JSON)"}


def labels() -> dict[str, str]:
    """Return every file a result can give, by name, with what to call it."""
    exports = {}
    for name in plugins.names(plugins.EXPORTS):
        module = plugins.load(plugins.EXPORTS, name)
        exports[name + module.SUFFIX] = module.LABEL
    tables = {name: label for name, (label, _) in TABLES.items()}
    return STORED | exports | tables | FACTS


def tracks(result: Result) -> tuple[Track, ...]:
    """Return where a result's objects are, under the names the user gave them."""
    if not result.objects:  # an engine that needs no prompt may find nothing
        return ()
    table = tables.read_table(result.files["tracks"].read_bytes(), "tracks.json")
    return tuple(dataclasses.replace(track, name=result.name(track.object_id)) for track in table)


def describe(result: Result, files: Sequence[str] = ()) -> dict[str, Any]:
    """Return what result.json says, on the command line and as a download; docs/files.md explains it.

    `files` are those that lie beside it.
    """
    rate = round(result.frames / max(result.seconds["total"], 1e-9), 2)
    return (
        {"made_by": "vos", "format": 1, "complete": True}
        | facts(result)
        | {"objects": list(result.objects), "frames_per_second": rate, "files": list(files)}
    )


def make(result: Result, name: str, folder: Path) -> Path:
    """Write one file of a result into a folder and return its path.

    Raises:
        InvalidInput: a result has no file of that name.
    """
    target = folder / name
    if name in STORED:
        with replacing(target) as temporary:
            shutil.copyfile(result.files[Path(name).stem], temporary)
    elif name in TABLES:
        _write(target, TABLES[name][1](tracks(result)))
    elif name in FACTS:
        _write(target, json.dumps(describe(result), indent=2) + "\n")
    elif name in labels():
        module = plugins.load(plugins.EXPORTS, Path(name).stem)
        with MaskReader(result.files["masks"]) as masks:
            module.export(open_clip(result.files["source"]), masks, target)
    else:
        raise InvalidInput(f"a result has no file {name!r}; it has: {', '.join(labels())}")
    return target


def _write(target: Path, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_name(result: Result, name: str) -> str:
    """Return what a downloaded file is called: the title, safe in every file system, and the name."""
    title: Iterable[str] = (c if c.isalnum() or c in "-_ " else "_" for c in result.title)
    return f"{''.join(title).strip()[:80] or 'result'}_{name}"
