"""How much disk space results may take: kept in the store, or set for all by the environment."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path

from vos.errors import InvalidInput, StorageUnavailable
from vos.store import rows
from vos.store.careful import careful
from vos.store.shelf import Shelf
from vos.video.masks import replacing

log = logging.getLogger(__name__)

GB = 2**30
DEFAULT_BYTES = 20 * GB
LEAST_GB, MOST_GB = 0.1, 1e6
VARIABLE = "VOS_CACHE_GB"


@dataclass(frozen=True)
class Usage:
    """What a store takes of what it may: `leaving` results make room with the next that comes."""

    used_bytes: int
    limit_bytes: int
    pinned_bytes: int
    leaving: int


class Room:
    """The limit of a store's results; `fixed_bytes`, where it is given, stands for all settings.

    Raises:
        StorageUnavailable: the environment's is no number of gigabytes.
    """

    def __init__(self, folder: Path, shelf: Shelf, fixed_bytes: int | None = None) -> None:
        self.folder, self.shelf, self._fixed_bytes = folder, shelf, fixed_bytes
        self._path = folder / "limit.json"
        from_environment()

    @property
    def limit_bytes(self) -> int:
        """The limit as it is at this moment: another process or the page may have changed it."""
        return self._fixed_bytes or from_environment() or self._kept() or DEFAULT_BYTES

    @careful
    def set_limit(self, limit_gb: float) -> None:
        """Keep another limit. What is above it goes when the next result comes, not before.

        Raises:
            InvalidInput: outside 0.1 to 1,000,000 GB, or the environment sets it.
        """
        if from_environment():
            raise InvalidInput(
                f"{VARIABLE} sets the limit to {os.environ[VARIABLE]} GB; unset it to set another"
            )
        limit_bytes = _checked(limit_gb, "the limit")
        with replacing(self._path) as part:
            part.write_text(json.dumps({"limit_bytes": limit_bytes}) + "\n", encoding="utf-8")

    @careful
    def usage(self) -> Usage:
        """Return what the results take of what they may."""
        found = self.shelf.index.ask(rows.SIZES)
        pinned = [row for row in found if row[-1]]
        leaving = len(rows.surplus(found, self.limit_bytes))
        return Usage(self.shelf.used_bytes(), self.limit_bytes, rows.used_bytes(pinned), leaving)

    def _kept(self) -> int | None:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))["limit_bytes"]
            return _checked(kept / GB, "the limit")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, InvalidInput) as error:
            log.warning("%s does not read back; the limit is the usual one: %s", self._path, error)
            return None


def from_environment() -> int | None:
    """Return the limit that VOS_CACHE_GB sets, in bytes, or None.

    Raises:
        StorageUnavailable: it is no number of gigabytes.
    """
    text = os.environ.get(VARIABLE, "").strip()
    try:
        return _checked(float(text), VARIABLE) if text else None
    except (ValueError, InvalidInput):
        raise StorageUnavailable(
            f"{VARIABLE} is {text[:40]!r}; a number of gigabytes from {LEAST_GB} to {MOST_GB:.0f} is needed"
        ) from None


def _checked(limit_gb: float, name: str) -> int:
    if not math.isfinite(limit_gb) or not LEAST_GB <= limit_gb <= MOST_GB:
        raise InvalidInput(f"{name} is {limit_gb:g} GB; {LEAST_GB} to {MOST_GB:.0f} GB are allowed")
    return round(limit_gb * GB)


def loose_bytes(*tops: Path) -> int:
    """Return the size of all files under folders that are not links to others; files may go meanwhile."""
    total = 0
    for top in tops:
        for folder, _, names in os.walk(top):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    stat = os.stat(os.path.join(folder, name))
                    total += stat.st_size if stat.st_nlink == 1 else 0
    return total
