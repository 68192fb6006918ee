"""What people set on a result: that it is pinned, and its tags; beside the result, never in its key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vos.errors import InvalidInput

TAG_LETTERS = 40
MOST_TAGS = 20


@dataclass(frozen=True)
class Marks:
    """A pinned result never makes room for others; results with the same tag are a collection.

    Raises:
        InvalidInput: a tag is empty or has more than 40 letters, or there are more than 20.
    """

    pinned: bool = False
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tidied = {" ".join(tag.split()) for tag in self.tags}
        for tag in tidied:
            if not tag.isprintable() or not 1 <= len(tag) <= TAG_LETTERS:
                raise InvalidInput(f"a tag is {tag[:60]!r}; 1 to {TAG_LETTERS} letters are allowed")
        if len(tidied) > MOST_TAGS:
            raise InvalidInput(f"there are {len(tidied)} tags; at most {MOST_TAGS} are allowed")
        object.__setattr__(self, "tags", by_letters(tidied))

    def with_tags(self, add: Iterable[str] = (), drop: Iterable[str] = ()) -> Marks:
        """Return these marks with tags added and others dropped."""
        return Marks(self.pinned, tuple({*self.tags, *add} - set(drop)))


def by_letters(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags in the order of their letters, whatever their case."""
    return tuple(sorted(tags, key=lambda tag: (tag.casefold(), tag)))


UNMARKED = Marks()
