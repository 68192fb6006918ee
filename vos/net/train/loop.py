"""The training loop, the same for every network: steps, averaged weights, checkpoints, validation, a log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from vos.errors import InvalidInput, VosError
from vos.net.device import autocast, torch_device
from vos.net.models.lite import parameter_groups
from vos.net.train.average import Average
from vos.net.train.checkpoint import Numbers, load_run, save_run, save_weights
from vos.net.train.record import Record
from vos.types import Device

Arrays = Mapping[str, NDArray[np.generic]]
Tensors = Mapping[str, Tensor]
Validate = Callable[[nn.Module], Mapping[str, float]]
FLOOR = 0.01  # of the learning rate, at the end of the cosine


class Batches(Protocol):
    """Makes batches; called in worker processes, so it holds no network."""

    def __call__(self, progress: float, rng: np.random.Generator) -> Arrays:
        """Return the arrays of one batch; progress is 0..1 of the run."""


class Recipe(Protocol):
    """What is special to one network; the loop does the rest."""

    @property
    def module(self) -> nn.Module:
        """The network."""

    @property
    def batches(self) -> Batches:
        """What it learns from."""

    def loss(self, batch: Tensors, rng: np.random.Generator) -> tuple[Tensor, Tensors]:
        """Return the loss, a scalar, and scalars to log; the batch is on the device, autocast is on."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn; minutes of a clock, or steps (repeatable to the bit), end the run.

    Attributes:
        rate: the highest learning rate: warm-up over `warmup` steps, cosine over the run.
        decay: AdamW's weight decay.
        largest_gradient: norm at which gradients are clipped.
        average: what the running average of the weights keeps of itself at a step.
        validations: how often the averaged weights are validated, evenly over the run.

    Raises:
        InvalidInput: a value is out of range, or not exactly one of minutes and steps is given.
    """

    minutes: float = 0
    steps: int = 0
    rate: float = 8e-4
    decay: float = 1e-3
    warmup: int = 200
    largest_gradient: float = 3.0
    average: float = 0.999
    seed: int = 0
    workers: int = 1
    validations: int = 10
    save_minutes: float = 3
    log_steps: int = 50

    def __post_init__(self) -> None:
        if (self.minutes > 0) == (self.steps > 0) or min(self.minutes, self.steps) < 0:
            got = f"{self.minutes:g} minutes and {self.steps} steps"
            raise InvalidInput(f"training lasts a number of minutes or a number of steps; got {got}")
        if not 0 < self.rate <= 1:
            raise InvalidInput(f"the learning rate is {self.rate}; above 0 to 1 is allowed")
        if self.validations < 1:
            raise InvalidInput(f"a run is validated at least once, at its end; got {self.validations}")
        if min(self.seed, self.workers) < 0:
            raise InvalidInput(f"seed and workers are at least 0; got {self.seed} and {self.workers}")

    def progress(self, step: int, minutes: float) -> float:
        """Return how much of the run is over, 0..1, after so many steps and minutes."""
        return min(1.0, step / self.steps if self.steps else minutes / self.minutes)

    def rate_at(self, step: int, progress: float) -> float:
        """Return the learning rate of a step (from 0)."""
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.rate * min(1, (step + 1) / max(self.warmup, 1)) * (FLOOR + (1 - FLOOR) * cosine)


@dataclass(frozen=True)
class Status:
    """Where a run stands after a step; scores are there when the weights have just been validated."""

    step: int
    progress: float
    minutes: float
    loss: float
    scores: Mapping[str, float] = field(default_factory=dict)


def train(
    recipe: Recipe,
    plan: Plan,
    device: Device,
    out: Path,
    validate: Validate | None = None,
    *,
    resume: bool = False,
) -> Generator[Status]:
    """Train, yielding after every step; closing the generator saves the run, to be resumed.

    `out` gets the averaged weights that validated best (without `validate`: the last). Beside it lie the run
    (.run.safetensors), its log (.jsonl) and the log's curve (.png).

    Raises:
        InvalidInput: there is nothing to resume, or it is of another network.
        VosError: the loss is no longer finite.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    run = Run(recipe, plan, device, out, validate)
    if resume:
        run.resume()
    else:
        run.record.keep_until(-1)
    try:
        yield from run.steps()
    except GeneratorExit:
        run.save()
        raise


