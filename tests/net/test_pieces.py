import numpy as np

from vos.net.pieces import keep_meant


def three():
    """Return a soft mask of 80x120 with pieces at the left, in the middle and, 3 pixels off, at the right."""
    prob = np.zeros((80, 120), np.float32)
    prob[10:30, 5:25] = 0.9
    prob[40:60, 50:70] = 0.7
    prob[40:60, 73:90] = 0.6
    prob[70:75, 5:25] = 0.4  # below one half: no piece
    return prob


def columns(prob):
    return set(np.nonzero((prob > 0.5).any(0))[0])


NOTHING = np.zeros((80, 120), bool)


def test_the_piece_with_a_click_stays_and_the_others_go():
    prob = three()
    keep_meant(prob, [(10, 15)], NOTHING)
    assert columns(prob) == set(range(5, 25))
    assert prob[72, 10] == np.float32(0.4)


def test_pieces_close_together_are_one():
    prob = three()
    prob[40:60, 70:72] = 0.8  # one pixel apart
    keep_meant(prob, [(55, 45)], NOTHING)
    assert columns(prob) == {*range(50, 72), *range(73, 90)}
    prob = three()
    keep_meant(prob, [(55, 45)], NOTHING)
    assert columns(prob) == set(range(50, 70))


def test_what_lies_mostly_where_the_object_is_meant_to_be_stays():
    prob, meant = three(), NOTHING.copy()
    meant[:, :20] = True  # three quarters of the left piece
    meant[:, 50:55] = True  # a quarter of the middle one
    keep_meant(prob, [], meant)
    assert columns(prob) == set(range(5, 25))


def test_a_mask_that_nothing_points_at_stays_whole():
    prob = three()
    keep_meant(prob, [(110, 5)], NOTHING)
    assert np.array_equal(prob, three())


def test_large_masks_are_cleaned_as_small_ones():
    small, large = three(), np.kron(three(), np.ones((20, 20), np.float32))
    keep_meant(small, [(10, 15)], NOTHING)
    keep_meant(large, [(200, 300)], np.zeros(large.shape, bool))
    assert np.array_equal(large, np.kron(small, np.ones((20, 20), np.float32)))
