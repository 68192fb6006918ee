"""Adapted weights, kept under a hash of all that they were made from, so that they are made once."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import logging
import os
from collections.abc import Generator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vos.folders import results
from vos.net.models.blocks import Network, ready
from vos.net.train.checkpoint import write_tensors
from vos.types import Device, Step

log = logging.getLogger(__name__)

LIMIT_BYTES = 2**31
_DIGEST = "sha256"


def key_of(*parts: str | NDArray[np.generic] | Mapping[str, Tensor]) -> str:
    """Return the sha256 over texts, arrays and tensors by name; their shapes and number types count."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {len(part)} {part}".encode())
        elif isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            for name, tensor in sorted(part.items()):
                digest.update(f"tensor {name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                plain = tensor.detach().cpu().contiguous().flatten()
                digest.update(plain.view(torch.uint8).numpy().data)
    return digest.hexdigest()


class Adapted:
    """A folder of safetensors files by key; above `limit_bytes` those go that were not used for longest.

    Safe to share between processes: files appear whole, and one that goes while it is read is a miss.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder or results() / "adapted"
        self._limit_bytes = limit_bytes

    def get(self, key: str) -> dict[str, Tensor] | None:
        """Return the tensors put under a key, or None; a damaged file is None too, and removed."""
        path = self._path(key)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                promised = (file.metadata() or {}).get(_DIGEST)
        except (OSError, SafetensorError):
            promised = ""
        whole = bool(promised) and key_of(tensors) == promised
        with contextlib.suppress(OSError):  # a disk that can only be read
            os.utime(path) if whole else path.unlink(missing_ok=True)
        return tensors if whole else None

    def put(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a key; old ones make room. Where a disk refuses, they are learnt anew again."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_tensors(tensors, self._path(key), {_DIGEST: key_of(tensors)})
            self._shrink(keep=self._path(key))
        except (OSError, SafetensorError) as error:
            log.warning("what was learnt cannot be kept in %s: %s", self.folder, error)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _shrink(self, keep: Path) -> None:
        found = []
        for path in self.folder.glob("*.safetensors"):
            try:
                stat = path.stat()
            except FileNotFoundError:  # another process removed it
                continue
            found.append((path != keep, -stat.st_mtime_ns, path, stat.st_size))
        total = 0
        for _, _, path, size in sorted(found):  # the one to keep, then newest first
            total += size
            if total > self._limit_bytes and path != keep:
                path.unlink(missing_ok=True)


def load_or_learn(
    network: Network, device: Device, key: str, learning: Generator[Step, None, nn.Module | None]
) -> Generator[Step, None, Network | None]:
    """Return a copy of a network, ready to run, with the weights kept under a key; at first they are learnt.

    They are kept in half precision, and so used when just learnt: asking again gives the same masks. That
    nothing could be learnt, None, is kept too.
    """
    cache = Adapted()
    tensors = cache.get(key)
    if tensors is None:
        learner = yield from learning
        state = learner.state_dict() if learner else {}
        tensors = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
        cache.put(key, tensors)
    if not tensors:
        return None
    network = copy.deepcopy(network)
    network.load_state_dict(tensors)
    return ready(network, device)
