"""Which files of a folder or a zip are the frames of a clip, in the order of their numbers."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vos.errors import UnreadableVideo
from vos.video import open as films
from vos.video.limits import Limits

SUFFIXES = ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff")
_VIDEOS = frozenset(films.SUFFIXES) - frozenset(SUFFIXES)
_OTHER_IMAGES = (  # that people have beside them, and would miss
    *("avif", "arw", "cr2", "cr3", "dng", "dpx", "exr", "gif", "hdr", "heic", "heif", "jp2", "jxl", "nef"),
    *("orf", "pbm", "pgm", "ppm", "psd", "raf", "raw", "rw2", "svg", "tga"),
)


@dataclass(frozen=True)
class ImageFiles:
    """The names of the images, in order, their size in bytes, and notes about what was left out."""

    names: tuple[str, ...]
    size_bytes: int
    notes: tuple[str, ...] = ()


def is_zip(path: Path) -> bool:
    """Say whether a file is meant to be a zip."""
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(4) == b"PK\x03\x04"


def list_images(path: Path, limits: Limits) -> ImageFiles:
    """Return the images in a folder or a zip.

    Raises:
        UnreadableVideo: there are none, the zip cannot be read, or it is over a limit.
    """
    return _list_folder(path) if path.is_dir() else _list_zip(path, limits)


def stems(names: Sequence[str]) -> tuple[str, ...]:
    """Return what frames are called: file names without suffix, with it where two would be the same."""
    plain = [os.fsencode(PurePosixPath(name).name).decode("utf-8", "replace") for name in names]
    short = [PurePosixPath(name).stem for name in plain]
    return tuple(short if len(set(short)) == len(short) else plain)


def _list_folder(path: Path) -> ImageFiles:
    every = [file for file in path.iterdir() if not file.name.startswith(".") and file.is_file()]
    files = [file for file in every if _suffix(file.name) in SUFFIXES]
    if not files:
        raise UnreadableVideo(f"the folder {path.name} has no images; numbered {_kinds()} files are needed")
    names = tuple(sorted((file.name for file in files), key=_natural))
    size_bytes = sum(file.stat().st_size for file in files)
    return ImageFiles(names, size_bytes, _left_out(file.name for file in every))


def _list_zip(path: Path, limits: Limits) -> ImageFiles:
    """Return the images in a zip and its size; every path trick is refused.

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
    for member in members:
        _refuse_tricks(path, member)
    members = [member for member in members if not _is_hidden(PurePosixPath(member.filename))]
    images = [member for member in members if _suffix(member.filename) in SUFFIXES]
    videos = [member.filename for member in members if _suffix(member.filename) in _VIDEOS]
    folders = {PurePosixPath(member.filename).parent for member in images}
    if videos and len(images) < 2:
        raise UnreadableVideo(f"{path.name} holds the video {videos[0]!r}; the video itself is needed")
    if not images:
        raise UnreadableVideo(f"{path.name} has no images; numbered {_kinds()} files are needed")
    if len(folders) > 1:
        raise UnreadableVideo(f"the images in {path.name} lie in {len(folders)} folders; one is allowed")
    limits.check_unpacked(path.name, sum(member.file_size for member in images))
    names = tuple(sorted((member.filename for member in images), key=_natural))
    return ImageFiles(names, path.stat().st_size, _left_out(member.filename for member in members))


def _refuse_tricks(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        raise UnreadableVideo(f"{path.name} holds {name!r}, a path out of the zip; plain names are allowed")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableVideo(f"{path.name} holds the link {name!r}; plain files are allowed")
    if member.flag_bits & 1:
        raise UnreadableVideo(f"{path.name} is encrypted; a zip without a password is needed")


def _left_out(names: Iterable[str]) -> tuple[str, ...]:
    """Return a note about pictures and videos that are not read."""
    strange = sorted(n for n in names if _suffix(n) in _OTHER_IMAGES or _suffix(n) in _VIDEOS)
    if not strange:
        return ()
    more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
    first = os.fsencode(strange[0]).decode("utf-8", "replace")
    return (f"{first}{more} beside the images cannot be read as frames and were left out; {_kinds()} can",)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix[1:].lower()


def _is_hidden(name: PurePosixPath) -> bool:
    return name.name.startswith(".") or "__MACOSX" in name.parts


def _natural(name: str) -> list[tuple[int, int, str, str]]:
    """Sort key: runs of digits count as numbers; equal numbers (7, 07) keep the order of the text."""
    parts = re.split(r"([0-9]+)", name.lower())
    digits = [part.lstrip("0") if number % 2 else "" for number, part in enumerate(parts)]
    return [
        (number % 2, len(digit), digit, part)
        for number, (part, digit) in enumerate(zip(parts, digits, strict=True))
        if part
    ]


def _kinds() -> str:
    return ", ".join(SUFFIXES[:-1]) + " or " + SUFFIXES[-1]
