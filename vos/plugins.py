"""Plug-ins are modules in a package; the file name is the plug-in's name."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from vos.errors import InvalidInput

ENGINES = "vos.net.engines"
EXPORTS = "vos.video.exports"
PICKERS = "vos.net.pickers"


def names(package: str) -> tuple[str, ...]:
    """Return the plug-ins in a package, alphabetically, without importing them."""
    path = importlib.import_module(package).__path__
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in.

    Raises:
        InvalidInput: there is no plug-in of that name.
    """
    known = names(package)
    if name not in known:
        kind = package.rpartition(".")[2].rstrip("s")
        raise InvalidInput(f"no {kind} is called {name!r}; there are: {', '.join(known)}")
    return importlib.import_module(f"{package}.{name}")
