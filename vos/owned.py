"""Folders that belong to a living process: a locked file beside each says that its owner still lives.

The system lets go of a lock when its process ends, however it ends, so neither a folder's age nor a
process number that was given anew can mislead.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class OwnedFolder:
    """A new folder in `parent`, removed when closed or collected, or by `abandoned` once its owner died.

    `outlives`: it stays when the process ends, however that comes about, and is then abandoned.
    """

    def __init__(self, parent: Path, *, outlives: bool = False) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        held = None
        while held is None:  # somebody who looks for abandoned ones may have been faster
            self.path = parent / secrets.token_hex(8)
            held = _hold(_lock_of(self.path))
        self._remove = weakref.finalize(self, _remove, self.path, held, os.getpid())
        self._remove.atexit = not outlives
        try:
            self.path.mkdir()
        except BaseException:
            self._remove()
            raise

    @property
    def name(self) -> str:
        """The folder's path as text."""
        return str(self.path)

    def cleanup(self) -> None:
        """Remove the folder and all in it; a second call does nothing."""
        self._remove()

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def abandoned(parent: Path, *, remove: bool = True) -> Iterator[Path]:
    """Yield each folder in `parent` whose owner is dead; it is removed when the next is asked for."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = {path.name.removesuffix(".lock") for path in parent.iterdir()}
        for name in sorted(names):
            held = _hold(_lock_of(parent / name))
            if held is None:
                continue
            try:
                if (parent / name).exists():  # else its owner removes it this moment
                    yield parent / name
            finally:
                if remove:
                    _remove(parent / name, held, os.getpid())
                else:
                    os.close(held)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other holder of this lock file, thread or process, is inside the block."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _hold(path: Path) -> int | None:
    """Return a descriptor that holds the lock file, made if need be, or None: another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        _lock(descriptor, wait=False)
        if os.path.samestat(os.fstat(descriptor), path.stat()):  # not one that was just removed
            return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, *, wait: bool) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _remove(folder: Path, held: int, owner: int) -> None:
    if os.getpid() != owner:  # a forked child, which the folder is not for
        return
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.unlink(missing_ok=True)
    os.close(held)
    with contextlib.suppress(OSError):
        _lock_of(folder).unlink()
