"""Masks in files: palette PNG for people, packed bit planes for the store."""

from __future__ import annotations

import io
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from vos.errors import DamagedResult, InvalidInput
from vos.labels import PALETTE, Labeller, Labels, covers_most, read_labels
from vos.types import Mask, object_ids


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a new name beside `path` to write to; it takes the place of `path` only after a clean end."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def encode_png(mask: Mask) -> bytes:
    """Return a label map (H, W) as a PNG in the DAVIS palette; equal masks give equal bytes."""
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def write_png(path: Path, mask: Mask) -> None:
    """Write a label map (H, W) as a PNG in the DAVIS palette, whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(encode_png(mask))


def read_mask(
    source: Path | bytes,
    size_hw: tuple[int, int] | None = None,
    *,
    labeller: Labeller | None = None,
    allow_empty: bool = False,
) -> tuple[Mask, str]:
    """Read a mask picture as users have them; return the label map and a note to show, or "".

    `vos.labels` says what is understood; pictures that belong together share a labeller.

    Raises:
        InvalidInput: not a picture, a photograph, an empty mask (unless allowed), or more than 20 objects.
    """
    labels = read_labels(source, labeller)
    if size_hw:
        labels = fit(labels, size_hw)
    if not allow_empty:
        labels = check_prompt(labels)
    return labels.mask, " ".join(labels.notes)


def fit(labels: Labels, size_hw: tuple[int, int]) -> Labels:
    """Bring a label map to the clip's size (height, width) by nearest pixels; a note tells."""
    height, width = labels.mask.shape
    if labels.mask.shape == size_hw:
        return labels
    skewed = abs(width * size_hw[0] / (height * size_hw[1]) - 1) > 0.02
    note = f"The mask was {width}x{height} and is resized to {size_hw[1]}x{size_hw[0]}"
    note += "; its proportions are not those of the clip." if skewed else "."
    return Labels(resize_mask(labels.mask, size_hw), (*labels.notes, note), labels.binary)


def check_prompt(labels: Labels) -> Labels:
    """Return a label map that is to be a prompt, with a note if it covers most of the frame.

    Raises:
        InvalidInput: it marks nothing.
    """
    if not object_ids(labels.mask):
        raise InvalidInput("the mask is empty; it must mark at least one object")
    if not covers_most(labels.mask):
        return labels
    share = np.count_nonzero(labels.mask) / labels.mask.size
    note = f"The mask covers {share:.0%} of the frame; is it inverted?"
    return Labels(labels.mask, (*labels.notes, note), labels.binary)


