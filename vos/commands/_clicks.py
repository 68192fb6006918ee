"""--click and --box: objects pointed at on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from vos import clicks
from vos.clicks import Box, Click
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.types import Point, Prompt
from vos.video.read import open_clip

PICKER = "click"
NUMBER = r"(\d+(?:\.\d+)?)"
CLICK = re.compile(rf"(\d+):(-?){NUMBER},{NUMBER}(?::(\d+))?", re.ASCII)
BOX = re.compile(rf"(\d+):{NUMBER},{NUMBER},{NUMBER},{NUMBER}(?::(\d+))?", re.ASCII)


def arguments(parser: ArgumentParser) -> None:
    """Declare --click and --box."""
    parser.add_argument(
        "--click",
        action="append",
        default=[],
        metavar="FRAME:X,Y[:OBJECT]",
        help="a click on an object (default 1), in pixels from the left and the top; with a minus sign "
        "before X, as in 0:-310,75, the place is not of the object; may be given several times",
    )
    parser.add_argument(
        "--box",
        action="append",
        default=[],
        metavar="FRAME:X1,Y1,X2,Y2[:OBJECT]",
        help="a box around an object (default 1); may be given several times",
    )


def prompts(args: Namespace) -> list[Prompt]:
    """Return the prompts that a picker makes of --click and --box for args.clip.

    Raises:
        VosError: one is malformed or does not fit the clip; the clip or the picker's weights cannot be read.
    """
    points, boxes = [read_click(text) for text in args.click], [read_box(text) for text in args.box]
    if not points and not boxes:
        return []
    picker = clicks.build(PICKER, choose(args.device, args.precision))
    return clicks.prompts_from_clicks(open_clip(Path(args.clip)), points, boxes, picker)


def read_click(text: str) -> Click:
    """Return the click that FRAME:X,Y[:OBJECT] says.

    Raises:
        InvalidInput: it is malformed.
    """
    found = CLICK.fullmatch(text)
    if not found:
        raise InvalidInput(
            f"--click takes FRAME:X,Y[:OBJECT], or FRAME:-X,Y[:OBJECT] beside it; got {text!r}"
        )
    frame, minus, x, y, number = found.groups()
    return Click(int(frame), Point(float(x), float(y), not minus), int(number or 1))


def read_box(text: str) -> Box:
    """Return the box that FRAME:X1,Y1,X2,Y2[:OBJECT] says.

    Raises:
        InvalidInput: it is malformed.
    """
    found = BOX.fullmatch(text)
    if not found:
        raise InvalidInput(f"--box takes FRAME:X1,Y1,X2,Y2[:OBJECT]; got {text!r}")
    frame, x1, y1, x2, y2, number = found.groups()
    return Box(int(frame), (float(x1), float(y1), float(x2), float(y2)), int(number or 1))
