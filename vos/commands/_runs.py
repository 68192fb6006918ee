"""What `segment` and `correct` share: reading mask files, running a job with a bar, writing its files."""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from vos import downloads, segment
from vos.commands import _out
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.prompts import mask_files
from vos.prompts.mask_files import MaskFile
from vos.segment import Finished
from vos.store import Store
from vos.types import Job, Prompt, read_number
from vos.video.masks import MaskReader, write_png

FACTS = "result.json"
DOWNLOADS = "overlay.mp4", "trajectory.csv"


def read_prompts(given: list[str], size_hw: tuple[int, int]) -> list[Prompt]:
    """Read the mask files of --prompt, and say how they were read where that needs words."""
    files = [MaskFile(frame, path, Path(path)) for frame, path in map(_frame_and_file, given)]
    prompts, notes = mask_files.read_prompts(files, size_hw)
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


def run_job(
    job: Job, store: Store, args: argparse.Namespace, frames: int, digest: str | None = None
) -> Finished:
    """Run a job with a bar on --device at --precision."""
    device = choose(args.device, args.precision)
    with (
        closing(segment.run(job, store, device=device, digest=digest)) as steps,
        tqdm(total=frames, unit="frame", disable=None, leave=False) as bar,
    ):
        for item in steps:
            if isinstance(item, Finished):
                return item
            bar.set_description(item.note)
            bar.update(item.done - bar.n)
    raise AssertionError("a run ended without a result")


def write_files(finished: Finished, out: Path, *, overwrite: bool) -> None:
    """Write masks, overlay, trajectory and facts in place of what an earlier run wrote here.

    Between `begin` and `finish` the facts name the files that are coming: whatever stops the command, the
    next run knows which ones are its own.
    """
    result = finished.result
    pictures = [f"masks/{index:05d}.png" for index in range(result.frames)]
    files = [*pictures, *DOWNLOADS, FACTS]
    _out.begin(out, FACTS, files, overwrite=overwrite)
    (out / "masks").mkdir(exist_ok=True)
    with MaskReader(result.files["masks"]) as masks:
        for picture, mask in zip(pictures, masks, strict=True):
            write_png(out / picture, mask)
    for name in DOWNLOADS:
        downloads.make(result, name, out)
    _out.finish(out, FACTS, downloads.describe(result, files))


def report(finished: Finished, out: Path) -> None:
    """Say what was made, how fast, and what to look at."""
    result = finished.result
    seconds = result.seconds["total"]
    how = "from cache" if finished.cached else f"{seconds:.1f} s, {result.frames / seconds:.1f} fps"
    print(f"{result.frames} frames in {out} ({how})")
    for warning in result.warnings:
        print(f"warning: {warning}")
