"""Where and how networks compute: the best device that is present, or the one that was asked for."""

from __future__ import annotations

import time
from functools import cache

import torch
from torch import nn

from vos.errors import InvalidInput
from vos.types import Device

DEVICES = ("cuda", "mps", "cpu")  # best first
PRECISIONS = ("float32", "bfloat16")
MUCH = 1.25  # times as fast: less is not worth the digits, and may be noise


def choose(name: str = "auto", precision: str = "auto") -> Device:
    """Return the named device and precision; "auto" takes the best that is present.

    bfloat16 is taken where it is much faster: on CUDA cards from Ampere on, and on CPUs that say so when a
    convolution is timed. What they claim to have does not tell: with avx512_bf16 an AMD Zen 4 convolves four
    times as fast as in float32, an Intel without AMX at half the speed.

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
        return _convolution_s(torch.float32) > MUCH * _convolution_s(torch.bfloat16)
    return False


@cache
def _convolution_s(number: torch.dtype) -> float:
    """Return the least time of a few convolutions of the kind that networks here consist of."""
    conv = nn.Conv2d(96, 96, 3, padding=1).to(number, memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.zeros(1, 96, 48, 86, dtype=number).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        for _ in range(6):
            began = time.perf_counter()
            conv(x)
            times.append(time.perf_counter() - began)
    return min(times)
