import json
import math
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from vos.errors import InvalidInput, VosError
from vos.net.models.lite import Lite
from vos.net.train.average import Average
from vos.net.train.checkpoint import load_weights, save_weights
from vos.net.train.loop import Plan, train
from vos.types import Device

CPU = Device()


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.conv = nn.Conv2d(1, 2, 3)
            self.norm = nn.BatchNorm2d(2)

    def forward(self, x):
        return self.norm(self.conv(x)).mean((2, 3))


class Pretrained(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.trunk = Lite()
            self.head = nn.Linear(112, 1)

    def forward(self, x):
        return self.head(self.trunk(x.repeat(1, 3, 4, 4))[-1].mean((2, 3)))


def numbers(progress, rng):
    return {"x": rng.normal(size=(4, 1, 5, 5)).astype(np.float32), "progress": np.float32(progress)}


@dataclass
class Squares:
    """Learn to give 1; `nan_at` is the progress from which the loss is not a number."""

    module: nn.Module
    nan_at: float = 2.0
    batches = staticmethod(numbers)

    def loss(self, batch, rng):
        scale = math.nan if batch["progress"] >= self.nan_at else 1
        error = (self.module(batch["x"]) - 1 + 0.1 * rng.normal()).square().mean() * scale
        return error, {"error": error.detach()}


def run(out, steps=None, *, resume=False, total=8, validate=None, recipe=None):
    plan = Plan(steps=total, workers=0, warmup=3, log_steps=2, validations=2)
    done = []
    with closing(train(recipe or Squares(Tiny()), plan, CPU, out, validate, resume=resume)) as statuses:
        for status in statuses:
            done.append(status)
            if status.step == steps:
                break
    return done


@pytest.mark.parametrize("network", [Tiny, Pretrained])
def test_a_resumed_run_goes_on_exactly_as_an_uninterrupted_one(tmp_path, network):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    run(whole, recipe=Squares(network()))
    first = run(parts, 3, recipe=Squares(network()))
    second = run(parts, resume=True, recipe=Squares(network()))
    assert [status.step for status in first + second] == list(range(1, 9))
    for name in ("whole", "parts"):
        assert (tmp_path / f"{name}.png").read_bytes()[1:4] == b"PNG"
    for a, b in (
        (whole, parts),
        (whole.with_suffix(".run.safetensors"), parts.with_suffix(".run.safetensors")),
    ):
        one, other = load_file(a), load_file(b)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_pretrained_trunk_learns_slowly_and_its_beginning_not_at_all(tmp_path):
    network = Pretrained()
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    run(tmp_path / "a.safetensors", 1, recipe=Squares(network))
    moved = {name: float((p.detach() - before[name]).abs().max()) for name, p in network.named_parameters()}
    assert moved["trunk.stages.4.2.project.bias"] == pytest.approx(0.1 * moved["head.bias"], rel=0.01)
    assert moved["trunk.stages.2.1.project.weight"] == moved["trunk.stem.weight"] == 0


def test_the_log_of_a_resumed_run_has_every_step_once(tmp_path):
    out = tmp_path / "a.safetensors"
    run(out, 4)
    with out.with_suffix(".jsonl").open("a") as log:
        log.write('{"step": 6, "loss": 1}\n')  # logged after the last save, then the power went
    run(out, resume=True)
    steps = [json.loads(line)["step"] for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6, 8]


def test_the_best_validated_weights_are_kept(tmp_path):
    out, scores, seen = tmp_path / "a.safetensors", iter([0.9, 0.2]), []

    def validate(network):
        seen.append({key: value.clone() for key, value in network.state_dict().items()})
        return {"score": next(scores)}

    done = run(out, validate=validate)
    assert [(s.step, s.scores["score"]) for s in done if s.scores] == [(4, 0.9), (8, 0.2)]
    kept = load_file(out)
    assert all(torch.equal(kept[key], seen[0][key]) for key in kept)


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_saved_one(tmp_path):
    out = tmp_path / "a.safetensors"
    with pytest.raises(VosError, match="the loss is nan at step 4"):
        run(out, recipe=Squares(Tiny(), nan_at=0.5))
    assert load_file(out.with_suffix(".run.safetensors"))["optimizer.step.conv.bias"] == 4


def test_the_average_follows_its_formula():
    network = Tiny()
    average = Average(network, 0.3)
    expected = network.conv.weight.detach().clone()
    for step in (1, 2, 3):
        with torch.no_grad():
            network.conv.weight += step
        keep = min(0.3, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * network.conv.weight.detach()
        average.update(network, step)
    assert torch.allclose(average.module.conv.weight, expected)
    assert not torch.allclose(average.module.conv.weight, network.conv.weight)


def test_the_rate_warms_up_and_falls_like_a_cosine():
    plan = Plan(steps=1000, rate=1.0, warmup=10)
    assert plan.rate_at(0, 0) == pytest.approx(0.1)
    assert plan.rate_at(9, 0) == pytest.approx(1)
    assert plan.rate_at(500, 0.5) == pytest.approx(0.505)
    assert plan.rate_at(999, 1) == pytest.approx(0.01)


def test_minutes_end_a_run_by_the_clock():
    plan = Plan(minutes=2)
    assert [plan.progress(10, minutes) for minutes in (0, 1, 2, 3)] == [0, 0.5, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"minutes": 1, "steps": 1}, {"steps": -1}, {"steps": 1, "rate": 0}, {"steps": 1, "validations": 0}],
)
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidInput):
        Plan(**wrong)


def test_weights_of_another_network_and_files_that_are_none_are_refused(tmp_path):
    save_weights(nn.Linear(2, 2), tmp_path / "a.safetensors")
    with pytest.raises(InvalidInput, match="another network than Tiny"):
        load_weights(Tiny(), tmp_path / "a.safetensors")
    with pytest.raises(InvalidInput, match="missing or not"):
        load_weights(Tiny(), tmp_path / "b.safetensors")
    (tmp_path / "a.run.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes())
    with pytest.raises(InvalidInput, match="not a training run"):
        run(tmp_path / "a.safetensors", resume=True)
