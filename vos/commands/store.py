"""python -m vos store: whether results on disk are sound, their repair, their limit, and results as files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vos import downloads
from vos.commands.export import find
from vos.errors import InvalidInput, StorageUnavailable
from vos.folders import results
from vos.store import Store, parcel
from vos.store.room import GB

HELP = "look over, repair and limit the results on disk; write one as a file, or bring one in"


def arguments(parser: ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="read every result; exit code 1 when something is wrong")
    check.add_argument(
        "--repair",
        action="store_true",
        help="remove what dead processes left, list what is not listed, set damaged results aside",
    )
    export = commands.add_parser("export", help="write a result, with its clip, as one file")
    export.add_argument("result", help="its id, or the beginning")
    export.add_argument("--out", type=Path, metavar="FILE", help="default: the title and _result.vos.zip")
    bring = commands.add_parser("import", help="bring a result in that export wrote")
    bring.add_argument("file", type=Path, metavar="FILE")
    limit = commands.add_parser("limit", help="show, or set, how much disk space the results may take")
    limit.add_argument("gigabytes", nargs="?", type=float, metavar="GB")
    for command in (check, export, bring, limit):
        command.add_argument(
            "--cache", type=Path, metavar="FOLDER", help="the store; default: $VOS_CACHE or cache/"
        )


def run(args: Namespace) -> int:
    """Check, repair, export, import or limit; 1 when something was wrong and was not repaired.

    Raises:
        StorageUnavailable: there is no store, or it cannot be read or written.
    """
    if args.action == "check":
        return _check(args)
    with Store(args.cache or results()) as store:
        if args.action == "limit":
            return _limit(store, args.gigabytes)
        if args.action == "import":
            result = parcel.unpack(store, args.file)
            print(f"{result.title}: {result.id}")
            return 0
        result = find(store, args.result)
        target = args.out or Path(downloads.file_name(result, "result.vos.zip"))
        if target.exists():
            raise InvalidInput(f"{target} exists already; name another file with --out")
        parcel.pack(store, result.id, target)
        print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)")
    return 0


def _limit(store: Store, limit_gb: float | None) -> int:
    if limit_gb is not None:
        store.room.set_limit(limit_gb)
    usage = store.room.usage()
    print(f"{usage.used_bytes / GB:.2f} of {usage.limit_bytes / GB:g} GB used in {store.folder}")
    if usage.leaving:
        print(f"the {usage.leaving} least recently used results go when the next one comes; pinned ones stay")
    return 0


def _check(args: Namespace) -> int:
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
