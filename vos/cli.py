"""The command line: python -m vos COMMAND; a user's mistake is one sentence and exit code 2."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from vos import plugins
from vos.errors import VosError
from vos.process import prepare_process

COMMANDS = "vos.commands"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is on a read-only disk",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "it exists already, and is not a folder",
    errno.ENAMETOOLONG: "its name is too long",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0 done, 1 a bug, 2 a user's mistake, 130 stopped."""
    prepare_process()
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parse(given)
        logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
        return int(args.run(args))
    except VosError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("vos: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, sqlite3.OperationalError) as error:  # the disk's and the user's, never a traceback
        logging.getLogger(__name__).info("the system refused", exc_info=True)
        return _refuse(explain(error))


def explain(error: OSError | sqlite3.OperationalError) -> str:
    """Return one sentence for what the operating system, or the database on its disk, refused."""
    if isinstance(error, sqlite3.OperationalError):
        return f"the result store cannot be used: {error}"
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"a file cannot be read or written: {reason}"
    return f"{os.fsdecode(error.filename)} cannot be read or written: {reason}"


def _refuse(sentence: str) -> int:
    print(f"vos: {sentence}", file=sys.stderr)
    return 2


def _parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line; only the command that is named is imported: a broken one harms no other."""
    parser = argparse.ArgumentParser(prog="python -m vos", description="Video object segmentation.")
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    dashed = next((text for text in given if text.startswith("-") and Path(text).is_file()), None)
    if dashed:  # argparse takes it for an option
        raise VosError(f"the file {dashed} begins with a dash; write ./{dashed}")
    named = next((text for text in given if not text.startswith("-")), None)
    for name in plugins.names(COMMANDS):
        described = plugins.describe(COMMANDS, name)
        command = commands.add_parser(name, help=described, description=described)
        if name == named:
            _declare(command, name)
    return parser.parse_args(given)


def _declare(command: argparse.ArgumentParser, name: str) -> None:
    try:
        module = plugins.load(COMMANDS, name)
    except ImportError as error:
        raise VosError(f"the command {name} cannot run here: {error}") from error
    module.arguments(command)
    command.set_defaults(run=module.run)
