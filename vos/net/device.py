"""Where and how networks compute: the best device that is present, or the one that was asked for."""

from __future__ import annotations

import torch

from vos.errors import InvalidInput
from vos.types import Device

DEVICES = ("cuda", "mps", "cpu")  # best first
PRECISIONS = ("float32", "bfloat16")


def choose(name: str = "auto", precision: str = "auto") -> Device:
    """Return the named device and precision; "auto" takes the best that is present.

    bfloat16 is taken where it is faster: on CUDA cards from Ampere on, and on CPUs with AMX. With avx512_bf16
    alone it is not: the memory network's convolutions took 1.4 times as long as in float32. Capability
    decides, not a timing: the same machine must give the same masks every time.

    Raises:
        InvalidInput: the device is absent, or a name is unknown.
    """
    present = _present()
    if name not in ("auto", *DEVICES):
        raise InvalidInput(f"no device is called {name!r}; there are: auto, {', '.join(DEVICES)}")
    if name not in ("auto", *present):
        raise InvalidInput(f"this machine has no {name} device; it has: {', '.join(present)}")
    if precision not in ("auto", *PRECISIONS):
        raise InvalidInput(f"no precision is called {precision!r}; there are: auto, {', '.join(PRECISIONS)}")
    name = present[0] if name == "auto" else name
    if precision == "auto":
        precision = "bfloat16" if _fast_bfloat16(name) else "float32"
    return Device(name, precision)


def torch_device(device: Device) -> torch.device:
    """Return torch's word for the device."""
    return torch.device(device.name)


def dtype(device: Device) -> torch.dtype:
    """Return the number type that weights and activations have on the device."""
    return torch.bfloat16 if device.precision == "bfloat16" else torch.float32


def autocast(device: Device) -> torch.autocast:
    """Return the context for training: float32 weights, computed with at the device's precision."""
    return torch.autocast(device.name, torch.bfloat16, enabled=device.precision == "bfloat16")


def _present() -> tuple[str, ...]:
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(name for name in DEVICES if has[name])


def _fast_bfloat16(name: str) -> bool:
    if name == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if name == "cpu":
        return bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return False
