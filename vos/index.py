"""Rows of results, for pages that show many: what the index knows without opening a result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A result in a list: `created` in seconds since 1970, `bytes` on disk, `objects` how many."""

    id: str
    title: str
    engine: str
    created: float
    frames: int
    bytes: int
    objects: int
    digest: str


@dataclass(frozen=True)
class Page:
    """Some rows of the many that match, and how many match."""

    rows: tuple[Row, ...]
    total: int
