"""Another background: a colour, the clip's own blurred or in grey, or a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vos.errors import InvalidInput
from vos.types import Step
from vos.video.exportable import Exportable, Shot
from vos.video.exports import _fields
from vos.video.exports._cut import Cut, CutOptions, blend, write_film

LABEL = "Another background (MP4)"
WHO = "Editors and streamers: green screen, blurred or grey surroundings, or a picture behind"
SUFFIX = ".mp4"
_MAX_PIXELS = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    behind: str = field(
        default="colour",
        metadata={"help": "What is behind the objects", "choices": ("colour", "blur", "grey", "picture")},
    )
    colour: str = field(default="#00ff00", metadata={"help": "Of the background, where it is a colour"})
    picture: str = field(
        default="", metadata={"help": "The file of the picture behind; it fills the frame", "file": True}
    )
    blur: float = field(
        default=3.0,
        metadata={"help": "How blurred, in percent of the shorter side", "min": 0.1, "max": 20.0},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _fields.read_colour(self.colour, "colour")
        if self.behind == "picture" and not self.picture:
            raise InvalidInput("behind is 'picture', and no picture is given; its file is needed")


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write H.264 at the source's times, with its sound; blurred surroundings have no object in them."""
    cut = Cut(source, options)
    if options.behind == "blur":
        sigma = options.blur / 100 * min(source.size_hw)
        draw: Callable[[Shot], NDArray[np.uint8]] = lambda shot: _blurred(cut, shot, sigma)  # noqa: E731
    elif options.behind == "grey":
        draw = lambda shot: blend(shot.frame, _grey(shot.frame), cut.alpha(shot))  # noqa: E731
    else:
        still = _still(options, source.size_hw)
        draw = lambda shot: cut.over(shot, still)  # noqa: E731
    yield from write_film(source, target, draw)


def _still(options: Options, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the colour (3,) or the picture (H, W, 3) that stands behind all frames."""
    if options.behind == "colour":
        return np.array(_fields.read_colour(options.colour, "colour"), np.uint8)
    path = Path(options.picture)
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise InvalidInput(
                    f"{path.name} is {image.width}x{image.height}; at most {_MAX_PIXELS} pixels"
                )
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(ImageOps.fit(upright, size_hw[::-1], Image.Resampling.LANCZOS))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"{path.name} is not a picture that can be read") from error


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2).astype(np.uint8)


def _blurred(cut: Cut, shot: Shot, sigma: float) -> NDArray[np.uint8]:
    """Return the frame with blurred surroundings: a mean of them alone, so no object has a glow."""
    alpha = cut.alpha(shot)
    share = np.maximum(1 - alpha, np.float32(1e-3))[..., None]
    total = cv2.GaussianBlur(share, (0, 0), sigma)[..., None]
    behind = cv2.GaussianBlur(shot.frame * share, (0, 0), sigma) / total
    return blend(shot.frame, np.clip(np.rint(behind), 0, 255).astype(np.uint8), alpha)
