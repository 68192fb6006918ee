"""python -m vos convert: a benchmark's split into another benchmark's folder layout."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from vos.benchmark.convert import convert
from vos.benchmark.layouts import LAYOUTS, open_dataset
from vos.errors import InvalidInput

HELP = "turn DAVIS, YouTube-VOS or Tianchi folders into one another's layout"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source_layout", choices=LAYOUTS, metavar="FROM", help=", ".join(LAYOUTS))
    parser.add_argument("source", type=Path, metavar="DIR")
    parser.add_argument("target_layout", choices=LAYOUTS, metavar="TO")
    parser.add_argument("target", type=Path, metavar="DIR", help="a new folder")
    parser.add_argument("--split", default="train", help="default: %(default)s")
    parser.add_argument(
        "--year", type=int, choices=(2016, 2017), default=2017, help="of DAVIS; default: %(default)s"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="keep every Nth mask; YouTube-VOS has every 5th"
    )
    parser.add_argument(
        "--categories", type=Path, metavar="FILE", help='JSON: {"sequence": "category of its objects", ...}'
    )


def run(args: Namespace) -> int:
    """Copy, and say which objects the new layout does not score.

    Raises:
        VosError: the sentence says what to change.
    """
    source = open_dataset(args.source_layout, args.source, args.split, args.year)
    target = open_dataset(args.target_layout, args.target, args.split, args.year)
    categories = _categories(args.categories) if args.categories else None
    for name, late in convert(source, target, every=args.every, categories=categories):
        unscored = late and args.target_layout != "youtubevos"
        print(f"{name}: {late} objects start later and are not scored there" if unscored else name)
    return 0


def _categories(path: Path) -> dict[str, str]:
    try:
        return {str(name): str(category) for name, category in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidInput(f'{path} is not JSON like {{"sequence": "category", ...}}') from error
