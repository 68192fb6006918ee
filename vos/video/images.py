"""The pictures of a folder of numbered images, or of a zip of them that is never unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vos.errors import UnreadableVideo
from vos.types import Frame, VideoInfo
from vos.video.image_files import list_images, stems
from vos.video.limits import Limits
from vos.video.picture import TICKS, LazyFrame, fitting, lay_over_black

FPS = Fraction(24)  # images do not say; DAVIS, the usual source of such folders, is at 24
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 0x0102  # EXIF and TIFF tags
_DEPTHS = (10, 12, 14, 16)  # bits that cameras use of 16
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    RuntimeError,
    zipfile.BadZipFile,
    cv2.error,
)
_BLOCK = 1 << 20
_Open = Callable[[str], IO[bytes]]


class ImageSource:
    """Images as numbered pictures, in the natural order of their names (2 before 10).

    In place of an image that does not decode the one before is shown, so that numbers and names stay
    together; those before the first that does are left out. One of another size is scaled to the first's.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._bits = _DEPTHS[-1]
        files = list_images(path, limits)
        self._all, self._notes = files.names, list(files.notes)
        limits.check_size(path.name, files.size_bytes)
        limits.check_length(path.name, len(self._all), float(len(self._all) / FPS))
        self._names, first = self._find_first()
        self.frame_names = stems(self._names)
        self.info = self._probe(first, files.size_bytes)
        self._seen, self._lost, self._scaled = np.zeros((3, len(self._names)), bool)

    def pictures(self, first: int, before: int = 0) -> Generator[LazyFrame, None, None]:
        """Yield the pictures from number `first` on."""
        size = self.info.width, self.info.height
        with self._opened() as open_name:
            image = None
            for number in range(first, len(self._names)):
                found = self._decode(open_name, self._names[number])
                self._seen[number], self._lost[number] = True, found is None
                if found is not None:
                    self._scaled[number] = found.size != size
                    image = found
                back = number
                while image is None:  # frame 0 is one that decodes
                    back -= 1
                    image = self._decode(open_name, self._names[back])
                if image.size != size:
                    image = image.resize(size, Image.Resampling.BICUBIC)
                pts, end = round(number * TICKS / FPS), round((number + 1) * TICKS / FPS)
                yield LazyFrame(number, pts, end - pts, 4 * size[0] * size[1], partial(draw_image, image))

    def far(self, index: int, target: int) -> bool:
        """Say whether starting anew at `target` is cheaper than reading on from `index`."""
        return index + 1 < target

    @property
    def lost(self) -> int:
        """How many frames are known not to decode."""
        return int(self._lost.sum())

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with the images; about single ones, known after a pass to the end."""
        notes = list(self._notes)
        if not self._seen.all():
            return tuple(notes)
        total, size = len(self._names), f"{self.info.width}x{self.info.height}"
        if lost := int(self._lost.sum()):
            notes.append(f"{lost} of {total} frames are damaged and show the one before")
        if scaled := int(self._scaled.sum()):
            notes.append(f"{scaled} of {total} frames have another size and were scaled to {size}")
        return tuple(notes)

    def digest(self) -> str:
        """Return sha256 over the images' names and bytes; a folder and a zip of it have the same."""
        total = hashlib.sha256()
        with self._opened() as open_name:
            for name in self._all:
                with open_name(name) as file:
                    content = hashlib.sha256()
                    for block in iter(partial(file.read, _BLOCK), b""):
                        content.update(block)
                total.update(os.fsencode(PurePosixPath(name).name) + b"\0" + content.digest())
        return total.hexdigest()

    def _find_first(self) -> tuple[tuple[str, ...], Image.Image]:
        """Return the names from the first image on that decodes, and that image; learn how deep they are."""
        with self._opened() as open_name:
            for number, name in enumerate(self._all):
                if self._decode(open_name, name) is None:
                    continue
                self._bits = self._depth(open_name, self._all[number:])
                if number:
                    self._notes.append(f"{number} of {len(self._all)} frames are damaged and were left out")
                first = self._decode(open_name, name)
                assert first is not None
                return self._all[number:], first
        raise UnreadableVideo(f"none of the {len(self._all)} images in {self._path.name} can be read")

    def _depth(self, open_name: _Open, names: tuple[str, ...]) -> int:
        """Return how many of 16 bits the images use; cameras of 10 to 14 bits leave the upper ones empty."""
        peaks = []
        for name in {names[0], names[len(names) // 2], names[-1]}:
            try:
                data = self._read(open_name, name)
                with Image.open(data, formats=_FORMATS) as image:
                    if _is_deep(image, data):
                        peaks.append(int(_deep_pixels(data).max()))
            except _DAMAGE:
                continue
        if not peaks:
            return _DEPTHS[-1]
        bits = next(depth for depth in _DEPTHS if max(peaks) < 1 << depth)
        if bits < _DEPTHS[-1]:
            self._notes.append(f"its 16-bit images use {bits} bits and were scaled to them")
        return bits

    def _probe(self, first: Image.Image, size_bytes: int) -> VideoInfo:
        duration_s = float(len(self._names) / FPS)
        return VideoInfo(
            container="folder" if self._path.is_dir() else "zip",
            codec={"jpg": "jpeg", "tif": "tiff"}.get(suffix := _suffix_of(self._names[0]), suffix),
            width=first.width,
            height=first.height,
            fps=FPS,
            frames=len(self._names),
            duration_s=duration_s,
            pixel_format="rgb24",
            bit_rate=round(size_bytes * 8 / duration_s),
            size_bytes=size_bytes,
        )

    @contextmanager
    def _opened(self) -> Iterator[_Open]:
        if self._path.is_dir():
            yield lambda name: (self._path / name).open("rb")
        else:
            with zipfile.ZipFile(self._path) as archive:
                yield archive.open

    def _decode(self, open_name: _Open, name: str) -> Image.Image | None:
        """Return an image, upright RGB; None when it is damaged."""
        try:
            data = self._read(open_name, name)
            with Image.open(data, formats=_FORMATS) as image:
                self._limits.check_pixels(name, *image.size)
                if not _is_deep(image, data):
                    return make_upright(image)
                shallow = Image.fromarray(_eight_bits(_deep_pixels(data), self._bits))
                shallow.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
                return make_upright(shallow)
        except UnreadableVideo:
            raise
        except Image.DecompressionBombError as error:
            raise UnreadableVideo(
                f"{name} has far more pixels than the {self._limits.pixels:,} that are allowed"
            ) from error
        except _DAMAGE:
            return None

    def _read(self, open_name: _Open, name: str) -> io.BytesIO:
        """Read a file in blocks; no image need be larger than its pixels, and what is beyond is cut.

        In blocks, as a zip unpacks as much as it is asked for, whatever it said before.
        """
        with open_name(name) as file:
            blocks = (file.read(_BLOCK) for _ in range(4 * self._limits.pixels // _BLOCK + 2))
            return io.BytesIO(b"".join(blocks))


def draw_image(image: Image.Image, max_side: int | None) -> Frame:
    """Return an RGB image as a frame of its own memory, at most `max_side` long."""
    if max_side and max_side < max(image.size):
        image = image.resize(fitting(image.size, max_side), Image.Resampling.LANCZOS)
    return np.array(image)


def make_upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation, lay transparency over black."""
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        return Image.fromarray(lay_over_black(np.asarray(image.convert("RGBA"))))
    return image.convert("RGB")


def _is_deep(image: Image.Image, data: io.BytesIO) -> bool:
    """Say whether an image has more than 8 bits a channel, which Pillow would cut."""
    if image.format == "PNG":
        return bool(data.getbuffer()[24] == 16)
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (8,)) if image.format == "TIFF" else (8,)  # type: ignore[attr-defined]
    return bool(max(bits) == 16)


def _deep_pixels(data: io.BytesIO) -> NDArray[np.uint16]:
    """Return an image's 16-bit pixels, (H, W) or (H, W, 3 or 4) RGB(A)."""
    pixels = cv2.imdecode(np.frombuffer(data.getbuffer(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("not a 16-bit image that can be decoded")
    if pixels.ndim == 3:
        order = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
        pixels = cv2.cvtColor(pixels, order)
    return np.asarray(pixels, np.uint16)


def _eight_bits(pixels: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    return np.asarray(np.minimum(pixels >> (bits - 8), 255), np.uint8)


def _suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix[1:].lower()
