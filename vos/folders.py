"""Where results are kept, and what it means in a sentence when a disk refuses."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vos.errors import DiskFull, StorageUnavailable

_chosen: Path | None = None

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REASONS = {
    errno.EROFS: "it is read-only",
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.ENOTDIR: "a file is in the way where a folder is needed",
    errno.EEXIST: "a file is in the way where a folder is needed",
    errno.EIO: "its disk reports an error",
}
_SQLITE = {
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "a file in it cannot be opened",
    sqlite3.SQLITE_PERM: "there is no permission to write there",
    sqlite3.SQLITE_BUSY: "another program keeps it busy",
    sqlite3.SQLITE_IOERR: "its disk reports an error",
}


def results() -> Path:
    """Return the folder of results: what an entry point chose, $VOS_CACHE, or cache/ of a checkout.

    Once the package is installed it is .vos in the user's home: what lies beside a package goes with it.
    """
    home = Path(__file__).parent.parent
    default = Path.home() / ".vos" if (home / "vos_app").is_dir() else home / "cache"
    return _chosen or Path(os.environ.get("VOS_CACHE") or default)


def choose(folder: Path | None) -> None:
    """Make `results()` return this folder in this process; None goes back to the setting."""
    global _chosen
    _chosen = folder


@contextmanager
def explaining(folder: Path) -> Iterator[None]:
    """Turn what the disk of a folder refuses inside the block into one sentence about that folder.

    Raises:
        DiskFull: there is no room left.
        StorageUnavailable: the folder is missing, read-only, a file, or busy.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"the disk that holds {folder} is full; free some space and try again") from error
        reason = _REASONS.get(error.errno or 0) if _concerns(error, folder) else None
        if error.errno == errno.ENOENT and not folder.exists():
            reason = "it does not exist"
        if reason is None:
            raise
        raise StorageUnavailable(f"the folder {folder} cannot be used: {reason}") from error
    except sqlite3.OperationalError as error:
        code = sqlite_code(error)
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(folder)):
            raise DiskFull(f"the disk that holds {folder} is full; free some space and try again") from error
        if code not in _SQLITE:
            raise
        raise StorageUnavailable(f"the folder {folder} cannot be used: {_SQLITE[code]}") from error


def _is_full(folder: Path) -> bool:
    """Say whether there is no room for what SQLite shares in memory, which it reports as another error."""
    try:
        return shutil.disk_usage(folder).free < 2**17
    except OSError:
        return False


def sqlite_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code of an error, 0 where there is none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _concerns(error: OSError, folder: Path) -> bool:
    """Say whether an error is about the folder, what lies in it, or a folder above it."""
    names = [Path(os.fsdecode(n)) for n in (error.filename, error.filename2) if isinstance(n, str | bytes)]
    whole = Path(os.path.abspath(folder))
    found = [Path(os.path.abspath(name)) for name in names]
    return not found or any(name.is_relative_to(whole) or whole.is_relative_to(name) for name in found)
