"""python -m vos evaluate: how good an engine, or a folder of masks, is on a benchmark."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vos import folders
from vos.benchmark import corrections
from vos.benchmark.engine import prepare
from vos.benchmark.layouts import open_dataset
from vos.benchmark.predictions import Predictions
from vos.benchmark.run import Engine, RunProgress, Task, score, segment, timing
from vos.benchmark.scores import MEASURES
from vos.benchmark.tables import write_results, write_submission
from vos.commands import _device, _evaluate_clicks, _evaluate_contacts, _options, _out
from vos.errors import InvalidInput
from vos.plugins import ENGINES, names

HELP = "measure an engine, or masks made elsewhere, on DAVIS, YouTube-VOS or Tianchi"
MARKER = "evaluation.json"  # says that a folder is of this command


def arguments(parser: ArgumentParser) -> None:
    """Declare the options; each benchmark is a subcommand."""
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    davis = benchmarks.add_parser("davis", help="DAVIS 2016 (one object) or 2017 (several)")
    davis.add_argument("--year", type=int, choices=(2016, 2017), default=2016)
    davis.add_argument(
        "--corrections",
        type=int,
        default=0,
        metavar="N",
        help="also correct the worst frame of each sequence by its truth, N times, and score after each",
    )
    youtube = benchmarks.add_parser("youtubevos", help="YouTube-VOS 2018 or 2019")
    youtube.add_argument(
        "--seen", type=Path, metavar="FILE", help="categories of the training split, one a line: gives G"
    )
    tianchi = benchmarks.add_parser("tianchi", help="Tianchi 2019 or 2020")
    _evaluate_contacts.arguments(benchmarks.add_parser("contacts", help=_evaluate_contacts.HELP))
    for one, split, measures in ((davis, "val", "J,F,T"), (youtube, "valid", "J,F"), (tianchi, "val", "J,F")):
        _common(one, split, measures)
    _evaluate_clicks.arguments(benchmarks.add_parser("clicks", help=_evaluate_clicks.HELP))


def _common(parser: ArgumentParser, split: str, measures: str) -> None:
    add = parser.add_argument
    add("--root", type=Path, required=True, metavar="DIR", help="the data set's folder")
    add("--split", default=split, help="default: %(default)s")
    add("--sequences", metavar="A,B", help="only these; default: the whole split")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--engine", choices=names(ENGINES), help="segment with this engine first")
    source.add_argument("--masks", type=Path, metavar="DIR", help="score DIR/<sequence>/<frame>.png")
    _options.arguments(parser)
    add("--out", type=Path, required=True, metavar="DIR", help="gets masks, tables and report")
    _out.arguments(parser)
    add("--measures", default=measures, metavar="M,M", help="of J, F, T; default: %(default)s")
    add("--workers", type=int, default=1, metavar="N", help="processes that score; default: 1")
    _device.arguments(parser)


def run(args: Namespace) -> int:
    """Segment if asked to, score, write the results, print the main figures.

    Raises:
        VosError: the sentence says what to change.
    """
    if args.benchmark == "clicks":
        return _evaluate_clicks.run(args)
    if args.benchmark == "contacts":
        return _evaluate_contacts.run(args)
    task = _task(args)
    facts: dict[str, Any] = {"command": shlex.join(["python", "-m", "vos", *sys.argv[1:]])}
    if args.masks is not None:
        predictions, engine = Predictions(args.masks), None
        facts |= {"engine": None, "masks": str(args.masks)}
    else:
        folders.choose(task.out)  # what an engine learns here counts in frames a second
        options = _options.read_engine(args.engine, args.option)
        engine = prepare(args.engine, options, args.device, args.precision)
        predictions = Predictions(task.out / "masks")
        facts |= engine.facts
    _out.claim(task.out, MARKER)
    if engine:
        _segment(task, engine)
        if not any(any(task.dataset.video(name).scored.values()) for name in task.names):
            print("The split's ground truth is not public: nothing to score here.")
            return 0
    if not engine:
        for note in _notes(task, predictions):
            print(note)
    _show(score(task, predictions, args.workers), "sequence")
    seen = _seen(args.seen) if args.benchmark == "youtubevos" and args.seen else None
    summary = write_results(task, predictions, facts, timing(task) if engine else None, seen)
    for key in ("G", "J_seen", "J_unseen", "F_seen", "F_unseen", "J&F", "J_mean", "F_mean", "T_mean", "fps"):
        if summary.get(key) is not None:
            print(f"{key:8} {summary[key]:.3f}")
    rounds: int = getattr(args, "corrections", 0)
    if engine is not None and rounds:
        _correct(task, engine, rounds, args.workers)
    print(f"report   {task.out / 'report.html'}")
    return 0


def _correct(task: Task, engine: Engine, rounds: int, workers: int) -> None:
    task = replace(task, measures=tuple(measure for measure in task.measures if measure != "T"))
    _show(corrections.correct(task, engine, rounds), "frame")
    _show(corrections.score_rounds(task, rounds, workers), "sequence")
    for found in corrections.write_rounds(task, rounds):
        figures = "  ".join(f"{key} {found[key]:.3f}" for key in ("J&F", "J_mean", "F_mean") if key in found)
        print(f"after {found['corrections']} corrections: {figures}")


def _notes(task: Task, predictions: Predictions) -> Iterator[str]:
    for name in task.names:
        yield from (f"{name}: {note}" for note in predictions.notes(task.dataset.video(name)))


def _segment(task: Task, engine: Engine) -> None:
    _show(segment(task, engine), "frame")
    print(f"masks    {write_submission(task)}")


def _task(args: Namespace) -> Task:
    dataset = open_dataset(args.benchmark, args.root, args.split, getattr(args, "year", 2016))
    measures = tuple(m for m in MEASURES if m in args.measures.split(","))
    allowed = MEASURES[:2] if args.benchmark == "youtubevos" else MEASURES
    if not measures or not set(args.measures.split(",")) <= set(allowed):
        raise InvalidInput(f"--measures {args.measures}: {args.benchmark} has {','.join(allowed)}")
    if args.workers < 1:
        raise InvalidInput(f"--workers is {args.workers}; at least 1 is needed")
    if not 0 <= getattr(args, "corrections", 0) <= (20 if args.engine else 0):
        raise InvalidInput(f"--corrections is {args.corrections}; with --engine 0 to 20 are allowed, else 0")
    if args.option and not args.engine:
        raise InvalidInput("--option is for an engine; masks made elsewhere have none")
    _out.check(args.out, MARKER, overwrite=args.overwrite)
    known = dataset.names()
    chosen = tuple(dict.fromkeys(args.sequences.split(","))) if args.sequences else known
    unknown = set(chosen) - set(known)
    if unknown:
        raise InvalidInput(f"{args.split} has no sequence {min(unknown)!r}; it has: {', '.join(known)}")
    return Task(dataset, chosen, measures, args.out)


def _seen(path: Path) -> set[str]:
    try:
        found = {line.strip() for line in path.read_text().splitlines()}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is missing or cannot be read") from error
    return found - {""}


def _show(progress: Generator[RunProgress, None, None], unit: str) -> None:
    """Draw a bar until the work is done."""
    with closing(progress) as steps, tqdm(unit=unit, disable=None) as bar:
        for step in steps:
            bar.total = step.total
            bar.set_description(f"{step.stage} {step.name}", refresh=False)
            bar.update(step.done - bar.n)
