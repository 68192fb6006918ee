"""OSVOS's parent network, on single pictures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import torch

from vos.commands import _common as common
from vos.net.engines import osvos as engine
from vos.net.models.osvos import NETWORKS
from vos.net.train.loop import Recipe, Validate
from vos.net.train.osvos import OsvosBatches, OsvosRecipe
from vos.types import Device

HELP = "OSVOS's parent network, on single pictures"
DATA = common.VIDEOS_AND_STILLS
RATE = 1e-3
ITERATIONS = 30  # of adaptation in validation: a fifth of the engine's, enough to rank weights
EVERY = 3  # frame is validated: they do not depend on each other


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    common.start(parser)
    common.hold_out(parser)
    add = parser.add_argument
    add("--network", dest="kind", choices=tuple(NETWORKS), default="compact", help="default: %(default)s")
    add("--pictures", type=int, default=8, help="in a batch; default: %(default)s")
    add("--size", type=int, default=256, help="side of the crops in pixels, on average; default: %(default)s")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with.

    Raises:
        InvalidInput: a compact trunk for the VGG16 network.
    """
    torch.manual_seed(args.seed)
    network = NETWORKS[args.kind]()
    common.begin(network, args)
    data, videos = common.split(args)
    options = engine.Options(
        network=args.kind, short_side=common.short_side(engine, videos), iterations=ITERATIONS
    )
    videos = {name: p[:: EVERY if len(p) > 2 * EVERY else 1] for name, p in videos.items()}
    validate = common.validation(engine, options, videos, args.out, device)
    return OsvosRecipe(network, OsvosBatches(data, args.pictures, args.size)), validate
