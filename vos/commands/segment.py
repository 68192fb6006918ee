"""python -m vos segment: masks, overlay, trajectory and facts of one clip, into a folder."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from vos import downloads, plugins
from vos import segment as service
from vos.commands import _clicks, _device, _options, _out
from vos.commands._exports import write
from vos.errors import InvalidInput
from vos.folders import results
from vos.net.device import choose
from vos.prompt_files import MaskFile, read_prompts
from vos.segment import Finished
from vos.store import Store
from vos.types import Job, Prompt, read_number
from vos.video.masks import MaskReader, write_png
from vos.video.read import probe

HELP = "segment a clip and write masks, overlay video, trajectory and facts"
FACTS = "result.json"


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
    parser.add_argument("--out", type=Path, help="folder for the files (default: CLIP_vos beside CLIP)")
    _out.arguments(parser)
    parser.add_argument(
        "--export",
        action="append",
        default=[],
        choices=plugins.names(plugins.EXPORTS),
        metavar="NAME",
        help="also write this export (python -m vos export --list); may be given several times",
    )
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
    out = args.out or _beside(args.clip)
    _out.check(out, FACTS, overwrite=args.overwrite)
    info = probe(args.clip)
    job = Job(
        clip=args.clip,
        engine=args.engine,
        prompts=(*_prompts(args.prompt, info.size_hw), *_clicks.prompts(args)),
        options=_options.read(args.option),
        title=args.clip.stem,
    )
    with _store(args.no_cache) as store:
        finished = _segment(job, store, args, info.frames)
        _write(finished, out, overwrite=args.overwrite)
        for name in args.export:
            write(store, finished.result, name, {}, out / downloads.file_of(name), overwrite=True)
    result = finished.result
    seconds = result.seconds["total"]
    how = "from cache" if finished.cached else f"{seconds:.1f} s, {result.frames / seconds:.1f} fps"
    print(f"{result.frames} frames in {out} ({how})")
    for warning in result.warnings:
        print(f"warning: {warning}")
    return 0


def _beside(clip: Path) -> Path:
    whole = Path(os.path.abspath(clip))  # "." and ".." have no name of their own
    return clip.parent / f"{whole.name if clip.is_dir() else whole.stem}_vos"


def _prompts(given: list[str], size_hw: tuple[int, int]) -> list[Prompt]:
    """Read the mask files, and say how they were read where that needs words."""
    prompts, notes = read_prompts(
        [MaskFile(frame, path, Path(path)) for frame, path in map(_frame_and_file, given)], size_hw
    )
    for note in notes:
        print(note)
    return prompts


def _frame_and_file(text: str) -> tuple[int, str]:
    """Split [FRAME:]FILE.

    Raises:
        InvalidInput: there is no file.
    """
    parts = re.fullmatch(r"(?:([0-9]+):)?(.+)", text, re.DOTALL)
    if not parts:
        raise InvalidInput(f"--prompt takes [FRAME:]FILE; got {text!r}")
    return read_number(parts[1] or "0"), parts[2]


@contextlib.contextmanager
def _store(throw_away: bool) -> Iterator[Store]:
    if not throw_away:
        with Store(results()) as store:
            yield store
        return
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        yield store


def _segment(job: Job, store: Store, args: argparse.Namespace, frames: int) -> Finished:
    device = choose(args.device, args.precision)
    with (
        closing(service.run(job, store, device=device)) as steps,
        tqdm(total=frames, unit="frame", disable=None, leave=False) as bar,
    ):
        for item in steps:
            if isinstance(item, Finished):
                return item
            bar.set_description(item.note)
            bar.update(item.done - bar.n)
    raise AssertionError("a run ended without a result")


def _write(finished: Finished, out: Path, *, overwrite: bool) -> None:
    """Write masks, overlay, trajectory and facts in place of what an earlier run wrote here."""
    result = finished.result
    masks_to = [f"masks/{index:05d}.png" for index in range(result.frames)]
    made = ("overlay.mp4", "trajectory.csv")
    files = [*masks_to, *made, FACTS]
    _out.begin(out, FACTS, files, overwrite=overwrite)
    (out / "masks").mkdir(exist_ok=True)
    with MaskReader(result.files["masks"]) as masks:
        for name, mask in zip(masks_to, masks, strict=True):
            write_png(out / name, mask)
    for name in made:
        downloads.make(result, name, out)
    _out.finish(out, FACTS, downloads.describe(result, files))