class Run:
    """A run in progress: the network, its average, the optimizer, the clock, the files."""

    def __init__(self, recipe: Recipe, plan: Plan, device: Device, out: Path, validate: Validate | None):
        self.recipe, self.plan, self.device, self.out, self.validate = recipe, plan, device, out, validate
        self.network = recipe.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.to(torch_device(device)).train()
        self.average = Average(self.network, plan.average)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.network), plan.rate, weight_decay=plan.decay, fused=device.name != "mps"
        )
        self.step = 0
        self.best: float | None = None
        self.record = Record(out.with_suffix(".jsonl"))
        self._earlier_minutes = 0.0
        self._began_s = self._saved_s = time.monotonic()

    @property
    def file(self) -> Path:
        """Where the run is saved."""
        return self.out.with_suffix(".run.safetensors")

    @property
    def minutes(self) -> float:
        """How long the run has lasted, in all its sittings."""
        return self._earlier_minutes + (time.monotonic() - self._began_s) / 60

    @property
    def progress(self) -> float:
        """How much of the run is over, 0..1."""
        return self.plan.progress(self.step, self.minutes)

    def resume(self) -> None:
        """Go on where the saved run stopped; what was logged after that is forgotten."""
        numbers = load_run(self.file, self.network, self.average.module, self.optimizer)
        self.step, self.best, self._earlier_minutes = numbers.step, numbers.best, numbers.minutes
        self.record.keep_until(self.step)

    def save(self) -> None:
        """Write the run, and the picture of its log."""
        numbers = Numbers(self.step, self.minutes, self.best)
        save_run(self.file, numbers, self.network, self.average.module, self.optimizer)
        self.record.draw(self.out.with_suffix(".png"))
        self._saved_s = time.monotonic()

    def steps(self) -> Generator[Status]:
        """Train to the end."""
        logged: list[dict[str, float]] = []
        before = self.progress
        for batch in self._batches():
            if before >= 1:
                break
            logged.append(self._learn(batch, before))
            after = self.progress
            if self.step % self.plan.log_steps == 0 or after >= 1:
                means = {key: float(np.mean([entry[key] for entry in logged])) for key in logged[0]}
                self.record.add(self.step, self.minutes, means)
                logged.clear()
            due = math.floor(after * self.plan.validations) > math.floor(before * self.plan.validations)
            scores = self._check() if due else {}
            if due or time.monotonic() - self._saved_s > self.plan.save_minutes * 60:
                self.save()
            before = after
            yield Status(self.step, after, self.minutes, self._loss, scores)

    def _learn(self, batch: Tensors, progress: float) -> dict[str, float]:
        """Make one step; return its rate, loss and measures."""
        rate = self.plan.rate_at(self.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        on_device = {key: value.to(torch_device(self.device)) for key, value in batch.items()}
        with autocast(self.device):
            loss, measures = self.recipe.loss(
                on_device, np.random.default_rng([self.plan.seed, self.step, 1])
            )
        self._loss = loss.item()
        if not math.isfinite(self._loss):
            raise VosError(f"the loss is {self._loss} at step {self.step}; a lower learning rate may help")
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.largest_gradient)
        self.optimizer.step()
        self.step += 1
        self.average.update(self.network, self.step)
        values = {key: value.item() for key, value in measures.items()}
        return {"rate": rate, "loss": self._loss, "gradient": norm.item(), **values}

    def _check(self) -> Mapping[str, float]:
        """Validate the averaged weights, and keep them where they are the best so far."""
        scores = self.validate(self.average.module) if self.validate else {}
        if scores:
            self.record.add(self.step, self.minutes, scores)
        score = scores.get("score")
        if score is None or self.best is None or score >= self.best:
            self.best = score
            save_weights(self.average.module, self.out)
        return scores

    def _batches(self) -> Iterator[Tensors]:
        """Make batches in worker processes; batch n depends on the seed, n, and the progress alone."""
        tickets = ((step, self.plan.progress(step, self.minutes)) for step in count(self.step))
        return iter(
            DataLoader(
                _Made(self.recipe.batches, self.plan.seed),
                batch_size=None,
                sampler=tickets,
                num_workers=self.plan.workers,
                prefetch_factor=4 if self.plan.workers else None,
                worker_init_fn=_calm,
            )
        )


class _Made(Dataset[Arrays]):
    """Batches by ticket: (step, progress)."""

    def __init__(self, batches: Batches, seed: int):
        self.batches, self.seed = batches, seed

    def __getitem__(self, ticket: tuple[int, float]) -> Arrays:
        step, progress = ticket
        return self.batches(progress, np.random.default_rng([self.seed, step, 0]))


def _calm(worker: int) -> None:
    cv2.setNumThreads(0)  # one process, one core: the training has the others
