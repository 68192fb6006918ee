"""What a result gives away: files by name, at once, and exports with options and progress."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from vos import plugins
from vos.errors import InvalidInput
from vos.options import read_options
from vos.store import Store, facts
from vos.store.finish import finish_of
from vos.tracks import Track, TrackBuilder
from vos.tracks import files as tables
from vos.types import Frame, Options, Result, Step
from vos.video.alpha import AlphaReader
from vos.video.exportable import Exportable
from vos.video.finish import Finish, as_mapping, finish_masks
from vos.video.masks import MaskReader, replacing
from vos.video.read import open_clip

STORED = {"overlay.mp4": "Overlay video (MP4)", "source.mp4": "Original video (MP4)"}
TABLES = {
    "trajectory.csv": ("Trajectory (CSV)", tables.to_csv),
    "trajectory.txt": ("Trajectory (TXT)", tables.to_txt),
    "trajectory.json": ("Trajectory (JSON)", tables.to_json),
}
FACTS = {"result.json": "Facts and timings (JSON)"}
MASKS = {"davis_png.zip": "Masks as PNG (DAVIS palette)"}
UNTOUCHED = Finish()
EXPORT_FORMAT = 1  # part of every cached export's name: raise it when an export changes what it writes


def labels() -> dict[str, str]:
    """Return the files that a result gives at once, by name, with what to call them."""
    return STORED | MASKS | {name: label for name, (label, _) in TABLES.items()} | FACTS


def tracks(result: Result) -> tuple[Track, ...]:
    """Return where a result's objects are, under the names the user gave them."""
    if not result.objects:  # an engine that needs no prompt may find nothing
        return ()
    table = tables.read_table(result.files["tracks"].read_bytes(), "tracks.json")
    return tuple(dataclasses.replace(track, name=result.name(track.object_id)) for track in table)


def frame_at(result: Result, index: int) -> Frame:
    """Return a frame (H, W, 3) of the clip a result was made of, at the size of the result's masks."""
    height, width = result.info.size_hw
    return open_clip(result.files["source"]).frame_at(index)[:height, :width]  # stored clips have even sizes


def describe(result: Result, files: Sequence[str] = ()) -> dict[str, Any]:
    """Return what result.json says, on the command line and as a download; docs/files.md explains it.

    `files` are those that lie beside it.
    """
    rate = round(result.frames / max(result.seconds["total"], 1e-9), 2)
    finish = as_mapping(finish_of(result))
    return (
        {"made_by": "vos", "format": 1, "complete": True}
        | facts(result)
        | {"objects": list(result.objects), "frames_per_second": rate, "finish": finish, "files": list(files)}
    )


