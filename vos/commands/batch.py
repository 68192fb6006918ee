"""python -m vos batch: all clips of a folder, with masks by name, and a report of what became of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from vos.batch import report
from vos.batch.clip import FAILED, Outcome, Settings, waiting
from vos.batch.cluster import run_cluster
from vos.batch.tasks import Task, find
from vos.batch.workers import run_apart, run_here
from vos.commands import _exports, _options, _out
from vos.commands.segment import engine_arguments
from vos.errors import InvalidInput
from vos.folders import results
from vos.owned import exclusive

HELP = "segment all clips of a folder, with masks by name, and write a report"
KEEP_S = 30.0  # so often the report of a run that goes on is written


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, help="videos, zips of images and folders of images")
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="FOLDER",
        help="for dog.mp4 the mask dog.png, or a folder dog/ with a mask a frame (00012.png; 12_cup.png)",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: FOLDER_batch beside FOLDER")
    _exports.arguments(parser, " of each clip")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="clips at a time; default: %(default)s"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="on the machines of a Ray cluster, such as HOST:6379, or auto (needs the extra cluster)",
    )
    _out.arguments(parser)
    engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Segment what is not stored yet; 1 when a clip failed. Stopped at any time, the same command goes on."""
    if args.jobs < 1:
        raise InvalidInput(f"--jobs is {args.jobs}; 1 or more is needed")
    tasks, unused = find(args.folder, args.prompts)
    whole = args.folder.absolute()
    out = args.out or whole.with_name(f"{whole.name}_batch")
    options = _options.read_engine(args.engine, args.option)
    exports = tuple(dict.fromkeys(args.export))
    settings = Settings(args.engine, options, results(), out, exports, args.device, args.precision)
    _out.check(out, report.JSON, overwrite=args.overwrite)
    told = report.facts(settings, [waiting(task) for task in tasks], unused)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive(out / ".lock"):  # a second run waits, and then finds all in the store
        _out.begin(out, report.JSON, [report.JSON, *told["files"]], overwrite=args.overwrite)
        outcomes = _run(tasks, settings, unused, _steps(tasks, settings, args))
    failed = [outcome for outcome in outcomes if outcome.state == FAILED]
    for outcome in failed:
        print(f"{outcome.name}: {outcome.error}", file=sys.stderr)
    print(
        f"{len(outcomes) - len(failed)} of {len(outcomes)} clips, {len(failed)} failed: {out / report.HTML}"
    )
    return 1 if failed else 0


def _steps(
    tasks: Sequence[Task], settings: Settings, args: argparse.Namespace
) -> Generator[Outcome, None, None]:
    if args.ray:
        return run_cluster(tasks, settings, args.ray)
    return run_here(tasks, settings) if args.jobs == 1 else run_apart(tasks, settings, args.jobs)


def _run(
    tasks: Sequence[Task],
    settings: Settings,
    unused: Sequence[str],
    steps: Generator[Outcome, None, None],
) -> list[Outcome]:
    """Return all outcomes; the report is written now and then and at the end, though that comes early."""
    outcomes = {task.name: waiting(task) for task in tasks}

    def write() -> None:
        told = report.facts(settings, list(outcomes.values()), unused)
        report.write_html(told, settings.out / report.HTML)
        _out.finish(settings.out, report.JSON, told)

    written = time.monotonic()
    try:
        with closing(steps), tqdm(total=len(tasks), unit="clip", disable=None) as bar:
            for outcome in steps:
                outcomes[outcome.name] = outcome
                bar.set_description(outcome.name)
                bar.update()
                if time.monotonic() - written > KEEP_S:
                    write()
                    written = time.monotonic()
    finally:
        write()
    return list(outcomes.values())
