"""Small changes of one object's shape: exact pixels, other objects untouched."""

import functools

import numpy as np

from vos.drafts import Draft, retouch

SIZE = (200, 300)


def draft_with_ring():
    draft = Draft("token", "clip.mp4", "d" * 64, "A clip", SIZE)
    mask = np.zeros(SIZE, np.uint8)
    mask[50:100, 50:100] = 1
    mask[60:90, 60:90] = 0
    mask[70:75, 70:75] = 2
    draft.set_mask(0, mask)
    return draft


def test_holes_are_filled_but_for_what_is_another_object():
    draft = draft_with_ring()
    draft.retouch(0, 1, retouch.fill_holes)
    mask = draft.mask(0)
    assert (mask == 1).sum() == 50 * 50 - 25
    assert (mask == 2).sum() == 25


def test_growing_and_shrinking_by_a_pixel():
    draft = draft_with_ring()
    draft.retouch(0, 2, functools.partial(retouch.grow, pixels=1))
    grown = draft.mask(0)
    assert (grown == 2).sum() == 7 * 7 - 4  # a round brush leaves the corners
    draft.retouch(0, 1, functools.partial(retouch.grow, pixels=-1))
    shrunk = draft.mask(0)
    assert (shrunk == 1).sum() == 48 * 48 - (32 * 32 - 4)
    assert np.array_equal(shrunk == 2, grown == 2)


def test_smoothing_takes_bumps_and_leaves_the_shape():
    plane = np.zeros(SIZE, np.uint8)
    plane[50:100, 50:100] = 1
    plane[49, 70] = 1
    plane[60, 60] = 0
    smooth = retouch.smooth(plane)
    assert smooth[49, 70] == 0
    assert smooth[60, 60] == 1
    assert abs(int(smooth.sum()) - 2500) <= 12


def test_the_mask_of_the_frame_before_is_copied():
    draft = draft_with_ring()
    assert not draft.copy_before(0)
    assert draft.copy_before(7)
    assert np.array_equal(draft.mask(7), draft.mask(0))
    assert draft.before(9) == 7
