"""A run on disk: one safetensors file of weights, their average, optimizer state, and numbers as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from vos.errors import InvalidInput

KEY = "vos_training"


@dataclass(frozen=True)
class Numbers:
    """What a run needs to go on besides tensors: steps and minutes so far, and its best score."""

    step: int = 0
    minutes: float = 0.0
    best: float | None = None


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a network's weights, whole or not at all."""
    write_tensors(module.state_dict(), path, {})


def load_weights(module: nn.Module, path: Path) -> None:
    """Read a network's weights, of any float type.

    Raises:
        InvalidInput: the file is missing, not safetensors, or of another network.
    """
    _fill(module, read_tensors(path), path)


def save_run(
    path: Path, numbers: Numbers, network: nn.Module, average: nn.Module, optimizer: Optimizer
) -> None:
    """Write a run, whole or not at all."""
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
    for name, parameter in _learning(network, optimizer).items():
        state = optimizer.state[parameter]
        tensors |= {f"optimizer.{key}.{name}": value for key, value in state.items()}
    write_tensors(tensors, path, {KEY: json.dumps(asdict(numbers))})


def load_run(path: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer) -> Numbers:
    """Read a run into its parts, which must be on their device; returns its numbers.

    Raises:
        InvalidInput: the file is missing, not a run, or of another network.
    """
    tensors, metadata = _read(path)
    if KEY not in metadata:
        raise InvalidInput(f"{path} is not a training run that can be resumed")
    _fill(network, _below("network.", tensors), path)
    _fill(average, _below("average.", tensors), path)
    parameters = _learning(network, optimizer)
    moments: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
    for key, value in _below("optimizer.", tensors).items():
        moment, _, name = key.partition(".")
        like = parameters[name]
        moments[name][moment] = value if value.ndim == 0 else like.detach().clone().copy_(value)
    # load_state_dict, not assignment: it puts each optimizer's step count where that optimizer wants it.
    saved = optimizer.state_dict()
    saved["state"] = dict(enumerate(moments.values()))
    optimizer.load_state_dict(saved)
    return Numbers(**json.loads(metadata[KEY]))


def _learning(network: nn.Module, optimizer: Optimizer) -> dict[str, nn.Parameter]:
    """Return the parameters that an optimizer moves, by name, in its own order."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {names[p]: p for group in optimizer.param_groups for p in group["params"]}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InvalidInput(
            f"{path} holds the weights of another network than {type(module).__name__}"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a safetensors file, on the CPU.

    Raises:
        InvalidInput: the file is missing or not safetensors.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InvalidInput(f"{path} is missing or not a safetensors file") from error


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        save_file(plain, part, metadata=dict(metadata))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