def resize_mask(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    """Return a label map (H, W) at another size by its nearest pixels; no label is ever mixed."""
    if mask.shape == size_hw:
        return mask
    return np.asarray(cv2.resize(mask, size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def pack(mask: Mask) -> bytes:
    """Return a label map (H, W) as zlib over bit planes, lowest bit first.

    There are bit_length(largest label) planes, each row by row, 8 pixels a byte, the last byte
    filled up with zeros. One object is one plane; an empty mask has none.
    """
    planes = int(mask.max(initial=0)).bit_length()
    if planes <= 1:
        return zlib.compress(np.packbits(mask).tobytes() if planes else b"", 1)
    return zlib.compress(b"".join(np.packbits(mask & (1 << k)).tobytes() for k in range(planes)), 1)


def unpack(data: bytes, size_hw: tuple[int, int]) -> Mask:
    """Return the label map (H, W) that `pack` made.

    Raises:
        DamagedResult: the bytes are not a whole number of bit planes of this size.
    """
    height, width = size_hw
    plane = -(-height * width // 8)
    unzip = zlib.decompressobj()
    try:
        raw = unzip.decompress(data, 8 * plane + 1)  # the limit: a few bytes must not fill the memory
    except zlib.error as error:
        raise DamagedResult(f"a stored mask does not unpack: {error}") from error
    planes, rest = divmod(len(raw), max(plane, 1))
    if rest or planes > 8 or not unzip.eof:
        raise DamagedResult(f"a stored mask has {len(raw)} bytes; {plane} for each bit plane were expected")
    bits = np.frombuffer(raw, np.uint8).reshape(planes, plane)
    mask = np.unpackbits(bits[0], count=height * width) if planes else np.zeros(height * width, np.uint8)
    for k in range(1, planes):
        mask |= np.unpackbits(bits[k], count=mask.size) << k
    return mask.reshape(size_hw)


_MAGIC = b"VOSMASK1"  # the digit is the version
_HEADER = struct.Struct("<8sII")  # magic, height, width
_FOOTER = struct.Struct("<QI8s")  # frames, CRC-32 of offsets and header, magic


class MaskWriter:
    """Write the masks of one clip into one file that is random-access and small, whole or not at all.

    Layout, little endian: header (magic, height, width), every mask as `pack` makes it, the
    offsets of the masks and of their end (uint64), footer (count, CRC-32 of offsets and header, magic).
    Leaving the `with` by an exception leaves no file, and an older file as it was.
    """

    def __init__(self, path: Path):
        self._path = path
        self._size_hw: tuple[int, int] | None = None

    def __enter__(self) -> MaskWriter:
        self._replacing = replacing(self._path)
        self._file: BinaryIO = open(self._replacing.__enter__(), "wb")
        self._file.write(bytes(_HEADER.size))
        self._offsets = [_HEADER.size]
        return self

    def add(self, mask: Mask) -> None:
        """Append one label map (H, W) uint8.

        Raises:
            InvalidInput: it is not uint8, or not of the size of the first.
        """
        size_hw = self._size_hw or mask.shape
        if mask.dtype != np.uint8 or mask.ndim != 2 or mask.shape != size_hw:
            raise InvalidInput(
                f"mask {len(self._offsets) - 1} is {mask.dtype} of shape {mask.shape}; "
                f"uint8 label maps of one shape {size_hw} are stored"
            )
        self._size_hw = (mask.shape[0], mask.shape[1])
        self._offsets.append(self._offsets[-1] + self._file.write(pack(mask)))

    def add_packed(self, data: bytes, size_hw: tuple[int, int]) -> None:
        """Append a mask of another such file, as `MaskReader.packed` gives it."""
        assert (self._size_hw or size_hw) == size_hw, f"{size_hw} is not {self._size_hw}"
        self._size_hw = size_hw
        self._offsets.append(self._offsets[-1] + self._file.write(data))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                header = _HEADER.pack(_MAGIC, *(self._size_hw or (0, 0)))
                offsets = np.array(self._offsets, "<u8").tobytes()
                checksum = zlib.crc32(offsets + header)
                self._file.write(offsets + _FOOTER.pack(len(self._offsets) - 1, checksum, _MAGIC))
                self._file.seek(0)
                self._file.write(header)
        self._replacing.__exit__(kind, error, trace)


class MaskReader:
    """The masks of one clip, as `MaskWriter` left them: `len`, `[i]`, iteration; a `with` closes it.

    Raises:
        DamagedResult: the file is not one of ours, or not whole; `[i]` raises it for one bad mask.
    """

    def __init__(self, path: Path):
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115
        try:
            self.size_hw, self._offsets = _read_index(self._file)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Mask:
        return unpack(self.packed(index), self.size_hw)

    def packed(self, index: int) -> bytes:
        """Return a mask as it is stored (`pack`)."""
        index = range(len(self))[index]
        start, end = self._offsets[index : index + 2]
        self._file.seek(start)
        return self._file.read(end - start)

    def __iter__(self) -> Iterator[Mask]:
        return (self[index] for index in range(len(self)))

    def __enter__(self) -> MaskReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _read_index(file: BinaryIO) -> tuple[tuple[int, int], list[int]]:
    """Return the masks' (height, width), and the offset of each and of the end of the last."""
    damaged = DamagedResult("the file of stored masks is damaged or incomplete")
    size = file.seek(0, os.SEEK_END)
    if size < _HEADER.size + 8 + _FOOTER.size:
        raise damaged
    file.seek(0)
    header = file.read(_HEADER.size)
    magic, height, width = _HEADER.unpack(header)
    file.seek(size - _FOOTER.size)
    count, checksum, end = _FOOTER.unpack(file.read(_FOOTER.size))
    start = size - _FOOTER.size - 8 * (count + 1)
    if magic != _MAGIC or end != _MAGIC or start < _HEADER.size:
        raise damaged
    file.seek(start)
    offsets = file.read(8 * (count + 1))
    if zlib.crc32(offsets + header) != checksum:
        raise damaged
    return (height, width), np.frombuffer(offsets, "<u8").tolist()
