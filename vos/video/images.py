"""The pictures of a folder of numbered images, or of a zip of them that is never unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from vos.errors import UnreadableVideo
from vos.types import VideoInfo
from vos.video.limits import Limits
from vos.video.picture import TICKS, Picture, over_black

FPS = Fraction(24)  # images do not say; DAVIS, the usual source of such folders, is at 24
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    RuntimeError,
    zipfile.BadZipFile,
)
_BLOCK = 1 << 20
_Open = Callable[[str], IO[bytes]]


def is_zip(path: Path) -> bool:
    """Say whether a file is meant to be a zip."""
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(4) == b"PK\x03\x04"


class ImageSource:
    """Images as numbered pictures, in the natural order of their names (2 before 10).

    An image that does not decode is left out; one of another size than the first is scaled to it.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._good: list[int] = []  # positions in _names of the images that decode, as far as known
        self._scaled: set[int] = set()
        self._complete = False
        self._names, size_bytes = _list_folder(path) if path.is_dir() else _list_zip(path, limits)
        limits.check_size(path.name, size_bytes)
        limits.check_length(path.name, len(self._names), float(len(self._names) / FPS))
        self.info = self._probe(size_bytes)

    def pictures(self, first: int) -> Iterator[Picture]:
        """Yield the pictures from number `first` on."""
        index = min(first, max(0, len(self._good) - 1))
        with self._opened() as open_name:
            for position in range(self._good[index] if self._good else 0, len(self._names)):
                image = self._decode(open_name, self._names[position])
                if image is None:
                    continue
                if index == len(self._good):
                    self._good.append(position)
                if image.size != (self.info.width, self.info.height):
                    self._scaled.add(index)
                    image = image.resize((self.info.width, self.info.height), Image.Resampling.BICUBIC)
                if index >= first:
                    pts, end = round(index * TICKS / FPS), round((index + 1) * TICKS / FPS)
                    yield Picture(index, pts, end - pts, partial(np.array, image))
                index += 1
        self._complete = True

    def far(self, index: int, target: int) -> bool:
        """Say whether starting anew at `target` is cheaper than reading on from `index`."""
        return index + 1 < target < len(self._good)

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with the images, known after a pass to the end."""
        if not self._complete:
            return ()
        total, size = len(self._names), f"{self.info.width}x{self.info.height}"
        notes = []
        if lost := total - len(self._good):
            notes.append(f"{lost} of {total} frames are damaged and were left out")
        if scaled := len(self._scaled):
            notes.append(f"{scaled} of {total} frames have another size and were scaled to {size}")
        return tuple(notes)

    def digest(self) -> str:
        """Return sha256 over the images' names and bytes; a folder and a zip of it have the same."""
        total = hashlib.sha256()
        with self._opened() as open_name:
            for name in self._names:
                with open_name(name) as file:
                    content = hashlib.sha256()
                    for block in iter(partial(file.read, _BLOCK), b""):
                        content.update(block)
                total.update(PurePosixPath(name).name.encode() + b"\0" + content.digest())
        return total.hexdigest()

    def _probe(self, size_bytes: int) -> VideoInfo:
        with self._opened() as open_name:
            images = (self._decode(open_name, name) for name in self._names)
            first = next((image for image in images if image is not None), None)
        if first is None:
            raise UnreadableVideo(f"none of the {len(self._names)} images in {self._path.name} can be read")
        duration_s = float(len(self._names) / FPS)
        return VideoInfo(
            container="folder" if self._path.is_dir() else "zip",
            codec=PurePosixPath(self._names[0]).suffix[1:].lower().replace("jpg", "jpeg"),
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
            with open_name(name) as file:
                data = io.BytesIO(b"".join(self._blocks(file)))
            with Image.open(data, formats=_FORMATS) as image:
                self._limits.check_pixels(name, *image.size)
                return _upright_rgb(image)
        except UnreadableVideo:
            raise
        except Image.DecompressionBombError as error:
            raise UnreadableVideo(
                f"{name} has far more pixels than the {self._limits.pixels:,} that are allowed"
            ) from error
        except _DAMAGE:
            return None

    def _blocks(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield a file in blocks; no image need be larger than its pixels, and what is beyond is cut.

        In blocks, as a zip unpacks as much as it is asked for, whatever it said before.
        """
        for _ in range(4 * self._limits.pixels // _BLOCK + 2):
            yield file.read(_BLOCK)


def _upright_rgb(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation, lay transparency over black, bring 16 bits to 8."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        return Image.fromarray(over_black(np.asarray(image.convert("RGBA"))))
    return image.convert("RGB")


def _list_folder(path: Path) -> tuple[list[str], int]:
    files = [file for file in path.iterdir() if _is_image(PurePosixPath(file.name)) and file.is_file()]
    if not files:
        raise UnreadableVideo(f"the folder {path.name} has no images; numbered {_kinds()} files are needed")
    return sorted((file.name for file in files), key=_natural), sum(file.stat().st_size for file in files)


def _list_zip(path: Path, limits: Limits) -> tuple[list[str], int]:
    """Return the names of the images in a zip and its size; every path trick is refused.

    A member that lies about its size is cut there by zipfile and fails its checksum.
    """
    limits.check_size(path.name, path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, struct.error) as error:
        raise UnreadableVideo(
            f"{path.name} is not a zip that can be read: it is cut short or damaged"
        ) from error
    images = []
    for member in members:
        _refuse_tricks(path, member)
        if _is_image(PurePosixPath(member.filename)):
            images.append(member)
    folders = {PurePosixPath(member.filename).parent for member in images}
    if not images:
        raise UnreadableVideo(f"{path.name} has no images; numbered {_kinds()} files are needed")
    if len(folders) > 1:
        raise UnreadableVideo(f"the images in {path.name} lie in {len(folders)} folders; one is allowed")
    limits.check_unpacked(path.name, sum(member.file_size for member in images))
    return sorted((member.filename for member in images), key=_natural), path.stat().st_size


def _refuse_tricks(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        raise UnreadableVideo(f"{path.name} holds {name!r}, a path out of the zip; plain names are allowed")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableVideo(f"{path.name} holds the link {name!r}; plain files are allowed")
    if member.flag_bits & 1:
        raise UnreadableVideo(f"{path.name} is encrypted; a zip without a password is needed")


def _is_image(name: PurePosixPath) -> bool:
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return name.suffix.lower() in _SUFFIXES and not hidden


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key: runs of digits count as numbers; equal numbers (7, 07) keep the order of the text."""
    parts = re.split(r"(\d+)", name.lower())
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts if part]


def _kinds() -> str:
    return ", ".join(_SUFFIXES[:-1]).replace(".", "") + " or " + _SUFFIXES[-1][1:]
