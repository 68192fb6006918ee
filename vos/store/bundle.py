"""Several results as one zip, made while it is sent: nothing waits on disk or in memory."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from vos import downloads
from vos.store import Store
from vos.types import Result
from vos.video.masks import MaskReader, encode_png

CHUNK = 2**20


def bundle(store: Store, result_ids: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of a zip with a folder for each result: the files that `segment` writes.

    A result that is deleted meanwhile is left out; one that has begun stays to its end.
    """
    sent = _Sent()
    with zipfile.ZipFile(sent, "w") as archive:  # type: ignore[call-overload]
        for result_id in result_ids:
            with store.workspace() as name:
                result = store.borrow(result_id, Path(name))
                if result is None:
                    continue
                for _ in _write(archive, result, Path(name)):
                    yield sent.take()
    yield sent.take()


def _write(archive: zipfile.ZipFile, result: Result, folder: Path) -> Iterator[None]:
    top = downloads.file_name(result, result.id[:8])
    overlay = result.files["overlay"]
    info = zipfile.ZipInfo.from_file(overlay, f"{top}/overlay.mp4", strict_timestamps=False)
    with overlay.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while piece := source.read(CHUNK):
            target.write(piece)
            yield
    with MaskReader(result.files["masks"]) as masks:
        for index, mask in enumerate(masks):
            archive.writestr(f"{top}/masks/{index:05d}.png", encode_png(mask))
            yield
    table = downloads.make(result, "trajectory.csv", folder)
    archive.writestr(f"{top}/trajectory.csv", table.read_bytes())
    archive.writestr(f"{top}/result.json", json.dumps(downloads.describe(result), indent=2) + "\n")
    yield


class _Sent:
    """A file that is only written to, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, piece: bytes) -> int:
        """Take the next bytes."""
        self._waiting += piece
        return len(piece)

    def flush(self) -> None:
        """Nothing waits behind this."""

    def take(self) -> bytes:
        """Return what has come since the last time."""
        piece = bytes(self._waiting)
        self._waiting.clear()
        return piece
