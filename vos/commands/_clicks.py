"""--click, --box and --gone: objects pointed at, and away from, on the command line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from vos.net.device import choose
from vos.prompts import clicks
from vos.prompts.click_texts import read_box, read_click, read_gone
from vos.prompts.gone import add_gone
from vos.types import Prompt
from vos.video.read import open_clip

PICKER = "click"


def arguments(parser: ArgumentParser) -> None:
    """Declare --click, --box and --gone."""
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
    parser.add_argument(
        "--gone",
        action="append",
        default=[],
        metavar="FRAME[:OBJECT]",
        help="an object (default 1) is not there from a frame on, until a later prompt names it; may be "
        "given several times",
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


def with_gone(args: Namespace, prompts: Sequence[Prompt], size_hw: tuple[int, int]) -> tuple[Prompt, ...]:
    """Return prompts that say, too, what --gone says.

    Raises:
        InvalidInput: it is malformed, or an object is both on a frame and gone.
    """
    return add_gone(prompts, read_gone(args.gone), size_hw)
