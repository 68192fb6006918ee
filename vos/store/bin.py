"""Results that were deleted, for a day: they can be brought back, and go for good afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from vos.errors import DamagedResult
from vos.store.folder import read_entry

KEEP_S = 86400.0


@dataclass(frozen=True)
class Deleted:
    """A result in the bin: `at` is when it was deleted, in seconds since 1970."""

    id: str
    title: str
    at: float


class Bin:
    """A folder of results' folders; each appears and goes by being renamed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str) -> Path:
        """Return where a folder of that name goes; the bin is there then."""
        self.folder.mkdir(exist_ok=True)
        return self.folder / name

    def all(self) -> list[Deleted]:
        """Return what can be brought back, the newest first."""
        found = []
        for path in self._paths():
            with contextlib.suppress(DamagedResult, FileNotFoundError):
                result, _ = read_entry(path)
                found.append(Deleted(result.id, result.title, path.stat().st_mtime))
        return sorted(found, key=lambda one: -one.at)

    def find(self, result_id: str) -> Path | None:
        """Return the newest folder of a result."""
        found = [path for path in self._paths() if path.name.partition(".")[0] == result_id]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)

    def sweep(self, keep_s: float = KEEP_S) -> None:
        """Let go for good of what has been here for so long."""
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime >= keep_s:
                    shutil.rmtree(path, ignore_errors=True)

    def _paths(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return [self.folder / name for name in os.listdir(self.folder)]
        return []
