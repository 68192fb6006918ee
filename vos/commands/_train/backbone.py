"""The compact trunk, on photos sorted by class."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch

from vos.net.train.backbone import (
    Accuracy,
    BackboneRecipe,
    Classifier,
    PhotoBatches,
    find_photos,
    start_trunk,
)
from vos.net.train.loop import Recipe, Validate
from vos.types import Device

HELP = "the compact trunk that the sequence-to-sequence network starts from, on photos sorted by class"
DATA = "folder of folders of photos, one folder a class"
RATE = 2e-3


def arguments(parser: ArgumentParser) -> None:
    """Declare what only this network has."""
    add = parser.add_argument
    add("--start", type=Path, metavar="FILE", help="weights with such a trunk to begin with")
    add("--photos", type=int, default=128, help="in a batch; default: %(default)s")
    add("--size", type=int, default=96, help="side in pixels; default: %(default)s")


def prepare(args: Namespace, device: Device) -> tuple[Recipe, Validate | None]:
    """Return what to train, and what to validate it with."""
    learned, checked = find_photos(args.data).split()
    torch.manual_seed(args.seed)
    network = Classifier(len(learned.classes))
    if args.start:
        start_trunk(network.trunk, args.start)
    batches = PhotoBatches(learned, args.photos, args.size)
    return BackboneRecipe(network, batches), Accuracy(checked, device, args.size)