def make(result: Result, name: str, folder: Path) -> Path:
    """Write one of the files that a result gives at once into a folder and return its path.

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
    elif name in MASKS:
        for _ in export(result, "davis_png", read_options(plugins.EXPORTS, "davis_png"), target, UNTOUCHED):
            pass
    else:
        raise InvalidInput(f"a result has no file {name!r}; it has: {', '.join(labels())}")
    return target


def exports() -> dict[str, ModuleType]:
    """Return the exports by name; each has LABEL, WHO, SUFFIX and Options."""
    return {name: plugins.load(plugins.EXPORTS, name) for name in plugins.names(plugins.EXPORTS)}


def file_of(name: str) -> str:
    """Return an export's name with the ending of its file.

    Raises:
        InvalidInput: no export of that name.
    """
    return f"{name}{plugins.load(plugins.EXPORTS, name).SUFFIX}"


def export(
    result: Result, name: str, options: Options, target: Path, finish: Finish | None = None
) -> Generator[Step, None, None]:
    """Write one export of a result, whole or not at all; yield a Step a frame. Closing it cancels.

    Without `finish` its masks get the touches that are kept with the result.

    Raises:
        InvalidInput: no export of that name, or its options do not fit the result.
    """
    module = plugins.load(plugins.EXPORTS, name)
    with opened(result, finish) as source:
        yield from module.export(source, options, target)


@dataclass(frozen=True)
class Exported:
    """The end of an export: its file, what to call it, and whether it was there already."""

    path: Path
    file_name: str
    cached: bool


def run_export(
    store: Store,
    result: Result,
    name: str,
    options: Options,
    folder: Path,
    finish: Finish | None = None,
) -> Generator[Step | Exported, None, None]:
    """Do an export as a job does it: yield Steps, then Exported, at once where the store has the file.

    A new file is written into `folder`; the store then keeps it as a file of the result.

    Raises:
        InvalidInput: as `export`.
    """
    finish = finish_of(result) if finish is None else finish
    key = export_key(result, name, options, finish)
    called = file_name(result, file_of(name))
    if key in result.files:
        yield Exported(result.files[key], called, cached=True)
        return
    path = folder / file_of(name)
    yield from export(result, name, options, path, finish)
    yield Exported(store.add_file(result.id, key, path), called, cached=False)


def export_key(result: Result, name: str, options: Options, finish: Finish | None = None) -> str:
    """Return the name of an export among a result's files: it changes with all that the file depends on.

    Raises:
        InvalidInput: a file that the options name cannot be read.
    """
    fields = dataclasses.asdict(options)
    for field in dataclasses.fields(options):
        if field.metadata.get("file") and fields[field.name]:
            fields[field.name] = _digest(Path(fields[field.name]))
    content = [
        EXPORT_FORMAT,
        result.created,
        result.title,
        sorted(result.names.items()),
        (finish_of(result) if finish is None else finish).query,
        fields,
    ]
    return f"export-{name}-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]}"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}") from error


@contextmanager
def opened(result: Result, finish: Finish | None = None) -> Iterator[Exportable]:
    """Open a result for exports, its masks with finishing touches: by default those that are kept with it."""
    finish = finish_of(result) if finish is None else finish
    with ExitStack() as files:
        masks = files.enter_context(MaskReader(result.files["masks"]))
        sure = json.loads(result.files["confidence"].read_bytes())
        soft = result.files.get("alpha")
        yield Exportable(
            title=result.title,
            info=result.info,
            clip=open_clip(result.files["source"]),
            masks=masks,
            names={object_id: result.name(object_id) for object_id in result.objects},
            tracks=_finished_tracks(result, masks, finish) if finish.changes_masks else tracks(result),
            confidence=tuple(math.nan if value is None else float(value) for value in sure),
            facts=_for_people(result),
            frame_names=_frame_names(result),
            alpha=files.enter_context(AlphaReader(soft)) if soft else None,
            finish=finish,
        )


def _frame_names(result: Result) -> tuple[str, ...]:
    """Return what the clip's images were called; () where there were none, or two are called alike."""
    if "frame_names" not in result.files:
        return ()
    given = json.loads(result.files["frame_names"].read_bytes())
    names = tuple(str(name).replace("/", "_").replace("\\", "_") for name in given)
    return names if len(set(names)) == result.frames == len(names) else ()


def _finished_tracks(result: Result, masks: MaskReader, finish: Finish) -> tuple[Track, ...]:
    builder = TrackBuilder()
    for mask in finish_masks(masks, finish):
        builder.add(mask)
    return builder.tracks(result.objects, {i: result.name(i) for i in result.objects})


def _for_people(result: Result) -> dict[str, str]:
    info = result.info
    chosen = ", ".join(f"{name} {value}" for name, value in result.options.items())
    return {
        "Size": f"{info.width} x {info.height}",
        "Frames": str(result.frames),
        "Rate": f"{float(info.fps):.3f}".rstrip("0").rstrip(".") + " fps",
        "Length": f"{info.duration_s:.2f} s",
        "Codec": f"{info.codec} in {info.container}",
        "Engine": f"{result.engine} ({chosen})" if chosen else result.engine,
        **{f"{result.name(i)} visible": f"{share:.0%} of the frames" for i, share in result.visible.items()},
        **({"Warnings": "; ".join(result.warnings)} if result.warnings else {}),
    }


def _write(target: Path, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_name(result: Result, name: str) -> str:
    """Return what a downloaded file is called: the title, safe in every file system, and the name."""
    title: Iterable[str] = (c if c.isalnum() or c in "-_ " else "_" for c in result.title)
    return f"{''.join(title).strip()[:80] or 'result'}_{name}"
