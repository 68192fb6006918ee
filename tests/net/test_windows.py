"""The tracker on a window of each frame: what is near the objects."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.net.clips import iou, squares
from vos.net.engines import memory as engine
from vos.net.models.blocks import ready
from vos.net.models.memory import MemoryNetwork
from vos.net.propagation import AREA, CONTEXT, MARGIN, Propagation
from vos.net.windows import SIDE, Window, enclose_groups
from vos.types import Device
from vos.weights import locate

SIZE_HW = 256, 384  # 16 x 24 places


@pytest.fixture(scope="module")
def net() -> MemoryNetwork:
    network = MemoryNetwork()
    network.load_state_dict(load_file(locate(engine.WEIGHTS[0])))
    return ready(network, Device())


def test_the_prior_of_windows_is_that_of_their_places_in_the_frame(net):
    now, before = Window((2, 6), (3, 8), (9, 11)), Window((1, 9), (0, 4), (9, 11))
    query, key = net.prior(9, 11)
    table = now.places(query) @ before.places(key).T
    whole = (query @ key.T).view(9, 11, 9, 11)
    assert torch.allclose(table, whole[2:6, 3:8, 1:9, 0:4].flatten(2).flatten(0, 1), atol=1e-5)


def test_the_window_near_objects_holds_them_all_with_room_around(net):
    tracker = Propagation(net, SIZE_HW)
    one, two = torch.zeros(1, 1, 128, 192), torch.zeros(2, 1, 256, 384)
    one[..., 40:44, 60:70] = 0.9  # places 5, and 7 to 8
    two[1, 0, 100, 150] = 0.2  # place 6, 9
    two[0, 0, 250, 380] = 0.05  # too little
    window = tracker.enclose_likely(one, two)
    for (low, high), (first, end), side in ((5, 6), window.rows, 16), ((7, 9), window.columns, 24):
        assert 0 <= first <= low - MARGIN
        assert high + MARGIN < end <= side
        assert (end - first) % AREA == 0
    assert tracker.enclose_likely(torch.ones(1, 1, *SIZE_HW)) == tracker.whole


def test_an_object_is_followed_through_windows_as_through_whole_frames(net):
    clip, masks = squares((4,), count=5, size_hw=SIZE_HW, side=48)
    whole, part = Propagation(net, SIZE_HW), Propagation(net, SIZE_HW)
    for index, frame in enumerate(clip):
        prompt = masks[0] if index == 0 else None
        expected = whole.step(frame, prompt)
        window = part.enclose_likely(part.prob)
        got = part.step(frame, prompt, (), window)
        if index == 0:
            assert part.window == part.whole  # a prompted frame is seen whole
            continue
        rows, columns = window.slices(1)
        assert frame[rows, columns].size < 0.6 * frame.size
        outside = part.prob.clone()
        outside[..., rows, columns] = 0
        assert not outside.any()
        assert iou(got.mask > 0, masks[index] > 0) > 0.8
        assert iou(got.mask > 0, expected.mask > 0) > 0.9


def test_a_window_away_from_the_object_shows_nothing_and_it_is_found_again(net):
    clip, masks = squares((1,), count=4, size_hw=SIZE_HW, side=48)
    tracker = Propagation(net, SIZE_HW)
    tracker.step(clip.frames[0], masks[0])
    away = tracker.step(clip.frames[1], None, (), Window((8, 16), (16, 24), (16, 24)))
    assert not away.mask.any()
    assert tracker.enclose_likely(tracker.prob).rows[0] == 0  # nothing anywhere: some window
    found = tracker.step(clip.frames[2])
    assert iou(found.mask > 0, masks[2] > 0) > 0.8
    assert np.isfinite(found.confidence)


def test_places_read_the_memory_as_they_do_when_all_are_looked_at(net):
    clip, masks = squares((1,), count=2, size_hw=SIZE_HW, side=48)
    tracker = Propagation(net, SIZE_HW)
    tracker.step(clip.frames[0], masks[0])
    memory, prior = tracker.groups[0].memory, (tracker.prior[0], tracker.prior[1])
    with torch.inference_mode():
        features = tracker._encode(clip.frames[1], tracker.whole)
        affinity, row_of, [(_, fine)] = tracker._look(features, memory, prior, tracker.cues)
        whole = net.affinity(features.key, memory.key, prior)[0]
    assert len(affinity) < 0.7 * len(whole)
    wide = fine.wider(CONTEXT)
    rows = torch.from_numpy(row_of[wide.slices(16)].ravel())
    assert torch.allclose(affinity[rows], wide.places(whole), atol=1e-5)


@pytest.mark.parametrize("shift", [96, 160])
def test_an_object_that_jumps_further_than_it_is_searched_for_closely_is_found(net, shift):
    clip, masks = squares((1,), count=1, size_hw=SIZE_HW, side=48)
    jumped = np.roll(clip.frames[0], shift, 1)
    tracker = Propagation(net, SIZE_HW)
    tracker.step(clip.frames[0], masks[0])
    assert iou(tracker.step(jumped).mask > 0, np.roll(masks[0], shift, 1) > 0) > 0.8


@pytest.mark.parametrize("size_hw", [(24, 43), (6, 40), (2, 3)])
def test_windows_have_few_sizes_and_keep_what_they_are_around(size_hw):
    rng = np.random.default_rng(0)
    for _ in range(50):
        ends = [sorted(rng.choice(side + 1, 2, replace=False)) for side in size_hw]
        window = Window(*((int(first), int(end)) for first, end in ends), size_hw)
        wider = window.wider(2)
        for (first, end), (low, high), side in zip(
            (window.rows, window.columns), (wider.rows, wider.columns), size_hw, strict=True
        ):
            assert 0 <= low <= max(0, first - 2) <= min(end + 2, side) <= high <= side
            assert (high - low) % SIDE == 0 or high - low == side


def test_groups_of_places_far_apart_have_windows_of_their_own():
    places = np.zeros((24, 43), bool)
    places[3:5, 2:6] = places[20, 38] = True
    expected = [Window((2, 6), (0, 8), (24, 43)), Window((19, 23), (37, 41), (24, 43))]
    assert enclose_groups(places, 1) == expected


def test_groups_have_one_window_where_that_is_less():
    places = np.zeros((24, 43), bool)
    places[3:5, 2:6] = places[3:5, 10:14] = True
    assert enclose_groups(places, 1) == [Window((2, 6), (0, 16), (24, 43))]
    assert enclose_groups(np.zeros((24, 43), bool), 1) == [Window((0, 4), (0, 4), (24, 43))]
