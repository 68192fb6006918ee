"""python -m vos store: what the store of results holds, whether it is sound, and its repair."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vos.errors import StorageUnavailable
from vos.folders import results
from vos.store import Store

HELP = "look over the results on disk, and repair what a crash or a full disk left"


def arguments(parser: ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="read every result; exit code 1 when something is wrong")
    check.add_argument(
        "--repair",
        action="store_true",
        help="remove what dead processes left, list what is not listed, set damaged results aside",
    )
    check.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="the store; default: $VOS_CACHE or cache/"
    )


def run(args: Namespace) -> int:
    """Check, or repair; 1 when something was wrong and was not repaired.

    Raises:
        StorageUnavailable: there is no store, or it cannot be read or written.
    """
    folder = args.cache or results()
    if not folder.is_dir():
        raise StorageUnavailable(f"there is no store of results in {folder}")
    with Store(folder, tidy=False) as store:
        wrong = store.check(repair=args.repair)
        for sentence in wrong:
            print(f"{'repaired' if args.repair else 'wrong'}: {sentence}")
        for sentence in store.set_aside():
            print(f"set aside: {sentence}")
        left = store.check() if args.repair and wrong else wrong
        for sentence in left if args.repair else ():
            print(f"still wrong: {sentence}")
        size_mb = store.size_bytes() / 2**20
        print(f"{store.count()} results, {size_mb:.1f} MB in {folder}: {'not ' if left else ''}sound")
    return 1 if left else 0
