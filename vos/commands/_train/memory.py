"""The memory network, on clips of objects."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import torch

from vos.commands import _common as common
from vos.net.engines import memory as engine
from vos.net.models.memory import MemoryNetwork
from vos.net.train.loop import Recipe, Validate
from vos.net.train.memory import MemoryBatches, MemoryRecipe
from vos.types import Device

HELP = "the memory network, on clips of objects"
DATA = common.VIDEOS_AND_STILLS
RATE = 8e-4


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    common.start(parser)
    common.hold_out(parser)
    add = parser.add_argument
    add("--clips", type=int, default=5, help="in a batch; default: %(default)s")
    add("--frames", type=int, default=6, help="in a clip, at least; default: %(default)s")
    add("--size", type=int, default=208, help="side of the crops in pixels, on average; default: %(default)s")
    add("--objects", type=int, default=2, help="followed in a clip, at most; default: %(default)s")
    add(
        "--contacts",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of clips in which something touches the object; default: %(default)s",
    )
    add("--fixed-trunk", action="store_true", help="the trunk does not learn: other networks share it")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with."""
    torch.manual_seed(args.seed)
    network = MemoryNetwork()
    common.begin(network, args)
    if args.fixed_trunk:
        network.trunk.requires_grad_(False)
    data, videos = common.split(args)
    batches = MemoryBatches(data, args.clips, args.frames, args.size, args.objects, args.contacts)
    options = engine.Options(short_side=common.short_side(engine, videos))
    return MemoryRecipe(network, batches), common.validation(engine, options, videos, args.out, device)
