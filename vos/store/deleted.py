"""The results that were deleted within a day, for those who want one back."""

from __future__ import annotations

from pathlib import Path

from vos.errors import InvalidInput
from vos.store.bin import Deleted
from vos.store.careful import careful
from vos.store.shelf import Shelf
from vos.types import Result


class DeletedResults:
    """What `Store.discard` took away."""

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.folder, self.shelf = folder, shelf

    @careful
    def all(self) -> list[Deleted]:
        """Return what can be brought back, the newest first."""
        return self.shelf.bin.all()

    @careful
    def bring_back(self, result_id: str) -> Result:
        """Undo `Store.discard`.

        Raises:
            InvalidInput: it has gone for good.
        """
        result = self.shelf.bring_back(result_id)
        if result is None:
            raise InvalidInput(f"the result {result_id[:12]} cannot be brought back; a day has gone by")
        return result

    @careful
    def empty(self) -> None:
        """Let go for good of all of them."""
        self.shelf.empty_bin(0)
