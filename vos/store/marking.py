"""Pins and tags of stored results: read, set, listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vos.errors import InvalidInput
from vos.store import rows
from vos.store.careful import careful
from vos.store.marks import UNMARKED, Marks, by_letters
from vos.store.shelf import Shelf


class Marking:
    """What people set on the results of a shelf; it is kept with each result and goes with it."""

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.folder, self.shelf = folder, shelf

    @careful
    def of(self, result_id: str) -> Marks:
        """Return what is set on a result; nothing where there is none."""
        found = self.shelf.index.ask("SELECT pinned, tags FROM results WHERE id = ?", result_id)
        return rows.marks_of(*found[0]) if found else UNMARKED

    @careful
    def change(self, result_id: str, change: Callable[[Marks], Marks]) -> Marks:
        """Set on a result what `change` makes of what was set, and return that.

        Raises:
            InvalidInput: there is no such result, or as Marks.
        """
        changed = self.shelf.describe_anew(result_id, lambda result, marks: (result, change(marks)))
        if changed is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        return changed[1]

    @careful
    def tags(self) -> tuple[str, ...]:
        """Return the tags that results have, alphabetically."""
        found = self.shelf.index.ask("SELECT DISTINCT pinned, tags FROM results")
        return by_letters({tag for pinned, tags in found for tag in rows.marks_of(pinned, tags).tags})
