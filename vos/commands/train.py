"""Train a network: `python -m vos train memory --data DIR --minutes N --out FILE`."""

from __future__ import annotations

import math
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import torch
from tqdm import tqdm

from vos.commands._validation import HeldOut
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.net.memory import MemoryNetwork
from vos.net.train.backbone import (
    Accuracy,
    BackboneRecipe,
    Classifier,
    PhotoBatches,
    find_photos,
    start_trunk,
)
from vos.net.train.checkpoint import load_weights
from vos.net.train.data import find
from vos.net.train.loop import Plan, Recipe, Status, Validate, train
from vos.net.train.memory import MemoryBatches, MemoryRecipe
from vos.types import Device

HELP = "train a network from scratch, or on from given weights"
HELD_OUT = "bear,car-turn,dance-jump,motorbike,soccerball"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options; each network is a subcommand."""
    networks = parser.add_subparsers(dest="network", required=True, metavar="NETWORK")
    memory = networks.add_parser("memory", help="the memory network, on clips of objects")
    _common(memory, rate=8e-4, data="folder with davis*-train*/ and stills/")
    start = memory.add_mutually_exclusive_group()
    start.add_argument("--start", type=Path, metavar="FILE", help="weights of this network")
    start.add_argument("--backbone", type=Path, metavar="FILE", help="weights of `train backbone`")
    add = memory.add_argument
    add("--hold-out", default=HELD_OUT, metavar="A,B", help="to validate on, or none; default: %(default)s")
    add("--clips", type=int, default=5, help="in a batch; default: %(default)s")
    add("--frames", type=int, default=6, help="in a clip, at least; default: %(default)s")
    add("--size", type=int, default=208, help="side of the crops in pixels, on average; default: %(default)s")
    add("--objects", type=int, default=2, help="followed in a clip, at most; default: %(default)s")
    backbone = networks.add_parser("backbone", help="the memory network's encoder, on photos sorted by class")
    _common(backbone, rate=2e-3, data="folder of folders of photos, one folder a class")
    backbone.add_argument("--photos", type=int, default=128, help="in a batch; default: %(default)s")
    backbone.add_argument("--size", type=int, default=96, help="side in pixels; default: %(default)s")


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
    add("--device", default="auto", help="cpu, cuda or mps; default: the best there is")
    add("--precision", default="auto", help="float32 or bfloat16; default: the faster")


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
    recipe, validate = {"memory": _memory, "backbone": _backbone}[args.network](args, device)
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


def _memory(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    held = () if args.hold_out == "none" else tuple(args.hold_out.split(","))
    data, videos = find(args.data).hold_out(held)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        network = MemoryNetwork()
    if args.start:
        load_weights(network, args.start)
    if args.backbone:
        start_trunk(network, args.backbone)
    batches = MemoryBatches(data, args.clips, args.frames, args.size, args.objects)
    scratch = args.out.with_suffix(".validated.safetensors")
    return MemoryRecipe(network, batches), HeldOut(videos, device, scratch) if videos else None


def _backbone(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    learned, checked = find_photos(args.data).split()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        network = Classifier(len(learned.classes))
    batches = PhotoBatches(learned, args.photos, args.size)
    return BackboneRecipe(network, batches), Accuracy(checked, device, args.size)


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
