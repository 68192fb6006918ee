"""The click network, on objects that are clicked on where it errs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch

from vos.commands import _common as common
from vos.net.models.click import ClickNetwork
from vos.net.train.apart import without
from vos.net.train.checkpoint import read_tensors
from vos.net.train.click import ClickBatches, ClickRecipe
from vos.net.train.loop import Recipe, Validate
from vos.types import Device

HELP = "the click network, on objects in photos and frames"
DATA = common.VIDEOS_AND_STILLS
RATE = 1e-3


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    common.start(parser)
    common.hold_out(parser)
    add = parser.add_argument
    add("--deep", type=Path, metavar="FILE", help="what `weights import deep` made of EfficientNet-Lite0")
    add(
        "--apart",
        type=Path,
        metavar="DIR",
        help="images kept from training, as are photos that look like one",
    )
    add("--crops", type=int, default=12, help="in a batch; default: %(default)s")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with."""
    torch.manual_seed(args.seed)
    network = ClickNetwork()
    common.begin(network, args)
    if args.deep:
        network.load_state_dict(read_tensors(args.deep), strict=False)
    data, _ = common.split(args)
    if args.apart:
        data = without(data, args.apart)
    return ClickRecipe(network, ClickBatches(data, args.crops)), None
