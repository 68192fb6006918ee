"""Online training: a network's own recipe on clips made of a clip's prompted frames, for a few steps."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vos.net.device import autocast, torch_device
from vos.types import Device, Step

if TYPE_CHECKING:
    from vos.net.train.loop import Recipe

CHECKS = 3  # batches that are kept from training, to judge by


def learn(recipe: Recipe, device: Device, steps: int, rate: float) -> Generator[Step, None, bool]:
    """Train what requires gradients in a recipe's module, one Step each; return whether it got better.

    Better is a smaller loss on batches that it was not trained on. Batch norm stays as the module has it.
    """
    rng = np.random.default_rng(0)
    checks = [recipe.batches(0, rng) for _ in range(CHECKS)]
    learnt = [parameter for parameter in recipe.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=rate, weight_decay=0)
    before = _loss_of(recipe, checks, device)
    note = "adapting to the first frame"
    for done in range(steps):
        yield Step(note, done, steps)
        with autocast(device):
            loss, _ = recipe.loss(_tensors(recipe.batches(0, rng), device), rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        note = f"adapting to the first frame, loss {loss.item():.3f}"
    yield Step(note, steps, steps)
    return _loss_of(recipe, checks, device) < before


def _tensors(batch: Mapping[str, NDArray[np.generic]], device: Device) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array).to(torch_device(device)) for name, array in batch.items()}


@torch.no_grad()
def _loss_of(recipe: Recipe, batches: Sequence[Mapping[str, NDArray[np.generic]]], device: Device) -> float:
    rng = np.random.default_rng(0)
    with autocast(device):
        losses = [recipe.loss(_tensors(batch, device), rng)[0] for batch in batches]
    return float(torch.stack(losses).mean())
