"""Plug-ins are modules in a package; the file name is the plug-in's name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from importlib.abc import SourceLoader
from types import ModuleType

from vos.errors import InvalidInput

ENGINES = "vos.net.engines"
EXPORTS = "vos.video.exports"
PICKERS = "vos.net.pickers"


def names(package: str) -> tuple[str, ...]:
    """Return the plug-ins in a package, alphabetically, without importing them."""
    path = importlib.import_module(package).__path__
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


def kind_of(package: str) -> str:
    """Return what a plug-in in a package is: an engine, an export, a picker."""
    return package.rpartition(".")[2].rstrip("s")


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in.

    Raises:
        InvalidInput: there is no plug-in of that name.
    """
    known = names(package)
    if name not in known:
        raise InvalidInput(f"no {kind_of(package)} is called {name!r}; there are: {', '.join(known)}")
    return importlib.import_module(f"{package}.{name}")


def describe(package: str, name: str) -> str:
    """Return a plug-in's HELP from its source, without importing it; "" without one."""
    spec = importlib.util.find_spec(f"{package}.{name}")
    source = spec.loader.get_source(spec.name) if spec and isinstance(spec.loader, SourceLoader) else None
    for node in ast.parse(source or "").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HELP":
            return str(ast.literal_eval(node.value))
    return ""
