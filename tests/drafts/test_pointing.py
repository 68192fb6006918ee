"""Clicks and boxes on a draft: what the picker is told, what becomes of its answer, undo."""

import numpy as np
import pytest

from vos.drafts import Clicks, Draft
from vos.drafts.pointing import Pointer
from vos.errors import InvalidInput
from vos.types import Point

SIZE = (48, 64)
FRAME = np.zeros((*SIZE, 3), np.uint8)


class Disks:
    """A picker whose objects are disks around the clicks, in a box the box, added to the mask before."""

    def __init__(self):
        self.previous = []

    def see(self, frame):
        """Do nothing."""

    def pick(self, frame, points, box=None, previous=None):
        """Return .9 on disks and boxes, .4 elsewhere, 0 around clicks that take away."""
        self.previous.append(None if previous is None else previous.copy())
        prob = np.full(frame.shape[:2], 0.4, np.float32)
        if previous is not None:
            prob = np.where(previous > 0.5, np.float32(0.9), prob)
        if box:
            x1, y1, x2, y2 = (int(v) for v in box)
            prob[y1:y2, x1:x2] = 0.9 if x2 > x1 else 0.4
        rows, columns = np.ogrid[: prob.shape[0], : prob.shape[1]]
        for point in points:
            prob[np.hypot(rows - point.y, columns - point.x) < 6] = 0.9 if point.positive else 0.1
        return prob


@pytest.fixture
def draft():
    return Draft("token", "clip.mp4", "d" * 64, "A clip", SIZE)


@pytest.fixture
def picker():
    return Disks()


@pytest.fixture
def pointer(picker):
    return Pointer(picker)


def test_clicks_add_and_take_away_and_each_is_one_step(draft, pointer):
    pointer.click(draft, 3, 1, Point(20, 20), FRAME)
    pointer.click(draft, 3, 1, Point(40, 20), FRAME)
    both = draft.mask(3)
    pointer.click(draft, 3, 1, Point(20, 20, positive=False), FRAME)
    less = draft.mask(3)
    assert (both[20, 20], both[20, 40]) == (1, 1)
    assert (less[20, 20], less[20, 40]) == (0, 1)
    assert len(draft.done) == 3
    draft.undo()
    assert np.array_equal(draft.mask(3), both)
    assert draft.clicks(3, 1).points == (Point(20, 20), Point(40, 20))


def test_the_picker_sees_its_own_probabilities_until_something_else_changes_the_mask(draft, pointer, picker):
    pointer.click(draft, 0, 1, Point(20, 20), FRAME)
    pointer.click(draft, 0, 1, Point(40, 20), FRAME)
    painted = draft.mask(0)
    painted[40:, :10] = 1
    draft.set_mask(0, painted)
    pointer.click(draft, 0, 1, Point(20, 30), FRAME)
    draft.undo()
    draft.undo()
    pointer.click(draft, 0, 1, Point(20, 30), FRAME)
    first, second, third, fourth = picker.previous
    assert first is None
    assert set(np.unique(second)) == {np.float32(0.4), np.float32(0.9)}
    assert np.array_equal(third, painted == 1)
    assert set(np.unique(fourth)) == {np.float32(0.4), np.float32(0.9)}  # of the state that undo led back to


def test_other_objects_keep_their_pixels(draft, pointer):
    other = np.zeros(SIZE, np.uint8)
    other[:, :20] = 2
    draft.set_mask(0, other)
    pointer.click(draft, 0, 1, Point(20, 20), FRAME)
    mask = draft.mask(0)
    assert np.array_equal(mask == 2, other == 2)
    assert (mask[20, 19], mask[20, 20]) == (2, 1)


def test_a_box_begins_the_object_anew(draft, pointer):
    pointer.click(draft, 0, 1, Point(5, 5), FRAME)
    pointer.box(draft, 0, 1, (30, 10, 50, 40), FRAME)
    assert (draft.mask(0) == 1).sum() == 20 * 30
    assert draft.clicks(0, 1) == Clicks((), (30, 10, 50, 40))
    pointer.click(draft, 0, 1, Point(20, 20), FRAME)
    assert draft.clicks(0, 1) == Clicks((Point(20, 20),), (30, 10, 50, 40))


def test_a_box_in_which_nothing_is_changes_nothing(draft, pointer):
    with pytest.raises(InvalidInput, match="nothing is found in the box"):
        pointer.box(draft, 0, 1, (9, 9, 9, 9), FRAME)
    assert not draft.done
