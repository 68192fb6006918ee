"""Uploaded clips on disk, named by their sha256, so that the same bytes are kept once."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vos.errors import InvalidInput
from vos.folders import explaining
from vos.owned import OwnedFolder, abandoned

log = logging.getLogger(__name__)

KEEP_DAYS = 35  # longer than a draft, which names its clip
CHUNK = 2**20
_PARTS = ".parts"


@dataclass(frozen=True)
class Upload:
    """A clip on disk: where, its sha256, and what the user's file was called."""

    path: Path
    digest: str
    name: str


class Incoming:
    """A clip that arrives in pieces: write them, then finish; leaving the block earlier drops them.

    Parts whose process died go when the next clip arrives, those of living ones never.

    Raises:
        StorageUnavailable: the folder cannot be written, or its disk is full.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._digest, self._size = hashlib.sha256(), 0
        with explaining(folder):
            folder.mkdir(parents=True, exist_ok=True)
            tidy(folder)
            self._owned = OwnedFolder(folder / _PARTS)
            try:
                self._part = self._owned.path / "part"
                self._file = self._part.open("wb")
            except BaseException:
                self._owned.cleanup()
                raise

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk refuses what was not written yet
            self._file.close()
        self._owned.cleanup()

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        with explaining(self._folder):
            self._file.write(piece)
        self._digest.update(piece)
        self._size += len(piece)

    def finish(self) -> Upload:
        """Give the clip its place and return it.

        Raises:
            InvalidInput: no byte came.
        """
        if not self._size:
            raise InvalidInput(f"the file {self._name} is empty (0 bytes)")
        digest = self._digest.hexdigest()
        path = self._folder / (digest + suffix(self._name))
        with explaining(self._folder):
            self._file.close()
            os.replace(self._part, path)
        return Upload(path, digest, self._name)


def keep(source: BinaryIO, name: str, folder: Path) -> Upload:
    """Copy an open file into the folder and return it as an Upload; the same bytes are kept once.

    Raises:
        InvalidInput: the file is empty.
        StorageUnavailable: the folder cannot be written, or its disk is full.
    """
    with Incoming(name, folder) as incoming:
        while piece := source.read(CHUNK):
            incoming.write(piece)
        return incoming.finish()


def find(digest: str, folder: Path) -> Path | None:
    """Return the kept clip with this sha256, or None; the clip counts as used now."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        return None
    for path in sorted(folder.glob(f"{digest}*")):
        try:
            os.utime(path)
        except FileNotFoundError:  # it went this moment
            continue
        except OSError as error:  # a read-only folder, where nothing is tidied either
            log.info("%s keeps its time: %s", path, error)
        return path
    return None


def tidy(folder: Path) -> None:
    """Drop parts of uploads that broke off and clips that nobody used for a month."""
    broken_off(folder, remove=True)
    for path in _clips(folder):
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            if time.time() - path.stat().st_mtime > KEEP_DAYS * 86400:
                path.unlink()


def broken_off(folder: Path, *, remove: bool) -> list[str]:
    """Return the parts of uploads whose process is dead, a sentence each."""
    dead = [*abandoned(folder / _PARTS, remove=remove)]
    for path in folder.glob(".part-*"):  # as parts were named once: no process that lives makes them
        dead.append(path)
        if remove:
            path.unlink(missing_ok=True)
    return [f"{path.name}: part of an upload that broke off" for path in dead]


def _clips(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != _PARTS and not path.name.startswith(".part-")]


def suffix(name: str) -> str:
    """Return the ending of a file's name where it is harmless, else nothing."""
    suffix = Path(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""
