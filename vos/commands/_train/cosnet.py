"""The co-attention network, on pairs of frames of one video, and on photos."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import torch

from vos.commands import _common as common
from vos.net.engines import cosnet as engine
from vos.net.models.cosnet import FORMS, NETWORKS, Config, make
from vos.net.train.cosnet import CosnetRecipe, PairBatches
from vos.net.train.loop import Recipe, Validate
from vos.types import Device

HELP = "the co-attention network, which needs no mask, on pairs of frames and on photos"
DATA = common.VIDEOS_AND_STILLS
RATE = 8e-4


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    common.start(parser)
    common.hold_out(parser)
    add = parser.add_argument
    add("--pairs", type=int, default=6, help="in a batch; default: %(default)s")
    add("--size", type=int, default=224, help="side of the crops in pixels; default: %(default)s")
    add("--variant", choices=NETWORKS, default=NETWORKS[0], help="which network; default: %(default)s")
    add("--form", choices=FORMS, default=FORMS[0], help="of the co-attention; default: %(default)s")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with: in the form that the engine knows.

    Raises:
        InvalidInput: a trunk for a network that has none.
    """
    torch.manual_seed(args.seed)
    network = make(Config(args.variant, args.form))
    common.begin(network, args)
    data, videos = common.split(args)
    options = engine.Options(network=args.variant, short_side=common.short_side(engine, videos))
    validate = common.validation(engine, options, videos, args.out, device)
    return CosnetRecipe(network, PairBatches(data, args.pairs, args.size)), validate
