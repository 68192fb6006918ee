"""An engine by its name, built, with all that its masks depend on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import vos.net
from vos.benchmark.run import Engine
from vos.net.device import choose
from vos.plugins import ENGINES, load
from vos.segment import build
from vos.types import Options
from vos.weights import digests


def prepare(name: str, options: Options, device: str, precision: str) -> Engine:
    """Build an engine by name, as `vos.net.device.choose` understands device and precision.

    Raises:
        InvalidInput: no such engine or device.
        MissingWeights: its weights are not there.
    """
    chosen = choose(device, precision)
    sources = sorted(Path(vos.net.__file__).parent.rglob("*.py"))
    facts = {
        "engine": name,
        "options": asdict(options),
        "weights": digests(load(ENGINES, name), options),
        "device": chosen.name,
        "precision": chosen.precision,
        "code": hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest(),
    }
    return Engine(build(name, options, chosen), facts)
