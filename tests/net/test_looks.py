import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.net.clips import iou, squares
from vos.net.engines import memory as engine
from vos.net.frames import to_image
from vos.net.looks import GAIN, HEARD, LOSS, NEAR, Looks
from vos.net.models.blocks import ready
from vos.net.models.memory import MemoryNetwork
from vos.net.propagation import Propagation
from vos.types import Device
from vos.video import sample
from vos.weights import locate

SIZE_HW = 144, 208


@pytest.fixture(scope="module")
def net():
    network = MemoryNetwork()
    network.load_state_dict(load_file(locate(engine.WEIGHTS[0])))
    return ready(network, Device())


@pytest.fixture(scope="module")
def scene(net):
    """A red square of 64 pixels, its image, features and probabilities (1, h, w)."""
    clip, masks = squares((1,), count=1, size_hw=SIZE_HW, side=64)
    image = to_image(clip.frames[0], SIZE_HW)
    prob = torch.from_numpy(masks[0] == 1).float()[None]
    with torch.inference_mode():
        return image, net.encode(image), prob


def shrunk(prob):
    return prob[:, ::2, ::2] > 0.5


@torch.inference_mode()
def test_a_half_that_the_network_misses_comes_back_and_what_it_takes_along_goes(scene):
    image, features, prob = scene
    looks = Looks.learn(features, image, prob)
    assert looks.agreement > 0.9
    inside = shrunk(prob)
    logits = torch.where(inside, 2.0, -6.0)
    logits[:, 24:40, 8:40] = torch.where(inside[:, 24:40, 8:40], -0.5, -6.0)  # its lower half is missed,
    logits[:, 8:16, 40:48] = 2.0  # and 8 x 8 of the background are taken along
    before = iou(logits.numpy() > 0, inside.numpy())
    looks.adjust(features, image, logits)
    assert before < 0.55
    assert iou(logits.numpy() > 0, inside.numpy()) > 0.9


@torch.inference_mode()
def test_what_has_not_agreed_with_the_network_is_not_heard(scene):
    image, features, prob = scene
    looks = Looks.learn(features, image, prob)
    looks.agreement = HEARD[0] - 0.2
    logits = torch.where(shrunk(prob), 2.0, -2.0)
    kept = logits.clone()
    looks.adjust(features, image, logits)
    assert torch.equal(logits, kept)
    assert (
        HEARD[0] - 0.2 < looks.agreement < HEARD[0] - 0.15
    )  # a twentieth of the way to an overlap of nearly 1


@torch.inference_mode()
def test_nothing_far_from_the_object_changes_and_nothing_by_more_than_it_may(scene):
    image, features, prob = scene
    looks = Looks.learn(features, image, prob)
    logits = torch.where(shrunk(prob), 2.0, -20.0)
    kept = logits.clone()
    looks.adjust(features, image, logits)
    last = 16 + 64 + 4 * (NEAR + 2)  # pixels: the object's edge, and what is near
    assert torch.equal(logits[:, :, last // 2 :], kept[:, :, last // 2 :])
    change = logits - kept
    assert -LOSS <= change.min() < 0 < change.max() <= GAIN
    assert iou((logits > 0).numpy(), shrunk(prob).numpy()) > 0.9


@torch.inference_mode()
def test_an_object_of_a_few_pixels_teaches_nothing(scene):
    image, features, _ = scene
    prob = torch.zeros(1, *SIZE_HW)
    prob[:, 16:24, 16:24] = 1
    assert Looks.learn(features, image, prob) is None


def test_the_fish_of_the_sample_is_followed_behind_the_kelp(net):
    pairs = [pair for index, pair in enumerate(sample.frames()) if index % 3 == 0]
    tracker = Propagation(net, (384, 688), 1)
    overlaps = []
    for index, (frame, truth) in enumerate(pairs):
        mask = tracker.step(frame, truth if index == 0 else None).mask
        overlaps.append(iou(mask == 1, truth == 1))
    assert np.mean(overlaps[1:]) > 0.902  # without looks 0.897,
    assert min(overlaps) > 0.64  # and 0.59
