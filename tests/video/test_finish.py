"""Finishing touches: exact pixels, others' pixels left alone, a bounded window over time."""

from urllib.parse import parse_qsl

import numpy as np
import pytest

from vos.errors import InvalidInput
from vos.video.finish import Finish, feather_alpha, finish_at, finish_masks, read_finish

SIZE = (40, 60)


def box(top, left, bottom, right, value=1):
    mask = np.zeros(SIZE, np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def one(mask, **finish):
    return next(finish_masks([mask], Finish(**finish)))


def test_nothing_is_done_unless_asked_for():
    mask = box(5, 5, 20, 20)
    assert one(mask) is mask


@pytest.mark.parametrize(("pixels", "side"), [(3, 21), (-4, 7)])
def test_growing_moves_each_side_by_so_many_pixels(pixels, side):
    grown = one(box(10, 10, 25, 25), grow=pixels)
    assert (grown > 0).any(0).sum() == (grown > 0).any(1).sum() == side


def test_growing_takes_background_only():
    mask = box(10, 10, 20, 20) + box(10, 20, 20, 30, value=2)
    grown = one(mask, grow=4)
    assert (grown[mask == 1] == 1).all()
    assert (grown[mask == 2] == 2).all()


def test_specks_go_by_their_share_of_the_largest_part_and_the_object_stays():
    mask = box(5, 5, 25, 25) + box(30, 50, 32, 52)
    assert np.array_equal(one(mask, specks=0.05), box(5, 5, 25, 25))
    assert np.array_equal(one(mask, specks=0.005), mask)
    assert not one(np.zeros(SIZE, np.uint8), specks=0.5).any()


def test_holes_are_filled_but_not_with_another_object_in_them():
    ring = box(5, 5, 25, 25) - box(10, 10, 20, 20)
    assert np.array_equal(one(ring, holes=True), box(5, 5, 25, 25))
    other = ring + box(10, 10, 15, 15, value=2)
    filled = one(other, holes=True)
    assert (filled[10:15, 10:15] == 2).all()
    assert filled[17, 17] == 1


def test_a_flicker_of_one_frame_is_outvoted_and_the_ends_vote_among_fewer():
    masks = [box(5, 5, 20, 20) if t != 3 else np.zeros(SIZE, np.uint8) for t in range(7)]
    smooth = list(finish_masks(iter(masks), Finish(smooth=1)))
    assert len(smooth) == 7
    assert all(np.array_equal(mask, masks[0]) for mask in smooth)


def test_one_frame_by_itself_is_as_it_comes_in_the_row():
    rng = np.random.default_rng(0)
    masks = [np.kron(rng.integers(0, 3, (10, 15)), np.ones((4, 4))).astype(np.uint8) for _ in range(9)]
    finish = Finish(smooth=2, specks=0.1, holes=True, grow=1)
    for frame, mask in enumerate(finish_masks(masks, finish)):
        assert np.array_equal(mask, finish_at(masks, frame, finish))


def test_feathering_fades_over_the_edge_and_keeps_the_middle():
    alpha = box(10, 10, 30, 50).astype(np.float32)
    soft = feather_alpha(alpha, 4)
    assert soft[20, 30] == pytest.approx(1)
    assert 0 < soft[20, 9] < soft[20, 11] < 1
    assert np.array_equal(feather_alpha(alpha, 0), alpha)


@pytest.mark.parametrize("wrong", [{"grow": 51}, {"smooth": -1}, {"specks": 0.6}, {"feather": 99}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidInput, match="are allowed"):
        Finish(**wrong)


def test_touches_travel_as_a_query_and_back():
    finish = Finish(smooth=2, specks=0.25, holes=True, grow=-3, feather=1.5)
    assert read_finish(dict(parse_qsl(finish.query))) == finish
    assert Finish().query == ""
    for wrong in ({"size": "3"}, {"grow": "much"}):
        with pytest.raises(InvalidInput):
            read_finish(wrong)
