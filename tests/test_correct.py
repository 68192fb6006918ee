"""Corrections: what stays is the same bit for bit, what is said is exact, others' masks are left alone."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from vos.correct import Change, apply_change, blend_masks, find_changes, merge, propagate_change
from vos.types import Prediction, Prompt
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import open_clip
from vos.video.write import VideoWriter

SIZE, COUNT = (64, 96), 10


def box(*places, value=1):
    mask = np.zeros(SIZE, np.uint8)
    for n, (top, left) in enumerate(places):
        mask[top : top + 16, left : left + 16] = value + n
    return mask


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Frame t is grey, 20 t bright: a segmenter can tell which it sees."""
    path = tmp_path_factory.mktemp("clip") / "grey.mp4"
    with VideoWriter(path, SIZE, fps=Fraction(25)) as film:
        for index in range(COUNT):
            film.add(np.full((*SIZE, 3), 20 * index, np.uint8), index * 3600)
    return open_clip(path)


@pytest.fixture
def masks(tmp_path):
    """Object 1 rests at the left, object 2 at the right, on all frames."""
    path = tmp_path / "masks"
    with MaskWriter(path) as writer:
        for _ in range(COUNT):
            writer.add(box((8, 8), (8, 60)))
    return path


class Repeater:
    """Gives the newest prompt's objects back on every frame, and notes which frames it was shown."""

    def __init__(self):
        self.seen = []

    def segment(self, clip, prompts) -> Iterator[Prediction]:
        said = {prompt.frame: prompt.mask for prompt in prompts}
        mask = np.zeros(SIZE, np.uint8)
        for index, frame in enumerate(clip):
            self.seen.append(round(float(frame.mean()) / 20))
            mask = said.get(index, mask)
            yield Prediction(mask, 0.75)


FIRST = Prompt(0, box((8, 8), (8, 60)))


def read(path):
    with MaskReader(path) as reader:
        return list(reader)


def test_only_what_a_prompt_says_otherwise_is_a_change(masks):
    moved = Prompt(4, box((30, 8), (8, 60)))
    with MaskReader(masks) as stored:
        assert find_changes(stored, (FIRST,), 0, COUNT - 1) == ()
        assert find_changes(stored, (FIRST, moved), 0, COUNT - 1) == (Change(4, (1,), COUNT - 1),)
        again = Prompt(7, box((8, 8)))
        assert find_changes(stored, (FIRST, moved, again), 0, COUNT - 1)[0] == Change(4, (1,), 6)


def test_blending_reaches_back_to_the_prompt_before_that_names_the_object(masks):
    prompts = (FIRST, Prompt(3, box((8, 60), value=2)), Prompt(7, box((30, 8), (30, 60))))
    with MaskReader(masks) as stored:
        plain = find_changes(stored, prompts, 0, COUNT - 1)
        blended = find_changes(stored, prompts, 0, COUNT - 1, blend=True)
    assert plain == (Change(7, (1, 2), 9),)
    assert blended == (*plain, Change(7, (1,), 1, blend=True), Change(7, (2,), 4, blend=True))
    assert [blended[2].weight(frame) for frame in (7, 6, 5, 4)] == [1, 0.75, 0.5, 0.25]
    gone = (FIRST, Prompt(3, np.zeros(SIZE, np.uint8), (1,)), Prompt(7, box((30, 8))))
    with MaskReader(masks) as stored:
        assert not any(change.blend for change in find_changes(stored, gone, 0, COUNT - 1, blend=True))


def test_frames_between_two_prompts_are_blended_from_both_sides(clip, masks):
    before = read(masks)
    moved = Prompt(6, box((8, 20), (8, 60)))  # object 1 is 12 pixels further to the right
    change = Change(6, (1,), 1, blend=True)
    list(apply_change(clip, Repeater(), (FIRST, moved), change, masks, [0.5] * COUNT))
    after = read(masks)
    left = [int(np.flatnonzero((mask == 1).any(0))[0]) for mask in after]
    assert (left[0], left[6], left[7:]) == (8, 20, [8] * 3)
    assert left[:7] == sorted(left[:7])
    assert abs(left[3] - 14) <= 1  # half way, half of the way
    assert all(np.array_equal(a == 2, b == 2) for a, b in zip(before, after, strict=True))


def test_what_one_side_lacks_comes_from_the_weightier():
    here, there = box((8, 8)), np.zeros(SIZE, np.uint8)
    assert np.array_equal(blend_masks(here, there, (1,), 0.4), here)
    assert not blend_masks(here, there, (1,), 0.6).any()


def test_an_object_that_is_new_is_propagated_both_ways(masks):
    added = Prompt(4, box((30, 30), value=3))
    with MaskReader(masks) as stored:
        changes = find_changes(stored, (FIRST, added), 0, COUNT - 1)
    assert changes == (Change(4, (3,), COUNT - 1), Change(4, (3,), 0))


def test_a_correction_changes_its_object_from_its_frame_on_and_nothing_else(clip, masks):
    before, sure = read(masks), [0.5] * COUNT
    moved = Prompt(4, box((30, 8), (8, 60)))
    change = Change(4, (1,), COUNT - 1)
    engine = Repeater()
    came = list(apply_change(clip, engine, (FIRST, moved), change, masks, sure))
    after = read(masks)
    assert [item.index for item in came] == list(range(4, COUNT))
    assert engine.seen == [0, *range(4, COUNT)]  # the earlier prompt, then what can change
    for index in range(COUNT):
        assert np.array_equal(after[index] == 2, before[index] == 2)
        assert np.array_equal(after[index] == 1, box((30, 8)) == 1) == (index >= 4)
    assert all(np.array_equal(a, b) for a, b in zip(after[:4], before[:4], strict=True))
    assert sure == [0.5] * 4 + [0.75] * 6


def test_what_is_propagated_backwards_comes_in_the_order_of_the_clip(clip, masks):
    added = Prompt(4, box((8, 8), (8, 60), (40, 40)))
    engine, sure = Repeater(), [0.5] * COUNT
    list(apply_change(clip, engine, (FIRST, added), Change(4, (3,), 0), masks, sure))
    assert engine.seen == [0, 4, 3, 2, 1, 0]
    assert [bool((mask == 3).any()) for mask in read(masks)] == [True] * 5 + [False] * 5


def test_the_nearest_prompt_is_shown_to_the_engine_last(clip):
    prompts = [Prompt(frame, box((8, 8))) for frame in (0, 3, 9, 5)]
    engine = Repeater()
    list(propagate_change(clip, engine, prompts, Change(5, (1,), 6)))
    assert engine.seen == [0, 9, 3, 5, 6]


def test_a_break_off_leaves_the_masks_as_they_were(clip, masks):
    before = masks.read_bytes()
    steps = apply_change(
        clip, Repeater(), (FIRST, Prompt(4, box((30, 8)))), Change(4, (1,), 9), masks, [0.5] * COUNT
    )
    next(steps)
    steps.close()
    assert masks.read_bytes() == before
    assert [path.name for path in masks.parent.iterdir()] == ["masks"]


def test_a_merged_object_takes_no_pixels_of_others():
    stored, answer = box((8, 8), (8, 60)), box((8, 50))
    mask = merge(stored, answer, (1,))
    assert np.array_equal(mask == 2, stored == 2)
    assert np.array_equal(mask == 1, (answer == 1) & (stored != 2))
