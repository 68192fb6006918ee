"""Adaptation: a copy of the memory network learns a clip's objects from their first frame and mask alone.

The idea of OSVOS (Caelles et al., CVPR 2017) with the clips of lucid dreaming (Khoreva et al., 2017): the
objects are cut out and moved over the filled background, and the network follows them. Batch norm stays.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vos.net.device import autocast, torch_device
from vos.net.memory import MemoryNetwork
from vos.net.train.clips import FirstFrameClips
from vos.net.train.memory import MemoryRecipe
from vos.types import Device, Frame, Mask, Step, object_ids

CLIPS, LENGTH, SIZE = 4, 3, 208  # of a batch
RATE = 6e-5
CHECKS = 3  # batches that are kept from training, to judge by


@dataclass(frozen=True)
class FirstFrameBatches:
    """Batches of clips made of one frame, in the form of vos.net.train.memory.MemoryBatches."""

    source: FirstFrameClips

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch; it does not depend on the progress."""
        samples = [self.source.sample(rng) for _ in range(CLIPS)]
        tracks = [(clip, i) for clip, sample in enumerate(samples) for i in object_ids(sample.masks[0])]
        return {
            "frames": np.stack([sample.frames for sample in samples]),
            "masks": np.stack([sample.masks for sample in samples]),
            "tracks": np.array(tracks),
        }


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
    rng = np.random.default_rng(0)
    checks = [batches(0, rng) for _ in range(CHECKS)]
    learner = copy.deepcopy(network).to(torch_device(device)).eval().requires_grad_(True)
    recipe = MemoryRecipe(learner, batches)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(learner.parameters(), lr=RATE, weight_decay=0)
    before = _loss_of(recipe, checks, device)
    note = "adapting to the first frame"
    for done in range(steps):
        yield Step(note, done, steps)
        with autocast(device):
            loss, _ = recipe.loss(_tensors(batches(0, rng), device), rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        note = f"adapting to the first frame, loss {loss.item():.3f}"
    yield Step(note, steps, steps)
    return learner.requires_grad_(False) if _loss_of(recipe, checks, device) < before else None


def _tensors(batch: Mapping[str, NDArray[np.generic]], device: Device) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array).to(torch_device(device)) for name, array in batch.items()}


@torch.no_grad()
def _loss_of(recipe: MemoryRecipe, batches: list[dict[str, NDArray[np.generic]]], device: Device) -> float:
    rng = np.random.default_rng(0)
    with autocast(device):
        losses = [recipe.loss(_tensors(batch, device), rng)[0] for batch in batches]
    return float(torch.stack(losses).mean())
