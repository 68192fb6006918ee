"""What training commands share: arguments, data, and validation by J and F on held-out sequences."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
from torch import nn

from vos.benchmark.overlap import boundary_f, jaccard
from vos.errors import InvalidInput
from vos.net.train.backbone import start_trunk
from vos.net.train.checkpoint import load_weights, read_tensors, save_weights
from vos.net.train.data import Data, PictureFile, find
from vos.net.train.loop import Validate
from vos.types import Device, Frame, Options, Prediction, Prompt, Segmenter, VideoInfo
from vos.weights import needed

VIDEOS_AND_STILLS = "folder with davis*-train*/ and stills/"
HELD_OUT = "bear,car-turn,dance-jump,motorbike,soccerball"
FPS = 24


def start(parser: ArgumentParser) -> None:
    """Declare what a network may begin with: all its weights, layers of another's, those of a trunk."""
    add = parser.add_argument
    add("--start", type=Path, metavar="FILE", help="weights of this network to begin with")
    add(
        "--layers",
        type=Path,
        metavar="FILE",
        help="weights whose layers of the same names and shapes to take",
    )
    add("--backbone", type=Path, metavar="FILE", help="weights whose trunk to begin with")


def begin(network: nn.Module, args: Namespace) -> None:
    """Give a network what --start, --layers and --backbone name.

    Raises:
        InvalidInput: a file is of another network, or --backbone is for a network without a trunk.
    """
    if args.start:
        load_weights(network, args.start)
    if args.layers:
        own = network.state_dict()
        alike = {k: v for k, v in read_tensors(args.layers).items() if k in own and v.shape == own[k].shape}
        network.load_state_dict(alike, strict=False)
    if args.backbone:
        trunk = getattr(network, "trunk", None)
        if trunk is None:
            raise InvalidInput(
                "--backbone is for the compact network; others begin with --start or from scratch"
            )
        start_trunk(trunk, args.backbone)


def hold_out(parser: ArgumentParser) -> None:
    """Declare which sequences are kept from training."""
    parser.add_argument(
        "--hold-out", default=HELD_OUT, metavar="A,B", help="to validate on, or none; default: %(default)s"
    )


def split(args: Namespace) -> tuple[Data, dict[str, tuple[PictureFile, ...]]]:
    """Return what to learn from, without a share of the photos, and the sequences held out."""
    if args.hold_out == "none":
        return find(args.data).hold_out(())
    return find(args.data).hold_out_photos()[0].hold_out(args.hold_out.split(","))


def short_side(engine: ModuleType, videos: Mapping[str, tuple[PictureFile, ...]]) -> int:
    """Return the engine's usual short side, or that of the smallest of the videos, which holds no more."""
    sides = [min(video[0].read_frame().shape[:2]) for video in videos.values()]
    return int(min([engine.Options().short_side, *sides]))


def validation(
    engine: ModuleType,
    options: Options,
    videos: Mapping[str, tuple[PictureFile, ...]],
    out: Path,
    device: Device,
) -> Validate | None:
    """Return what scores weights on the videos, or None without any."""
    return (
        HeldOut(engine, options, videos, device, out.with_suffix(".validated.safetensors"))
        if videos
        else None
    )


@dataclass(frozen=True)
class Pictures:
    """A sequence of pictures as a clip; see vos.types.Clip."""

    pictures: tuple[PictureFile, ...]

    @property
    def info(self) -> VideoInfo:
        """Size and number of the pictures."""
        height, width = self.pictures[0].read_frame().shape[:2]
        count = len(self.pictures)
        return VideoInfo("images", "images", width, height, Fraction(FPS), count, count / FPS)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures in order."""
        return self.sample(range(len(self.pictures)))

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the pictures at these indices."""
        return (self.pictures[i].read_frame() for i in indices)


@dataclass(frozen=True)
class HeldOut:
    """Scores a network, as an engine runs it, on sequences that it does not learn from.

    Attributes:
        engine: the engine's module.
        options: its Options.
        videos: the sequences.
        device: where the engine computes.
        scratch: the file through which weights pass.
    """

    engine: ModuleType
    options: Options
    videos: Mapping[str, tuple[PictureFile, ...]]
    device: Device
    scratch: Path

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return `score` (the mean of `j` and `f`), `j`, `f`, and the score of each sequence, 0..1."""
        try:
            save_weights(network, self.scratch)
            segmenter = self.engine.build(
                {needed(self.engine, self.options)[0].name: self.scratch}, self.device, self.options
            )
        finally:
            self.scratch.unlink(missing_ok=True)
        prompted = self.engine.NEEDS_PROMPT
        each = {name: _scores(segmenter, pictures, prompted) for name, pictures in self.videos.items()}
        j, f = np.mean(list(each.values()), axis=0).tolist()
        return {"score": (j + f) / 2, "j": j, "f": f} | {name: sum(jf) / 2 for name, jf in each.items()}


def _scores(segmenter: Segmenter, pictures: tuple[PictureFile, ...], prompted: bool) -> tuple[float, float]:
    """Return the mean J and F over a sequence's frames without the first and the last, objects as one."""
    prompts = [Prompt(0, pictures[0].read_mask())] if prompted else []
    j, f = [], []
    predictions = (p for p in segmenter.segment(Pictures(pictures), prompts) if isinstance(p, Prediction))
    for index, prediction in enumerate(predictions):
        if 0 < index < len(pictures) - 1:
            truth, mask = pictures[index].read_mask() > 0, prediction.mask > 0
            j.append(jaccard(truth, mask))
            f.append(boundary_f(truth, mask))
    return float(np.mean(j)), float(np.mean(f))
