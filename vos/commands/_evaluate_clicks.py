"""python -m vos evaluate clicks: how good the masks of a picker are after so many clicks."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from vos import plugins
from vos.benchmark.clicks import (
    MOST,
    Clicked,
    Pick,
    Sample,
    click,
    clicking,
    find_samples,
    grabcut,
    summarise,
    with_picker,
)
from vos.commands import _device
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.prompts import clicks
from vos.types import VOID, Frame
from vos.video.draw import overlay
from vos.video.masks import replacing
from vos.video.write import thumbnail
from vos.weights import locate, sha256_of

HELP = "a picker: objects in pictures, clicked on where the mask errs most"
BASELINE = "grabcut"
WORST = 12  # pictures
WORST_AFTER = 3  # clicks
LARGEST_PX = 960


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    pickers = (*plugins.names(plugins.PICKERS), BASELINE)
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="pictures, in folders or not")
    add("--masks", type=Path, required=True, metavar="DIR", help="label maps of the same names, 255 void")
    add("--out", type=Path, required=True, metavar="DIR", help="gets clicks.json and pictures of the worst")
    add("--picker", default="click", choices=pickers, help="default: click; grabcut learns nothing")
    add("--every", type=int, default=1, metavar="N", help="of a folder's label maps, one in N; default: 1")
    add("--most", type=int, default=MOST, metavar="N", help="clicks on an object; default: %(default)s")
    _device.arguments(parser)


def run(args: Namespace) -> int:
    """Click, print the means, write what came of each object, and pictures of the worst.

    Raises:
        VosError: the sentence says what to change.
    """
    if args.every < 1 or not 1 <= args.most <= MOST:
        raise InvalidInput(f"--every is at least 1, --most 1 to {MOST}; got {args.every} and {args.most}")
    if args.out.exists() and not args.out.is_dir():
        raise InvalidInput(f"--out {args.out} is a file; a folder is needed")
    samples = find_samples(args.images, args.masks, args.every)
    pick, facts = _picker(args)
    done = [click(pick, sample, args.most) for sample in tqdm(samples, unit="object", disable=None)]
    summary = summarise(done)
    facts |= {"objects": len(done), **summary}
    args.out.mkdir(parents=True, exist_ok=True)
    each = {one.sample.name: [round(overlap, 4) for overlap in one.overlaps] for one in done}
    with replacing(args.out / "clicks.json") as temporary:
        temporary.write_text(json.dumps({**facts, "overlaps": each}, indent=2) + "\n")
    for name, value in summary.items():
        print(f"{name:10} {value:6.2f}")
    _draw_worst(pick, done, args.out)
    return 0


def _picker(args: Namespace) -> tuple[Pick, dict[str, Any]]:
    """Return what makes masks, and what its masks depend on."""
    facts: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "vos", *sys.argv[1:]]),
        "picker": args.picker,
    }
    if args.picker == BASELINE:
        return grabcut, facts
    device = choose(args.device, args.precision)
    weights = plugins.load(plugins.PICKERS, args.picker).WEIGHTS
    facts |= {"device": device.name, "precision": device.precision}
    facts |= {"weights": {weight.name: sha256_of(locate(weight)) for weight in weights}}
    return with_picker(clicks.build(args.picker, device)), facts


def _draw_worst(pick: Pick, done: list[Clicked], out: Path) -> None:
    """Write pictures of the objects whose masks were worst, the worst first, after a few clicks."""
    worst = sorted(done, key=lambda one: one.after(WORST_AFTER))[:WORST]
    for place, one in enumerate(worst, 1):
        name = (
            f"{place:02}-{one.after(WORST_AFTER):.2f}-{one.sample.name.replace('/', '-').replace(':', '-')}"
        )
        (out / "worst").mkdir(exist_ok=True)
        with replacing(out / "worst" / f"{name}.jpg") as temporary:
            temporary.write_bytes(thumbnail(_picture(pick, one.sample), LARGEST_PX))


def _picture(pick: Pick, sample: Sample) -> Frame:
    """Return a frame under its mask after a few clicks: the truth outlined in white, clicks green and red."""
    frame, truth = sample.read()
    *_, (_, mask, points) = clicking(pick, frame, truth, WORST_AFTER)
    picture = overlay(frame, mask.astype(np.uint8))
    outline, _ = cv2.findContours((truth == 1).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outline, -1, (255, 255, 255), 1)
    picture[truth == VOID] //= 2
    for point in points:
        colour = (0, 220, 0) if point.positive else (230, 0, 0)
        cv2.circle(picture, (round(point.x), round(point.y)), 6, (255, 255, 255), -1)
        cv2.circle(picture, (round(point.x), round(point.y)), 4, colour, -1)
    return picture
