"""What every picker must do, whichever it is."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vos import plugins
from vos.benchmark.overlap import jaccard
from vos.errors import InvalidInput
from vos.net.next_click import next_click
from vos.prompts import clicks
from vos.types import Device, Point
from vos.video.sample import frames

PICKERS = plugins.names(plugins.PICKERS)


@pytest.fixture(scope="module", params=PICKERS)
def picker(request):
    return clicks.build(request.param, Device())


@pytest.fixture(scope="module")
def scene():
    frame, mask = next(frames(1, (240, 426)))
    return frame, mask == 1


def middle(truth):
    x, y, _ = next_click(np.zeros_like(truth), truth)
    return Point(x, y)


@pytest.mark.parametrize("name", PICKERS)
def test_a_picker_says_what_it_is(name):
    module = plugins.load(plugins.PICKERS, name)
    assert module.TITLE
    assert module.SUMMARY.endswith(".")
    assert all(weight.name.endswith(".safetensors") and weight.licence for weight in module.WEIGHTS)


def test_one_click_on_the_fish_of_the_sample_gives_its_mask(picker):
    for index, (frame, mask) in enumerate(frames(16)):
        if index % 15 == 0:
            prob = picker.pick(frame, [middle(mask == 1)])
            assert prob.shape == mask.shape
            assert prob.dtype == np.float32
            assert 0 <= prob.min() <= prob.max() <= 1
            assert jaccard(mask == 1, prob > 0.5) > 0.8


def test_a_box_alone_gives_the_mask_whatever_corner_comes_first(picker, scene):
    frame, truth = scene
    rows, columns = np.nonzero(truth)
    x1, y1, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    prob = picker.pick(frame, [], (x1, y1, x2, y2))
    assert jaccard(truth, prob > 0.5) > 0.8
    assert np.array_equal(picker.pick(frame, [], (x2, y2, x1, y1)), prob)


def test_a_click_beside_takes_away_and_one_on_the_object_adds(picker, scene):
    frame, truth = scene
    first = picker.pick(frame, [middle(truth)])
    column = int(np.median(np.nonzero(truth)[1]))
    wide, narrow = first.copy(), first.copy()
    wide[20:90, 20:120] = 1  # what is not the fish
    narrow[:, column:] = 0  # half of the fish
    less = picker.pick(frame, [middle(truth), Point(70, 55, False)], None, wide)
    assert np.count_nonzero(less[20:90, 20:120] > 0.5) < 0.1 * 70 * 100
    missing = truth.copy()
    missing[:, :column] = False
    more = picker.pick(frame, [middle(truth), middle(missing)], None, narrow)
    assert np.count_nonzero((more > 0.5) & missing) > 0.7 * np.count_nonzero(missing)


def test_a_mask_that_was_drawn_is_taken_as_bool_numbers_or_probabilities(picker, scene):
    frame, truth = scene
    drawn = truth.copy()
    drawn[:, : int(np.median(np.nonzero(truth)[1]))] = False
    kinds = [picker.pick(frame, [], None, drawn.astype(kind)) for kind in (bool, np.uint8, np.float32)]
    assert np.array_equal(kinds[0], kinds[1])
    assert np.array_equal(kinds[0], kinds[2])


def test_what_was_seen_before_changes_nothing_and_no_argument_is_changed(picker, scene):
    frame, truth = scene
    point, other = middle(truth), np.ascontiguousarray(frame[:, ::-1])
    before, previous = frame.copy(), truth.astype(np.float32)
    one = picker.pick(frame, [point], None, previous)
    for seen in (other, other[:100], frame[::-1]):
        picker.see(seen)
        picker.pick(seen, [Point(5, 5)])
    assert np.array_equal(picker.pick(frame.copy(), [point], None, previous), one)
    assert np.array_equal(frame, before)
    assert np.array_equal(previous, truth)


def test_several_threads_may_pick_at_once(picker, scene):
    frame, truth = scene
    pictures = [frame, frame[:, ::-1].copy(), frame[::-1].copy()]
    points = [[middle(t)] for t in (truth, truth[:, ::-1], truth[::-1])]
    alone = [picker.pick(*pair) for pair in zip(pictures, points, strict=True)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(picker.pick, pictures * 2, points * 2))
    assert all(np.array_equal(a, b) for a, b in zip(alone * 2, together, strict=True))


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 200), (33, 47)])
def test_frames_of_any_size_get_a_mask_of_that_size(picker, size_hw):
    frame = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    prob = picker.pick(frame, [Point(size_hw[1] - 1, size_hw[0] - 1)])
    assert prob.shape == size_hw
    assert np.isfinite(prob).all()


def test_what_cannot_be_right_is_refused(picker, scene):
    frame = scene[0]
    with pytest.raises(InvalidInput, match="nothing says where the object is"):
        picker.pick(frame, [])
    with pytest.raises(InvalidInput, match="nothing says where the object is"):
        picker.pick(frame, [Point(3, 3, False)], None, np.zeros(frame.shape[:2], bool))
    with pytest.raises(InvalidInput, match=r"click at 426,3 is outside the frame of 426x240"):
        picker.pick(frame, [Point(426, 3)])
    with pytest.raises(InvalidInput, match="covers nothing of the frame"):
        picker.pick(frame, [], (430, 10, 500, 50))
    with pytest.raises(InvalidInput, match=r"the mask before is 240x426, the frame 426x240"):
        picker.pick(frame, [Point(3, 3)], None, np.zeros((426, 240), bool))


def test_a_click_is_obeyed_at_its_place_even_if_it_makes_no_sense(picker, scene):
    frame, truth = scene
    inside, corner = middle(truth), Point(2, 3)
    prob = picker.pick(frame, [inside, Point(inside.x + 9, inside.y, False), corner], None, truth)
    assert prob[int(inside.y), int(inside.x)] > 0.5
    assert prob[int(inside.y), int(inside.x) + 9] <= 0.5
    assert prob[3, 2] > 0.5
