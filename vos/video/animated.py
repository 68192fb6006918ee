"""The pictures of an animated WebP, which FFmpeg cannot read, by Pillow."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from functools import partial
from pathlib import Path

from PIL import Image

from vos.errors import UnreadableVideo
from vos.types import VideoInfo
from vos.video.images import draw_image, make_upright
from vos.video.limits import Limits
from vos.video.picture import TICKS, LazyFrame

_MS = TICKS // 1000
_USUAL_MS = 100  # what browsers take for frames without a duration


def is_webp(path: Path) -> bool:
    """Say whether a file is a WebP, by its content."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


class WebpSource:
    """An animated WebP as numbered pictures; what follows damage is left out."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        limits.check_size(path.name, path.stat().st_size)
        try:
            with Image.open(path, formats=("WEBP",)) as image:
                limits.check_pixels(path.name, *image.size)
                self._size, count = image.size, getattr(image, "n_frames", 1)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UnreadableVideo(f"{path.name} is a WebP that cannot be read: it is damaged") from error
        limits.check_length(path.name, count, 0.0)
        self._times = [0]
        self._times += [picture.pts + picture.duration for picture in self.pictures(0)]
        if len(self._times) == 1:
            raise UnreadableVideo(f"{path.name} has no frame that can be decoded; at least one is needed")
        self._count = count
        duration_s = self._times[-1] / TICKS
        limits.check_length(path.name, count, duration_s)
        steps = {after - before for before, after in zip(self._times, self._times[1:], strict=False)}
        frames = len(self._times) - 1
        size_bytes = path.stat().st_size
        self.info = VideoInfo(
            container="webp",
            codec="webp",
            width=self._size[0],
            height=self._size[1],
            fps=Fraction(frames * TICKS, self._times[-1]).limit_denominator(1001),
            frames=frames,
            duration_s=duration_s,
            pixel_format="rgb24",
            bit_rate=round(size_bytes * 8 / duration_s),
            variable_rate=len(steps) > 1,
            size_bytes=size_bytes,
        )

    def pictures(self, first: int, before: int = 0) -> Generator[LazyFrame, None, None]:
        """Yield the pictures from number `first` on; those before are decoded, as each builds on them."""
        pts = 0
        with Image.open(self._path, formats=("WEBP",)) as image:
            for index in range(getattr(image, "n_frames", 1)):
                try:
                    image.seek(index)
                    picture = make_upright(image)
                except (OSError, EOFError, SyntaxError, ValueError):
                    return
                duration = _MS * int(image.info.get("duration") or _USUAL_MS)
                if index >= first:
                    size_bytes = 4 * picture.width * picture.height
                    yield LazyFrame(index, pts, duration, size_bytes, partial(draw_image, picture))
                pts += duration

    def far(self, index: int, target: int) -> bool:
        """Say whether starting anew at `target` is cheaper than reading on from `index`: never."""
        return False

    @property
    def lost(self) -> int:
        """How many frames are known not to decode."""
        return self._count - self.info.frames

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with the file."""
        note = f"{self.lost} of {self._count} frames are damaged and were left out"
        return (note,) if self.lost else ()
