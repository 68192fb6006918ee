"""What every call to the store has around it: an index that cannot be read is mended, a disk is explained."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import diskcache

from vos.errors import StorageUnavailable
from vos.folders import explaining
from vos.store.shelf import Shelf


class HasShelf(Protocol):
    """What keeps results in a folder."""

    folder: Path
    shelf: Shelf


P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=HasShelf)


def careful(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Mend an index that cannot be read, and say in a sentence what else the disk refuses."""

    @functools.wraps(method)
    def call(store: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with explaining(store.folder):
            try:
                return store.shelf.index.mending(lambda: method(store, *args, **kwargs))
            except diskcache.Timeout as error:
                raise StorageUnavailable(f"the folder {store.folder} is busy; please try again") from error

    return call
