"""Snapping: contours divide the picture, and each part takes one label."""

import numpy as np

from vos.net.snapping import snap, steps, superpixels, vote_in_regions


def test_a_mask_that_narrowly_misses_an_edge_moves_onto_it():
    frame = np.full((60, 80, 3), (30, 30, 200), np.uint8)
    truth = np.zeros((60, 80), np.uint8)
    truth[20:40, 30:60] = 3
    frame[truth > 0] = (220, 200, 40)
    rough = np.roll(truth, 2, 1)
    result = snap(rough, frame)
    assert set(np.unique(result)) == {0, 3}
    assert (result != truth).sum() < 0.5 * (rough != truth).sum()


def test_each_region_takes_the_label_of_four_fifths_of_it_if_there_is_one():
    regions = np.array([[1, 1, 1, 1, 1, 4, 2, 2, 2]], np.int32)
    mask = np.array([[0, 5, 5, 5, 5, 7, 0, 7, 0]], np.uint8)
    assert vote_in_regions(mask, regions).tolist() == [[5, 5, 5, 5, 5, 7, 0, 7, 0]]


def test_a_contour_is_where_the_picture_changes():
    frame = np.zeros((20, 20, 3), np.uint8)
    frame[:, 10:] = 255
    strength = steps(frame)
    assert strength[10, 9:11].min() > 100
    assert strength[:, :5].max() == strength[:, 15:].max() == 0


def test_superpixels_do_not_cross_a_contour():
    frame = np.zeros((30, 40, 3), np.uint8)
    frame[:, 17:] = 255
    regions = superpixels(frame)
    assert regions.min() >= 1
    assert not set(np.unique(regions[:, :16])) & set(np.unique(regions[:, 19:]))


def test_contours_of_a_network_part_what_looks_alike():
    frame = np.full((30, 40, 3), 120, np.uint8)
    contours = np.zeros((30, 40), np.float32)
    contours[:, 16:18] = 1
    regions = superpixels(frame, contours)
    assert not set(np.unique(regions[:, :15])) & set(np.unique(regions[:, 19:]))


def test_an_empty_mask_and_tiny_frames_stay_as_they_are():
    rng = np.random.default_rng(0)
    assert not snap(np.zeros((30, 30), np.uint8), rng.integers(0, 256, (30, 30, 3), np.uint8)).any()
    for size_hw in ((1, 1), (2, 5)):
        assert snap(np.ones(size_hw, np.uint8), np.zeros((*size_hw, 3), np.uint8)).all()
