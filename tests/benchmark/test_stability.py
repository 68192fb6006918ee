"""T: hand-made cases, a plain recomputation of every step, and the published value of the ground truth."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.benchmark.test_overlap import blobs
from vos.benchmark import stability
from vos.benchmark.overlap import mean
from vos.benchmark.stability import instability, outline_context
from vos.errors import InvalidInput

DAVIS = Path(__file__).parents[2] / "../shared/data/davis2016/Annotations/480p"


def points_of(picture):
    """The resampled polygon, taken as given: it is OpenCV's tracing that the rest builds on."""
    return stability._resample(stability._longest_polygon(picture))


def slow_context(points):
    """Shape contexts by angle and distance of one pair at a time."""
    near = [[math.dist(p, q) for q in points] for p in points]
    average = sum(map(sum, near)) / len(points) ** 2
    contexts = []
    for p, row in zip(points, near, strict=True):
        bins = [0] * 60
        for q, distance in zip(points, row, strict=True):
            ring = sum(distance / average >= edge for edge in (1 / 8, 1 / 4, 1 / 2, 1, 2))
            angle = math.degrees(math.atan2(q[1] - p[1], q[0] - p[0])) % 360
            if ring < 5:
                bins[ring * 12 + int(angle / 30 + 1e-9) % 12] += 1
        contexts.append([count / sum(bins) for count in bins])
    return contexts


def slow_path(cost):
    """Dynamic time warping by the textbook's table; of equal sums the diagonal step is taken."""
    rows, columns = len(cost), len(cost[0])
    best = {}
    for i in range(rows):
        for j in range(columns):
            before = [(s, k) for k, s in enumerate([(i - 1, j - 1), (i - 1, j), (i, j - 1)]) if s in best]
            total, _, origin = min(((best[s][0], k, s) for s, k in before), default=(0, 0, None))
            best[i, j] = (total + cost[i][j], origin)
    path = [(rows - 1, columns - 1)]
    while best[path[-1]][1]:
        path.append(best[path[-1]][1])
    return path[::-1]


def slow_t(first, second):
    a, b = slow_context(points_of(first)), slow_context(points_of(second))
    n, m = len(a), len(b)
    cost = [
        [sum((u - v) ** 2 / (u + v) for u, v in zip(p, q, strict=True) if u + v) / 2 for q in b] for p in a
    ]
    cost = [[round(value * 2**20) for value in row] for row in cost]
    i, j = min(slow_path(cost), key=lambda pair: (cost[pair[0]][pair[1]], pair))
    turned = [[cost[(r + i + 1) % n][(c + j + 1) % m] for c in range(m)] for r in range(n)]
    pairs = [((r + i + 1) % n, (c + j + 1) % m) for r, c in slow_path(turned)]
    for side in (0, 1):
        kept = {}
        for pair in sorted(pairs, key=lambda pair: cost[pair[0]][pair[1]]):
            kept.setdefault(pair[side], pair)
        pairs = [kept[point] for point in sorted(kept)]
    return 5 * sum(cost[r][c] for r, c in pairs) / len(pairs) / 2**20


def t(first, second):
    return instability(outline_context(first), outline_context(second))


def box(top, bottom, left, right, shape=(60, 80)):
    picture = np.zeros(shape, bool)
    picture[top:bottom, left:right] = True
    return picture


def test_a_shape_that_stays_or_only_moves_has_t_zero():
    assert t(box(10, 30, 10, 40), box(10, 30, 10, 40)) == 0
    assert t(box(10, 30, 10, 40), box(25, 45, 30, 60)) == 0


def test_growing_in_proportion_costs_less_than_stretching():
    small = box(10, 28, 10, 28)
    assert t(small, box(10, 46, 10, 46)) < t(small, box(10, 28, 10, 46)) < t(small, box(10, 14, 10, 46))


def test_the_more_an_outline_changes_the_higher_is_t():
    plain, dented, torn = box(10, 40, 10, 60), box(10, 40, 10, 60), box(10, 40, 10, 60)
    dented[10:14, 30:36] = False
    torn[10:35, 20:40] = False
    assert 0 < t(plain, dented) < t(plain, torn)


@pytest.mark.parametrize("seed", range(6))
def test_t_equals_the_plain_recomputation_on_random_shapes(seed):
    first, second = blobs(seed, (50, 50)), blobs(seed + 50, (50, 50))
    assert t(first, second) == pytest.approx(slow_t(first, second), abs=1e-4)


def test_no_outline_gives_nan():
    empty = np.zeros((60, 80), bool)
    assert math.isnan(t(empty, box(10, 30, 10, 40)))
    assert math.isnan(t(box(10, 30, 10, 40), empty))


def test_one_pixel_has_no_outline_and_a_full_frame_has():
    assert outline_context(box(5, 6, 5, 6)) is None
    assert t(np.ones((60, 80), bool), np.ones((60, 80), bool)) == 0


def test_the_largest_part_speaks_for_the_object_and_specks_do_not():
    alone = box(10, 40, 10, 60)
    specked = alone.copy()
    specked[50::4, 1::4] = True
    assert t(alone, specked) == 0


def test_parts_that_touch_at_a_corner_are_apart():
    alone = box(10, 40, 10, 60)
    touched = alone | box(40, 44, 60, 64)
    assert t(alone, touched) == 0


def test_points_are_at_most_three_pixels_apart_and_lie_on_pixel_edges():
    points = points_of(box(10, 30, 10, 40))
    steps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    assert steps.max() <= 3
    assert len(points) == 2 * (7 + 10)
    assert points.min(axis=0).tolist() == [10, 10]
    assert points.max(axis=0).tolist() == [40, 30]


def test_a_label_map_is_not_taken_for_a_region():
    with pytest.raises(InvalidInput, match=r"boolean \(H, W\) array; got uint8"):
        outline_context(np.zeros((4, 4), np.uint8))


@pytest.mark.skipif(not DAVIS.exists(), reason="../shared/data/davis2016 is not here")
def test_t_of_the_ground_truth_is_near_the_value_its_authors_computed():
    files = sorted((DAVIS / "scooter-black").glob("*.png"))[:-1]
    contexts = (outline_context(np.asarray(Image.open(file)) > 0) for file in files)
    before, values = next(contexts), []
    for after in contexts:
        values.append(instability(before, after))
        before = after
    assert mean(values) == pytest.approx(0.0586, abs=0.003)
