"""Adaptation: a copy of the memory network learns a clip's objects from their first frame and mask alone.

The idea of OSVOS (Caelles et al., CVPR 2017) with the clips of lucid dreaming (Khoreva et al., 2017): the
objects are cut out and moved over the filled background, and the network follows them. Batch norm stays.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vos.net.device import autocast, torch_device
from vos.net.memory import MemoryNetwork
from vos.net.train.clips import FirstFrameClips
from vos.net.train.memory import MemoryRecipe
from vos.net.train.tracks import batch_of
from vos.types import Device, Frame, Mask, Step

if TYPE_CHECKING:
    from vos.net.train.loop import Recipe

CLIPS, LENGTH, SIZE = 4, 3, 208  # of a batch
RATE = 1.2e-4
CHECKS = 3  # batches that are kept from training, to judge by


@dataclass(frozen=True)
class FirstFrameBatches:
    """Batches of clips made of one frame, in the form of vos.net.train.memory.MemoryBatches."""

    source: FirstFrameClips

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch; it does not depend on the progress."""
        return batch_of([self.source.sample(rng) for _ in range(CLIPS)])


def adapted(
    network: MemoryNetwork, frame: Frame, mask: Mask, device: Device, steps: int
) -> Generator[Step, None, MemoryNetwork | None]:
    """Train a copy of an unfolded network, one Step each; return it, or None if it got no better.

    Better is a smaller loss on clips of the same frame that it was not trained on. The same input gives the
    same network.

    Raises:
        InvalidInput: the objects are too small to make clips of.
    """
    batches = FirstFrameBatches(FirstFrameClips(frame, mask, SIZE, LENGTH))
    learner = copy.deepcopy(network).to(torch_device(device)).eval()
    better = yield from learn(MemoryRecipe(learner, batches), device, steps, RATE)  # type: ignore[arg-type]
    return learner.requires_grad_(False) if better else None


def learn(recipe: Recipe, device: Device, steps: int, rate: float) -> Generator[Step, None, bool]:
    """Train what requires gradients in a recipe's module, one Step each; return whether it got better."""
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
