"""python -m vos evaluate contacts: whether an engine keeps to its object when others come near."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vos import folders
from vos.benchmark.contacts import QUICK_FRAMES, Score, contacts, measure
from vos.benchmark.engine import prepare
from vos.commands import _device, _options, _out
from vos.plugins import ENGINES, names

HELP = "clips in which something touches, crosses, covers or clings to the object; J and leak"
TABLE = "contacts.json"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="training data: the clips are made of what is held out",
    )
    add("--out", type=Path, required=True, metavar="DIR", help=f"gets {TABLE}")
    add("--engine", choices=names(ENGINES), default="memory", help="default: %(default)s")
    _options.arguments(parser)
    _out.arguments(parser)
    add("--quick", action="store_true", help=f"every fifth clip, of {QUICK_FRAMES} frames")
    _device.arguments(parser)


def run(args: Namespace) -> int:
    """Make every clip, segment it, print the means by course and by looks, and write all scores.

    Raises:
        VosError: the sentence says what to change.
    """
    clips = list(contacts(args.data, quick=args.quick))
    _out.check(args.out, TABLE, overwrite=args.overwrite)
    _out.claim(args.out, TABLE)
    folders.choose(args.out)  # what an engine learns here is not the user's
    options = _options.read_engine(args.engine, args.option)
    engine = prepare(args.engine, options, args.device, args.precision)
    scores = [measure(engine.segmenter, clip) for clip in tqdm(clips, unit="clip", disable=None)]
    _show(scores)
    rows = [asdict(score) for score in scores]
    _out.finish(args.out, TABLE, {**engine.facts, **_means(scores), "clips": rows})
    print(f"scores   {args.out / TABLE}")
    return 0


def _means(scores: Sequence[Score]) -> dict[str, float]:
    j, leak = np.mean([(score.j, score.leak) for score in scores], axis=0).tolist()
    return {"J": round(j, 4), "leak": round(leak, 4)}


def _show(scores: Sequence[Score]) -> None:
    for part in ("course", "looks"):
        for value in dict.fromkeys(getattr(score, part) for score in scores):
            chosen = [score for score in scores if getattr(score, part) == value]
            print("{:12} J {J:.3f}  leak {leak:.3f}".format(value, **_means(chosen)))
    print("{:12} J {J:.3f}  leak {leak:.3f}".format(f"all {len(scores)}", **_means(scores)))
