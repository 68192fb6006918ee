"""python -m vos segment: masks, overlay, trajectory and facts of one clip, into a folder."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vos import downloads, plugins
from vos.commands import _clicks, _device, _exports, _options, _out, _runs
from vos.errors import InvalidInput
from vos.folders import results
from vos.options import read_options
from vos.store import Store
from vos.types import Job, read_number
from vos.video.read import probe

HELP = "segment a clip and write masks, overlay video, trajectory and facts"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("clip", type=Path, help="video file, folder of images, or zip of images")
    parser.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="[FRAME:]FILE",
        help="mask of the object or objects on a frame (default 0), a picture or an .npy label map; may be "
        "given several times: black-and-white masks of one frame are several objects",
    )
    _clicks.arguments(parser)
    parser.add_argument(
        "--range", metavar="FIRST:LAST", help="segment these frames only; either may be left out"
    )
    parser.add_argument("--out", type=Path, help="folder for the files (default: CLIP_vos beside CLIP)")
    _out.arguments(parser)
    _exports.arguments(parser)
    parser.add_argument(
        "--no-cache", action="store_true", help="neither look into the result store nor fill it"
    )
    engine_arguments(parser)


def engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that choose an engine and where it runs."""
    engines = plugins.names(plugins.ENGINES)
    parser.add_argument("--engine", default="memory", choices=engines, help="default: memory")
    _options.arguments(parser)
    _device.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Segment, then write the files."""
    out = args.out or _default_out(args.clip)
    _out.check(out, _runs.FACTS, overwrite=args.overwrite)
    info = probe(args.clip)
    given = (*_runs.read_prompts(args.prompt, info.size_hw), *_clicks.prompts(args))
    job = Job(
        clip=args.clip,
        engine=args.engine,
        prompts=_clicks.with_gone(args, given, info.size_hw),
        options=_options.read_engine(args.engine, args.option),
        title=args.clip.stem,
        span=_span(args.range, info.frames),
    )
    with _store(args.no_cache) as store:
        finished = _runs.run_job(job, store, args, info.frames)
        _runs.write_files(finished, out, overwrite=args.overwrite)
        for name in args.export:
            options = read_options(plugins.EXPORTS, name)
            target = out / downloads.file_of(name)
            _exports.write(store, finished.result, name, options, target, overwrite=True)
    _runs.report(finished, out)
    return 0


def _span(text: str | None, frames: int) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = re.fullmatch(r"([0-9]*):([0-9]*)", text)
    if not parts:
        raise InvalidInput(f"--range takes FIRST:LAST; got {text!r}")
    return read_number(parts[1] or "0"), read_number(parts[2] or str(frames - 1))


def _default_out(clip: Path) -> Path:
    whole = Path(os.path.abspath(clip))  # "." and ".." have no name of their own
    return clip.parent / f"{whole.name if clip.is_dir() else whole.stem}_vos"


@contextlib.contextmanager
def _store(throw_away: bool) -> Iterator[Store]:
    if not throw_away:
        with Store(results()) as store:
            yield store
        return
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        yield store
