"""The sequence-to-sequence networks, on clips of objects."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import torch

from vos.commands import _common as common
from vos.net.engines import s2s as engine
from vos.net.models.s2s import NETWORKS
from vos.net.train.loop import Recipe, Validate
from vos.net.train.s2s import S2SBatches, S2SRecipe
from vos.types import Device

HELP = "the sequence-to-sequence network, compact or full, on clips of objects"
DATA = common.VIDEOS_AND_STILLS
RATE = 8e-4
SIZES = {"compact": 208, "full": 256}


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    common.start(parser)
    common.hold_out(parser)
    add = parser.add_argument
    add("--network", dest="variant", choices=tuple(NETWORKS), default="compact", help="default: %(default)s")
    add("--clips", type=int, default=3, help="in a batch; default: %(default)s")
    add("--size", type=int, help="side of the crops in pixels, on average; default: 208, full 256")
    add("--objects", type=int, default=2, help="followed in a clip, at most; default: %(default)s")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with."""
    torch.manual_seed(args.seed)
    network = NETWORKS[args.variant]()
    common.begin(network, args)
    data, videos = common.split(args)
    size = args.size or SIZES[args.variant]
    batches = S2SBatches(data, args.clips, size, args.objects, network.stride)
    options = engine.Options(network=args.variant)
    recipe = S2SRecipe(network, batches)
    return recipe, common.validation(engine, options, videos, args.out, device)
