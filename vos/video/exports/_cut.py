"""What exports for film share: alpha from a result, PNG bytes, films of frames that are drawn one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.options import check
from vos.types import Frame, Step
from vos.video.alpha import Alpha, own_colour, soft_edge
from vos.video.exportable import Exportable, Shot
from vos.video.finish import feather_alpha
from vos.video.write import H264, Encoding, VideoWriter

_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 2)  # half the time of the default for a twentieth more bytes


def edges(default: str = "soft") -> Any:
    """Return the option between soft and hard masks."""
    text = (
        "soft: the engine's own soft mask where the result has one, else fitted to the edges in the picture "
        "in a narrow band along the mask; hard: the mask as it is"
    )
    return field(default=default, metadata={"help": text, "choices": ("soft", "hard")})


@dataclass(frozen=True, kw_only=True)
class CutOptions:
    """What a user may choose of how objects are cut out; exports that cut them out add their own."""

    edges: str = edges()
    edge_px: int = field(
        default=0,
        metadata={
            "help": "How far soft edges reach to each side, in pixels; 0: a 150th of the shorter side, "
            "at least 3",
            "min": 0,
            "max": 64,
        },
    )
    objects: str = field(
        default="", metadata={"help": "Ids of the objects to take, with commas; empty for all"}
    )

    def __post_init__(self) -> None:
        check(self)


class Cut:
    """Cuts objects out of frames, with soft or hard edges.

    Raises:
        InvalidInput: the options name an object that the result does not have.
    """

    def __init__(self, source: Exportable, options: CutOptions) -> None:
        self._source = source
        self._soft = options.edges == "soft"
        self.radius = options.edge_px or max(3, round(min(source.size_hw) / 150))
        self.objects = source.chosen(options.objects)

    def alpha(self, shot: Shot, *objects: int) -> Alpha:
        """Return how much these objects (default: all that were chosen) cover of each pixel, (H, W) 0..1."""
        alpha = self._unfeathered(shot, objects or self.objects)
        return feather_alpha(alpha, self._source.finish.feather)

    def _unfeathered(self, shot: Shot, objects: tuple[int, ...]) -> Alpha:
        stored = None if self._source.finish.changes_masks else self._source.alpha
        if self._soft and stored:
            total = np.zeros(shot.mask.shape, np.float32)
            for object_id in objects:
                total += stored.read(shot.index, object_id, shot.mask.shape)
            return np.minimum(total, 1)
        inside = np.isin(shot.mask, objects)
        return soft_edge(shot.frame, inside, self.radius) if self._soft else inside.astype(np.float32)

    def rgba(self, shot: Shot) -> Frame:
        """Return the objects on nothing, uint8 (H, W, 4), straight alpha, their colours their own."""
        alpha = self.alpha(shot)
        colour = own_colour(shot.frame, alpha, self.radius)
        return np.dstack([colour, to_levels(alpha, 8)])

    def over(self, shot: Shot, behind: NDArray[np.uint8]) -> Frame:
        """Return the objects before another picture, (H, W, 3) or one colour (3,)."""
        alpha = self.alpha(shot)
        return blend(own_colour(shot.frame, alpha, self.radius), behind, alpha)


def blend(front: Frame, behind: NDArray[np.uint8], alpha: Alpha) -> Frame:
    """Return front x alpha + behind x (1 - alpha), rounded."""
    share = alpha[..., None]
    return np.asarray(np.rint(front * share + behind * (1 - share)), np.uint8)


def to_levels(alpha: Alpha, bits: int) -> NDArray[Any]:
    """Return alpha as whole numbers, 0 to 255 (8 bits) or 0 to 65535 (16 bits)."""
    return np.rint(alpha * ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def to_png(pixels: NDArray[Any]) -> bytes:
    """Return a PNG of (H, W) grey, uint8 or uint16, or of uint8 (H, W, 3) RGB or (H, W, 4) RGBA."""
    if pixels.ndim == 3:
        code = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
        pixels = cv2.cvtColor(pixels, code)
    done, data = cv2.imencode(".png", pixels, _FAST)
    assert done
    return data.tobytes()


def encode_picture(frame: Frame, kind: str) -> bytes:
    """Return a frame (H, W, 3) RGB as a picture: `png`, or `jpg` at quality 95 without less colour."""
    if kind == "png":
        return to_png(frame)
    full = (
        cv2.IMWRITE_JPEG_QUALITY,
        95,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    )
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), full)
    assert done
    return data.tobytes()


def write_film(
    source: Exportable,
    target: Path,
    draw: Callable[[Shot], Frame],
    *,
    encoding: Encoding = H264,
    columns: int = 1,
) -> Iterator[Step]:
    """Write a film of the frames that `draw` makes, at the source's times and with its sound.

    They are as large as the source, or `columns` times as wide.
    """
    height, width = source.size_hw
    size_hw = height, columns * width
    audio = source.clip.audio
    with VideoWriter(target, size_hw, fps=source.info.fps, audio=audio, encoding=encoding) as writer:
        for shot in source.shots():
            writer.add(draw(shot), shot.pts, shot.duration)
            yield source.step(shot.index)
