"""Which device is chosen, and what is said about one that is not there."""

import pytest
import torch

from vos.errors import InvalidInput
from vos.net import device
from vos.types import Device


@pytest.fixture
def only_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_best_device_present_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert device.choose() == Device("cuda", "bfloat16")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert device.choose() == Device("cuda", "float32")


@pytest.mark.parametrize(("rounded_s", "precision"), [(0.5, "bfloat16"), (0.9, "float32"), (2, "float32")])
def test_the_cpu_computes_with_bfloat16_where_that_is_much_faster(
    only_cpu, monkeypatch, rounded_s, precision
):
    times = {torch.float32: 1.0, torch.bfloat16: rounded_s}
    monkeypatch.setattr(device, "_convolution_s", times.__getitem__)
    assert device.choose() == Device("cpu", precision)


def test_what_is_asked_for_is_given(only_cpu):
    assert device.choose("cpu", "bfloat16") == Device("cpu", "bfloat16")
    assert device.dtype(Device("cpu", "bfloat16")) == torch.bfloat16
    assert device.torch_device(Device("cpu")) == torch.device("cpu")


def test_a_device_that_is_absent_is_refused(only_cpu):
    with pytest.raises(InvalidInput, match="this machine has no cuda device; it has: cpu"):
        device.choose("cuda")


def test_unknown_names_are_refused():
    with pytest.raises(InvalidInput, match="no device is called 'tpu'"):
        device.choose("tpu")
    with pytest.raises(InvalidInput, match="no precision is called 'int8'"):
        device.choose("cpu", "int8")


def test_training_computes_at_the_precision():
    x = torch.ones(2, 2)
    with device.autocast(Device("cpu", "bfloat16")):
        assert (x @ x).dtype == torch.bfloat16
    with device.autocast(Device("cpu")):
        assert (x @ x).dtype == torch.float32
