"""J, F, their statistics and G: hand-computed values and a slow recomputation agree with the fast ones."""

import math

import numpy as np
import pytest

from vos.benchmark.overlap import ObjectScore, boundary_f, jaccard, mean, merge, overall, regions, statistics
from vos.errors import InvalidInput
from vos.types import VOID

SHAPE = (48, 85)  # ceil(0.008 x diagonal) is 1 pixel


def region(*boxes, shape=SHAPE):
    """True inside boxes top, bottom, left, right (ends excluded)."""
    picture = np.zeros(shape, bool)
    for top, bottom, left, right in boxes:
        picture[top:bottom, left:right] = True
    return picture


def blobs(seed, shape=(40, 60)):
    """A few random ellipses, some over the border."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture = np.zeros(shape, bool)
    for _ in range(rng.integers(1, 4)):
        cy, cx, ry, rx = rng.uniform((0, 0, 1, 1), (*shape, shape[0] / 2, shape[1] / 2))
        picture |= ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return picture


def contour(picture):
    """Contour pixels, one by one: differs from the right, lower or lower right neighbour in the image."""
    height, width = picture.shape
    found = set()
    for y in range(height):
        for x in range(width):
            near = [(y + dy, x + dx) for dy, dx in ((0, 1), (1, 0), (1, 1))]
            if any(r < height and c < width and picture[r, c] != picture[y, x] for r, c in near):
                found.add((y, x))
    return found


def slow_f(truth, prediction):
    """F by asking every pair of contour pixels for its distance."""
    bound = math.ceil(0.008 * math.hypot(*truth.shape))
    a, b = contour(truth), contour(prediction)
    if not a or not b:
        return float(not a and not b)

    def matched(line, other):
        return sum(any((y - r) ** 2 + (x - c) ** 2 <= bound**2 for r, c in other) for y, x in line) / len(
            line
        )

    recall, precision = matched(a, b), matched(b, a)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_j_of_two_overlapping_boxes_is_the_ratio_of_areas():
    assert jaccard(region((0, 10, 0, 10)), region((0, 10, 5, 15))) == 50 / 150


def test_j_and_f_of_two_empty_regions_are_one():
    assert jaccard(region(), region()) == 1
    assert boundary_f(region(), region()) == 1


@pytest.mark.parametrize("empty_first", [True, False])
def test_j_and_f_are_zero_when_only_one_region_is_empty(empty_first):
    pair = [region(), region((5, 9, 5, 9))]
    truth, prediction = pair if empty_first else reversed(pair)
    assert jaccard(truth, prediction) == 0
    assert boundary_f(truth, prediction) == 0


def test_full_frames_agree_and_have_no_contour():
    full = np.ones(SHAPE, bool)
    assert jaccard(full, full) == 1
    assert boundary_f(full, full) == 1
    assert boundary_f(full, region((5, 9, 5, 9))) == 0


def test_f_of_one_pixel_moved_by_two_counts_the_contour_pixels_within_reach():
    # The contour of the pixel (10, 10) is (9, 9), (9, 10), (10, 9), (10, 10); two columns on, columns 9
    # and 10 become 11 and 12. Within one pixel: column 10 of one and column 11 of the other.
    assert boundary_f(region((10, 11, 10, 11)), region((10, 11, 12, 13))) == 0.5


def test_f_of_a_box_moved_by_the_bound_is_one_and_by_one_more_is_less():
    box = region((10, 30, 20, 50))
    assert boundary_f(box, region((10, 30, 21, 51))) == 1
    # The contour is the rows 9 and 29 of 31 pixels and the columns 19 and 49 of 19 more. Two columns on,
    # 30 of each row are within a pixel of the other row; of the columns only the two pixels next to
    # the row that runs past them, column 49 of the one and column 21 of the other.
    assert boundary_f(box, region((10, 30, 22, 52))) == pytest.approx((30 + 30 + 2) / 100)


def test_f_ignores_the_image_border_but_not_the_contour_that_meets_it():
    half = region((0, 48, 0, 40))
    assert len(contour(half)) == 48
    assert boundary_f(half, region((0, 48, 0, 41))) == 1
    assert boundary_f(half, region((0, 48, 0, 43))) == 0
    assert boundary_f(half, region((24, 48, 0, 40))) == slow_f(half, region((24, 48, 0, 40)))


def test_f_reaches_as_far_as_a_disk_of_eight_pixels_at_480p():
    shape = (480, 854)
    pixel = region((100, 101, 100, 101), shape=shape)  # its contour is a square of four pixels
    # Six rows and columns on, the pairs (5, 5), (5, 6), (6, 5) are within 8 pixels, (6, 6) is not.
    assert boundary_f(pixel, region((106, 107, 106, 107), shape=shape)) == 0.75
    assert boundary_f(pixel, region((107, 108, 107, 108), shape=shape)) == 0
    assert boundary_f(pixel, region((100, 101, 109, 110), shape=shape)) == 0.5


@pytest.mark.parametrize("seed", range(12))
def test_f_equals_the_pair_by_pair_recomputation_on_random_shapes(seed):
    truth, prediction = blobs(seed), blobs(seed + 100)
    assert boundary_f(truth, prediction) == pytest.approx(slow_f(truth, prediction), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_f_equals_the_recomputation_at_a_bound_of_three_pixels(seed):
    shape = (160, 300)
    truth = blobs(seed, shape)
    prediction = np.roll(truth, (2, -3), axis=(0, 1))
    assert boundary_f(truth, prediction) == pytest.approx(slow_f(truth, prediction), abs=1e-12)


def test_void_is_background_as_in_the_official_semi_supervised_evaluation():
    truth = np.zeros((4, 6), np.uint8)
    truth[0], truth[1] = 1, 255
    prediction = np.zeros_like(truth)
    prediction[:3] = 1
    ((true, found),) = regions(truth, prediction, [1])
    assert jaccard(true, found) == 6 / 18


def test_objects_are_scored_apart_and_merged_as_one():
    truth = np.array([[1, 1, 2, 2, 255, 0]], np.uint8)
    prediction = np.array([[2, 1, 2, 0, 1, 0]], np.uint8)
    assert [jaccard(*pair) for pair in regions(truth, prediction, [1, 2])] == [1 / 3, 1 / 3]
    ((true, found),) = regions(merge(truth), merge(prediction), [1])
    assert jaccard(true, found) == 3 / 5


def test_masks_of_different_size_are_refused():
    with pytest.raises(InvalidInput, match="a mask of 4x3 cannot be scored against a ground truth of 5x3"):
        regions(np.zeros((3, 5), np.uint8), np.zeros((3, 4), np.uint8), [1])


def test_statistics_of_ten_frames_use_quarters_that_share_their_ends():
    # Edges round(linspace(1, 10, 5)) - 1 = 0, 2, 5 (5.5 rounds up), 7, 9: quarters 0..2 and 7..9.
    found = statistics([1.0, 0.9, 0.8, 0.5, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert found.mean == pytest.approx(0.53)
    assert found.recall == 0.4
    assert found.decay == pytest.approx(0.9 - 0.2)


def test_half_way_edges_round_up():
    # linspace(1, 3, 5) = 1, 1.5, 2, 2.5, 3: edges 0, 1, 1, 2, 2 (not the even 0, 1, 1, 1, 2).
    assert statistics([1.0, 0.0, 0.5]).decay == pytest.approx(0.5 - 0.5)


def test_statistics_of_more_than_255_frames_do_not_wrap():
    values = [1.0] * 151 + [0.0] * 453  # edges 0, 151 (150.75 rounds up), ..., 452, 603
    assert vars(statistics(values)) == {"mean": 0.25, "recall": 0.25, "decay": pytest.approx(151 / 152)}


def test_the_mean_leaves_nan_out_and_recall_counts_it_as_a_miss():
    found = statistics([math.nan, 1.0, 1.0, 0.0])
    assert (found.mean, found.recall) == (pytest.approx(2 / 3), 0.5)


def test_statistics_of_nothing_are_nan():
    assert all(math.isnan(value) for value in vars(statistics([])).values())
    assert math.isnan(mean([math.nan]))


def test_g_is_the_mean_of_seen_and_unseen_j_and_f():
    found = overall([ObjectScore(0.8, 0.9, True), ObjectScore(0.6, 0.7, True), ObjectScore(0.2, 0.4, False)])
    assert (found.j_seen, found.j_unseen) == (pytest.approx(0.7), 0.2)
    assert (found.f_seen, found.f_unseen) == (pytest.approx(0.8), 0.4)
    assert found.g == pytest.approx((0.7 + 0.2 + 0.8 + 0.4) / 4)


def test_g_without_unseen_objects_is_nan():
    found = overall([ObjectScore(0.8, 0.9, True)])
    assert found.j_seen == 0.8
    assert math.isnan(found.g)


def test_j_and_f_over_void_are_those_counted_by_hand():
    # 100 x 100: radius ceil(.008 x 141.4) = 2. Rows 40..59: truth in columns 20..39, void in 40..59, the
    # prediction in 20..59, so that its right half lies on void.
    truth = np.zeros((100, 100), np.uint8)
    truth[40:60, 20:40], truth[40:60, 40:60] = 1, VOID
    prediction = np.zeros_like(truth)
    prediction[40:60, 20:60] = 1
    ((true, found),) = regions(truth, prediction, [1])
    assert jaccard(true, found) == 400 / 800
    # Contours, each pixel that differs from its right, lower or lower right one: rows 39 and 59, column 19
    # and the last of each box: 2 x 21 + 2 x 19 = 80 and 2 x 41 + 2 x 19 = 120 pixels. Of the truth's, the
    # right side of 19 is out of reach, but for rows 40, 41, 57 and 58 near the corners. Of the prediction's,
    # the right side of 19 is, and columns 42..59 of the top and of the bottom row.
    recall, precision = (80 - 19 + 4) / 80, (120 - 19 - 2 * 18) / 120
    assert boundary_f(true, found) == pytest.approx(2 * precision * recall / (precision + recall))
