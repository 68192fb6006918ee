"""python -m vos segment: masks, overlay, trajectory and facts of one clip, into a folder."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from vos import downloads, plugins
from vos import segment as service
from vos.commands import _device
from vos.commands._exports import write
from vos.errors import InvalidInput
from vos.folders import results
from vos.net.device import choose
from vos.segment import Finished
from vos.store import Store, facts
from vos.types import Job, OptionValue, Prompt, Result
from vos.video.masks import MaskReader, read_mask, replacing, write_png
from vos.video.read import probe

HELP = "segment a clip and write masks, overlay video, trajectory and facts"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("clip", type=Path, help="video file, folder of images, or zip of images")
    parser.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="[FRAME:]MASK.png",
        help="mask of the object or objects on a frame (default 0); may be given several times",
    )
    parser.add_argument("--out", type=Path, help="folder for the files (default: CLIP's name)")
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
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the engine"
    )
    _device.arguments(parser)


def options(given: list[str]) -> dict[str, OptionValue]:
    """Return --option NAME=VALUE arguments as a dict."""
    pairs: dict[str, OptionValue] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--option takes NAME=VALUE; got {text!r}")
        pairs[name] = value
    return pairs


def run(args: argparse.Namespace) -> int:
    """Segment, then write the files."""
    out = args.out or Path(args.clip.stem)
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"--out {out} is a file; a folder is needed")
    info = probe(args.clip)
    job = Job(
        clip=args.clip,
        engine=args.engine,
        prompts=tuple(_prompts(args.prompt, info.size_hw)),
        options=options(args.option),
        title=args.clip.stem,
    )
    with _store(args.no_cache) as store:
        finished = _segment(job, store, args, info.frames)
        _write(finished, out)
        for name in args.export:
            write(store, finished.result, name, {}, out / downloads.file_of(name), overwrite=True)
    result = finished.result
    seconds = result.seconds["total"]
    how = "from cache" if finished.cached else f"{seconds:.1f} s, {result.frames / seconds:.1f} fps"
    print(f"{result.frames} frames in {out} ({how})")
    for warning in result.warnings:
        print(f"warning: {warning}")
    return 0


def _prompts(given: list[str], size_hw: tuple[int, int]) -> Iterator[Prompt]:
    for text in given:
        frame, path = re.fullmatch(r"(?:(\d+):)?(.+)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        mask, note = read_mask(Path(path), size_hw)
        if note:
            print(f"{path}: {note}")
        yield Prompt(int(frame or 0), mask)


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


def _write(finished: Finished, out: Path) -> None:
    result = finished.result
    folder = out / "masks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with MaskReader(result.files["masks"]) as masks:
        for index, mask in enumerate(masks):
            write_png(folder / f"{index:05d}.png", mask)
    for name in ("overlay.mp4", "trajectory.csv"):
        downloads.make(result, name, out)
    with replacing(out / "result.json") as temporary:
        temporary.write_text(json.dumps(_facts(result, finished.cached), indent=2) + "\n")


def _facts(result: Result, cached: bool) -> dict[str, object]:
    seconds = result.seconds["total"]
    return {
        "key": result.id,
        "engine": result.engine,
        "options": dict(result.options),
        "device": result.device.name,
        "precision": result.device.precision,
        "frames": result.frames,
        "seconds": dict(result.seconds),
        "fps": round(result.frames / seconds, 2),
        "cached": cached,
        "visible": {str(i): round(share, 4) for i, share in result.visible.items()},
        "warnings": list(result.warnings),
        "probe": facts(result)["info"],
    }
