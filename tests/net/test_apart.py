import pytest
import torch

from vos.net.apart import cues_of, values_of
from vos.net.models.blocks import fold
from vos.net.models.memory import MemoryNetwork

HEIGHT, WIDTH = 256, 448  # 16 x 28 places


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    network = MemoryNetwork().eval()
    fold(network)
    return network


def masks(count):
    """Small objects far apart, one of them at the frame's edge."""
    prob = torch.zeros(count, 1, HEIGHT, WIDTH)
    for i in range(count):
        y, x = (i // 4) * 120, (i % 4) * 130
        prob[i, 0, y : y + 30, x : x + 25] = 0.9
    return prob


def seen(net):
    torch.manual_seed(1)
    return net.encode(torch.randn(1, 3, HEIGHT, WIDTH))


@torch.inference_mode()
def test_codes_of_objects_far_apart_are_those_of_whole_frames(net):
    prob = masks(8)
    nothing = net.cues(prob[:1] * 0).code
    for one, other in zip(cues_of(net, prob, nothing), net.cues(prob), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@torch.inference_mode()
def test_values_where_objects_are_are_those_of_whole_frames_and_nearly_so_elsewhere(net):
    prob, features = masks(8), seen(net)
    cues, nothing = net.cues(prob), net.cues(prob[:1] * 0).code
    windows, whole = values_of(net, features, cues, nothing), net.value(features, cues)
    there = cues.s16.flatten(1) > 0
    assert torch.allclose(windows[there], whole[there], atol=1e-3)
    assert float((windows - whole).norm() / whole.norm()) < 0.05


@torch.inference_mode()
def test_one_object_or_large_ones_are_computed_whole(net):
    for prob in (masks(1), torch.full((2, 1, HEIGHT, WIDTH), 0.9)):
        cues, features = net.cues(prob), seen(net)
        nothing = net.cues(prob[:1] * 0).code
        assert torch.equal(cues_of(net, prob, nothing).code, cues.code)
        assert torch.equal(values_of(net, features, cues, nothing), net.value(features, cues))
