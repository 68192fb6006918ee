"""The command line: python -m vos COMMAND; a user's mistake is one sentence and exit code 2."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from vos import plugins
from vos.errors import VosError
from vos.process import prepare_process

COMMANDS = "vos.commands"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0 done, 1 a bug, 2 a user's mistake, 130 stopped."""
    prepare_process()
    parser = argparse.ArgumentParser(prog="python -m vos", description="Video object segmentation.")
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in plugins.names(COMMANDS):
        module = plugins.load(COMMANDS, name)
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(command)
        command.set_defaults(run=module.run)
    args = parser.parse_args(argv)

    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING)
    try:
        return int(args.run(args))
    except VosError as error:
        print(f"vos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vos: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
