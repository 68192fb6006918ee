"""Weight files: in weights/ under their name, verified by hash before anything reads them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from vos.errors import MissingWeights
from vos.types import Options, Weight

_HOME = Path(__file__).parent.parent
FOLDER = next(
    (_HOME / name for name in ("weights", "vos_app/weights") if (_HOME / name).is_dir()), _HOME / "weights"
)
TIMEOUT_S = 30
_CHUNK = 1 << 20


def needed(engine: ModuleType, options: Options) -> tuple[Weight, ...]:
    """Return the weights that an engine needs with these options: its `weights_for(options)`, or all."""
    choose = getattr(engine, "weights_for", None)
    return tuple(choose(options)) if choose else tuple(engine.WEIGHTS)


def digests(engine: ModuleType, options: Options) -> dict[str, str]:
    """Return the sha256 of each weight file that an engine needs; those without a known one are hashed.

    Raises:
        MissingWeights: a file without a known hash is absent.
    """
    return {weight.name: weight.sha256 or sha256_of(locate(weight)) for weight in needed(engine, options)}


def locate(weight: Weight, folder: Path = FOLDER) -> Path:
    """Return the path of a weight file whose hash is right; fetch it when it is absent and has an address.

    A file is hashed once per process and change of its size or time.

    Raises:
        MissingWeights: absent without an address, not to be fetched, or not what its name and hash say.
    """
    if Path(weight.name).name != weight.name or not weight.name.endswith(".safetensors"):
        raise MissingWeights(f"weights are .safetensors files in {folder.name}/; got {weight.name!r}")
    path = folder / weight.name
    if not path.exists():
        if not weight.sha256:
            raise MissingWeights(
                f"{folder.name}/{weight.name} is missing; {folder.name}/README.md says what makes it: "
                "`python -m vos weights import` of an official checkpoint, or `python -m vos train`"
            )
        if not weight.url:
            raise MissingWeights(
                f"{folder.name}/{weight.name} is missing and is not for download; "
                f"{folder.name}/README.md says which command makes it"
            )
        _download(weight, path)
    digest = sha256_of(path)
    if weight.sha256 and digest != weight.sha256:
        raise MissingWeights(
            f"{folder.name}/{weight.name} is not the file it should be: sha256 {digest[:12]}..., "
            f"expected {weight.sha256[:12]}...; delete it and try again"
        )
    return path


def sha256_of(path: Path) -> str:
    """Return a file's hash; it is read once per process and change of its size or time."""
    stat = path.stat()
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@lru_cache
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(weight: Weight, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as target:
            digest = _fetch(weight.url, target)
        if digest != weight.sha256:
            raise MissingWeights(
                f"{weight.url} sent something else: sha256 {digest[:12]}..., expected {weight.sha256[:12]}..."
            )
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _fetch(url: str, target: BinaryIO) -> str:
    """Copy what the address sends into the file; return its sha256."""
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise MissingWeights(f"{url} cannot be fetched: {error}") from error
    return digest.hexdigest()
