"""Options of exports from a browser: a file is named by the sha256 of an upload, never by a path."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vos import plugins, uploads
from vos.errors import InvalidInput
from vos.options import read_options
from vos.store import Store
from vos.types import Options, OptionValue


def read_browser_options(store: Store, name: str, given: Mapping[str, OptionValue]) -> Options:
    """Return an export's Options from names and values; uploads become the paths of their files.

    Raises:
        InvalidInput: no such export, option or upload, or a value that is not allowed.
    """
    paths = dict(given)
    for option in dataclasses.fields(plugins.load(plugins.EXPORTS, name).Options):
        digest = paths.get(option.name)
        if option.metadata.get("file") and digest:
            path = uploads.find(str(digest), store.folder / "uploads")
            if path is None:
                raise InvalidInput(
                    f"{option.name} is {str(digest)[:20]!r}; the sha256 of an upload is needed"
                )
            paths[option.name] = str(path)
    return read_options(plugins.EXPORTS, name, paths)
