"""Shapes become masks: strokes, polygons, the eraser, on the whole frame and on a part of it."""

import math

import numpy as np
import pytest

from vos.drafts import strokes
from vos.drafts.strokes import Region, paint, read_stroke, zoomed
from vos.video.draw import hex_colour

SIZE = SHOWN = (540, 960)  # shown as it is
ONE, TWO = hex_colour(1) + "99", hex_colour(2) + "99"


def stroke(points, width=20, colour=ONE, **more):
    path = [["M", *points[0]], *(["L", *p] for p in points[1:])]
    xs, ys = zip(*points, strict=True)
    middle = {"left": (min(xs) + max(xs)) / 2, "top": (min(ys) + max(ys)) / 2}
    base = {"type": "Path", "path": path, "stroke": colour, "strokeWidth": width, "fill": None}
    return {**base, "originX": "center", "originY": "center", **middle, **more}


def rectangle(left, top, width, height, colour=ONE, **more):
    shape = {"type": "Rect", "left": left, "top": top, "width": width, "height": height}
    return {**shape, "stroke": colour, "fill": colour, "originX": "left", "originY": "top", **more}


def drawn(*shapes, size=SIZE, region=None):
    mask = np.zeros(size, np.uint8)
    for shape in shapes:
        stroke = read_stroke(shape)
        mask = paint(mask, stroke, SHOWN, region) if stroke else mask
    return mask


def test_a_stroke_leaves_the_mask_it_is_painted_on_as_it_was():
    mask = np.zeros(SIZE, np.uint8)
    assert paint(mask, read_stroke(stroke([(100, 100), (300, 100)])), SHOWN).any()
    assert not mask.any()


@pytest.mark.parametrize(
    "shape",
    [
        None,
        7,
        "Path",
        {},
        {"type": "Path", "stroke": ONE},
        {"type": "Path", "stroke": ONE, "path": []},
        {"type": "Path", "stroke": ONE, "path": [["M", "x", 1]]},
        {"type": "Path", "stroke": ONE, "path": [[]]},
        stroke([(0, 0), (9, 9)], colour="#000000"),
        stroke([(0, 0), (9, float("nan"))]),
        stroke([(0, 0), (9, 9)], width="wide"),
        stroke([(0, 0), (9, 9)], width=float("nan")),
        stroke([(0, 0), (9, 9)], originX="nowhere"),
        {"type": "Polygon", "stroke": ONE, "points": [{"x": 1, "y": 2}]},
        {"type": "Circle", "stroke": ONE, "radius": 5},
    ],
)
def test_what_is_no_shape_of_ours_paints_nothing(shape):
    assert read_stroke(shape) is None


def test_a_stroke_far_out_of_the_frame_paints_what_is_inside():
    mask = drawn(stroke([(1e300, 1e300), (100, 100)]), stroke([(-1e9, 100), (1e9, 100)]))
    assert mask[100, 0] == mask[100, 959] == 1


def test_a_stroke_keeps_the_object_of_its_colour_up_to_the_highest_id():
    assert set(np.unique(drawn(rectangle(10, 10, 50, 50, colour=hex_colour(254))))) == {0, 254}


def test_a_straight_stroke_covers_its_capsule():
    mask = drawn(stroke([(100, 100), (300, 100)], width=20))
    assert mask.sum(dtype=int) == pytest.approx(200 * 20 + math.pi * 10**2, rel=0.02)
    assert mask[100, 100] == mask[100, 299] == mask[91, 200] == mask[108, 200] == 1
    assert mask[88, 200] == mask[111, 200] == mask[100, 88] == 0


def test_a_dot_is_a_disk():
    mask = drawn(stroke([(50, 50), (50.04, 50)], width=30))
    assert mask.sum(dtype=int) == pytest.approx(math.pi * 15**2, rel=0.03)


def test_a_rectangle_covers_its_pixels():
    mask = drawn(rectangle(100, 50, 40, 30))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), columns.min()) == (50, 100)
    assert mask.sum(dtype=int) == 40 * 30


def test_a_polygon_is_filled():
    corners = [{"x": 100, "y": 100}, {"x": 200, "y": 100}, {"x": 100, "y": 200}]
    shape = {"type": "Polygon", "points": corners, "stroke": TWO, "left": 150, "top": 150}
    mask = drawn({**shape, "originX": "center", "originY": "center"})
    assert set(np.unique(mask)) == {0, 2}
    assert (mask == 2).sum() == pytest.approx(100 * 100 / 2, rel=0.03)


def test_a_shape_that_was_moved_turned_and_scaled_lands_where_it_is_shown():
    shape = rectangle(0, 0, 40, 20, originX="center", originY="center", angle=90, scaleX=2)
    mask = drawn({**shape, "left": 300, "top": 200})
    rows, columns = np.nonzero(mask)
    assert (rows.mean(), columns.mean()) == (pytest.approx(199.5, abs=1), pytest.approx(299.5, abs=1))
    assert np.ptp(rows) + 1 == pytest.approx(80, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(20, abs=1)


def test_the_eraser_cuts_out_what_lies_under_it_only():
    erased = stroke([(200, 50), (200, 150)], width=20, colour=strokes.ERASER)
    mask = drawn(stroke([(100, 100), (300, 100)]), erased, stroke([(200, 40), (200, 60)], colour=TWO))
    assert mask[100, 200] == 0
    assert mask[100, 150] == 1
    assert mask[50, 200] == 2


def test_a_click_without_a_drag_paints_no_rectangle():
    assert not drawn(rectangle(10, 10, 1, 1)).any()


def test_masks_are_made_at_full_resolution():
    mask = drawn(rectangle(96, 54, 192, 108), size=(1080, 1920))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), columns.min()) == (108, 192)
    assert mask.sum(dtype=int) == 384 * 216


def test_shapes_on_a_part_of_a_4k_frame_land_on_its_pixels():
    region = zoomed((2160, 3840), 8, (0.75, 0.25))
    assert region == (2640, 405, 480, 270)
    shape = rectangle(2 * 100, 2 * 60, 2 * 8, 2 * 8)
    mask = drawn(shape, size=(2160, 3840), region=region)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (465, 472, 2740, 2747)
    assert mask.sum(dtype=int) == 64
    dot = drawn(stroke([(480, 270), (480.01, 270)], width=16), size=(2160, 3840), region=region)
    rows, columns = np.nonzero(dot)
    assert (rows.mean(), columns.mean()) == (
        pytest.approx(405 + 135, abs=1),
        pytest.approx(2640 + 240, abs=1),
    )
    assert dot.sum() == pytest.approx(math.pi * 4**2, rel=0.2)


@pytest.mark.parametrize("zoom", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(480, 854), (1920, 1080), (5, 7), (1, 1)])
def test_a_part_lies_in_the_frame_wherever_one_looks(size, zoom):
    for centre in ((0, 0), (1, 1), (0.5, 0.5), (0.1, 0.9)):
        part = zoomed(size, zoom, centre)
        assert 0 <= part.left <= part.left + part.width <= size[1]
        assert 0 <= part.top <= part.top + part.height <= size[0]
        assert min(part.width, part.height) >= 1
    assert zoomed(size, 1, (0, 1)) == Region(0, 0, size[1], size[0])
