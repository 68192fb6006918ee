"""Options of exports from a browser: a file is named by the sha256 of an upload, never by a path."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vos import plugins, uploads
from vos.errors import InvalidInput
from vos.store import Store
from vos.types import OptionValue


def resolve(store: Store, name: str, given: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return options of an export in which uploads have become the paths of their files.

    Raises:
        InvalidInput: no such export, or no such upload.
    """
    known = dataclasses.fields(plugins.load(plugins.EXPORTS, name).Options)
    resolved = dict(given)
    for option in known:
        digest = resolved.get(option.name)
        if option.metadata.get("file") and digest:
            path = uploads.find(str(digest), store.folder / "uploads")
            if path is None:
                raise InvalidInput(
                    f"{option.name} is {str(digest)[:20]!r}; the sha256 of an upload is needed"
                )
            resolved[option.name] = str(path)
    return resolved
