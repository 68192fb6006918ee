"""Train a network: `python -m vos train memory --data DIR --minutes N --out FILE`."""

from __future__ import annotations

import math
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from vos import plugins
from vos.commands import _device, _out
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.net.train.loop import Plan, Status, train

HELP = "train a network from scratch, or on from given weights"
NETWORKS = "vos.commands._train"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options; each network is a subcommand."""
    networks = parser.add_subparsers(dest="network", required=True, metavar="NETWORK")
    for name in plugins.names(NETWORKS):
        module = plugins.load(NETWORKS, name)
        network = networks.add_parser(name, help=module.HELP, description=module.HELP)
        _common(network, module.RATE, module.DATA)
        module.arguments(network)


def _common(parser: ArgumentParser, rate: float, data: str) -> None:
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help=data)
    add("--out", type=Path, required=True, metavar="FILE", help="where the best weights go")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, default=0, help="how long to train, by the clock")
    length.add_argument("--steps", type=int, default=0, help="how long to train, by steps: repeatable")
    add("--resume", action="store_true", help="go on with the run that is saved beside --out")
    add("--sitting", type=float, default=math.inf, metavar="MINUTES", help="stop after so long, to resume")
    add("--rate", type=float, default=rate, help="highest learning rate; default: %(default)s")
    add("--seed", type=int, default=0, help="of the first weights and the batches; default: %(default)s")
    add("--validations", type=int, default=10, help="evenly over the run; default: %(default)s")
    add("--workers", type=int, default=1, help="processes that make batches; default: %(default)s")
    _out.arguments(parser)
    _device.arguments(parser)


def run(args: Namespace) -> int:
    """Train, with a progress bar; an interrupt saves the run and stops."""
    device = choose(args.device, args.precision)
    plan = Plan(
        minutes=args.minutes,
        steps=args.steps,
        rate=args.rate,
        seed=args.seed,
        workers=args.workers,
        validations=args.validations,
    )
    if not args.resume and args.out.with_suffix(".run.safetensors").exists():
        raise InvalidInput(f"a run is saved beside {args.out}; go on with --resume, or remove it")
    if not args.resume:
        _out.check_file(args.out, overwrite=args.overwrite)
    recipe, validate = plugins.load(NETWORKS, args.network).prepare(args, device)
    with (
        closing(train(recipe, plan, device, args.out, validate, resume=args.resume)) as statuses,
        tqdm(total=100, unit="%", bar_format="{percentage:4.1f}% {bar} {elapsed} {postfix}") as bar,
        _interruptible() as interrupted,
    ):
        began = None
        for status in statuses:
            began = status.minutes if began is None else began
            _show(bar, status)
            if interrupted or status.minutes - began >= args.sitting:
                break
    return 0


def _show(bar: tqdm[None], status: Status) -> None:
    bar.n = round(100 * status.progress, 1)
    bar.set_postfix_str(f"step {status.step}, loss {status.loss:.3f}", refresh=True)
    if status.scores:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in status.scores.items())
        bar.write(f"step {status.step}, {status.minutes:.1f} min: {scores}")


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Collect interrupts instead of raising them, so that a step is never torn; a second one raises."""
    interrupts: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if interrupts:
            raise KeyboardInterrupt
        interrupts.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
