"""python -m vos export: one file of a stored result, in any of the formats it can leave in."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import typing
from collections.abc import Iterator
from pathlib import Path

from vos import downloads, plugins
from vos.commands import _options
from vos.commands._exports import write
from vos.errors import InvalidInput
from vos.folders import results
from vos.store import Store
from vos.types import Result
from vos.video.finish import Finish, read_finish

HELP = "write a stored result as a file: films with alpha, COCO, CVAT, EXR, a web page and more"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    known = plugins.names(plugins.EXPORTS)
    parser.add_argument(
        "result", nargs="?", help="id of a result or the beginning of one, or a folder that `segment` wrote"
    )
    parser.add_argument("--format", choices=known, metavar="NAME", help=f"one of: {', '.join(known)}")
    _options.arguments(parser, of="format")
    parser.add_argument(
        "--finish",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a finishing touch on the masks: smooth, specks, holes, grow or feather; default: those kept "
        "with the result; grow=0 alone: none",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the title and the format's name")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE where it exists")
    parser.add_argument("--list", action="store_true", help="show the formats and their options, and end")


def run(args: argparse.Namespace) -> int:
    """Export, or list what can be."""
    if args.list:
        print("\n".join(_listing(args.format)))
        return 0
    if not args.result or not args.format:
        raise InvalidInput("RESULT and --format NAME are needed; --list shows the formats")
    options, touches = _options.read_export(args.format, args.option), _finish(args.finish)
    with Store(results()) as store:
        result = find(store, args.result)
        path = write(store, result, args.format, options, args.out, touches, overwrite=args.overwrite)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def find(store: Store, text: str) -> Result:
    """Return the result that an id, the beginning of one, or a folder of `segment` means.

    Raises:
        InvalidInput: none, or several; or the folder is of something else.
    """
    if Path(text).is_dir():
        key = _key(Path(text))
        if stored := store.get(key):
            return stored
        raise InvalidInput(f"the result that {text} is of is not in the store; was it made with --no-cache?")
    if not text or not set(text) <= set("0123456789abcdef"):
        raise InvalidInput(f"{text!r} is neither a folder that `segment` wrote nor the beginning of an id")
    listed = [row.id for row in store.page(0, -1).rows if row.id.startswith(text)]
    found = [result for result in map(store.get, listed) if result]
    if len(found) != 1:
        count = "no result" if not found else f"{len(found)} results"
        raise InvalidInput(f"{count} in the store begin with {text[:12]}; exactly one is needed")
    return found[0]


def _finish(given: list[str]) -> Finish | None:
    if not given:
        return None
    return read_finish({name: str(value) for name, value in _options.read_pairs(given).items()})


def _key(folder: Path) -> str:
    facts: object = None
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or not isinstance(facts.get("key", facts.get("id")), str):
        raise InvalidInput(f"{folder} has no result.json of `segment`; a folder that it wrote is needed")
    return str(facts.get("key", facts.get("id")))


def _listing(only: str | None) -> Iterator[str]:
    for name, module in downloads.exports().items():
        if only in (None, name):
            yield f"{name}  {module.LABEL}: {module.WHO}"
            types = typing.get_type_hints(module.Options)
            for field in dataclasses.fields(module.Options):
                choices = "|".join(map(str, field.metadata.get("choices", ())))
                kind = choices or types[field.name].__name__
                yield f"    {field.name}={field.default}  {field.metadata['help']} ({kind})"
