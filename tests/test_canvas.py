"""Drawings become masks: strokes, shapes, the eraser, loaded masks."""

import math

import numpy as np
import pytest

from pages import _canvas
from vos.video.draw import hex_colour

SIZE = (540, 960)  # shown as it is
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


def drawn(*shapes, size=SIZE):
    return _canvas.rasterise({"objects": list(shapes)}, size)


def test_nothing_drawn_is_an_empty_mask():
    assert not _canvas.rasterise(None, SIZE).any()
    assert not drawn().any()


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
    erased = stroke([(200, 50), (200, 150)], width=20, colour=_canvas.ERASER)
    mask = drawn(stroke([(100, 100), (300, 100)]), erased, stroke([(200, 40), (200, 60)], colour=TWO))
    assert mask[100, 200] == 0
    assert mask[100, 150] == 1
    assert mask[50, 200] == 2


def test_new_eraser_strokes_are_made_cutting_once():
    drawing = {"objects": [stroke([(0, 0), (9, 9)]), stroke([(0, 0), (9, 9)], colour=_canvas.ERASER)]}
    cut = _canvas.erase(drawing)
    assert cut["objects"][1]["globalCompositeOperation"] == "destination-out"
    assert "globalCompositeOperation" not in drawing["objects"][1]
    assert _canvas.erase(cut) is None


def test_a_click_without_a_drag_paints_no_rectangle():
    assert not drawn(rectangle(10, 10, 1, 1)).any()


def test_masks_are_made_at_full_resolution():
    mask = drawn(rectangle(96, 54, 192, 108), size=(1080, 1920))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), columns.min()) == (108, 192)
    assert mask.sum(dtype=int) == 384 * 216


def test_a_loaded_mask_comes_back_exactly_with_holes_and_objects():
    mask = np.zeros((123, 211), np.uint8)
    mask[20:80, 30:90] = 1
    mask[40:50, 50:60] = 0
    mask[90:110, 100:200] = 20
    assert np.array_equal(_canvas.rasterise(_canvas.from_mask(mask), mask.shape), mask)


def test_an_object_can_be_taken_out_of_strokes_and_loaded_masks():
    mask = np.zeros((270, 480), np.uint8)
    mask[10:20, 10:20] = 1
    mask[30:40, 30:40] = 2
    drawing = {"objects": [*_canvas.from_mask(mask)["objects"], rectangle(200, 200, 50, 50, TWO)]}
    left = _canvas.rasterise(_canvas.without(drawing, 2), mask.shape)
    assert np.array_equal(left, np.where(mask == 1, 1, 0))


@pytest.mark.parametrize(
    ("size_hw", "shown"),
    [((1080, 1920), (540, 960)), ((480, 854), (540, 960)), ((1920, 1080), (540, 304)), ((10, 20), (20, 40))],
)
def test_the_canvas_fits_its_place(size_hw, shown):
    assert _canvas.canvas_size(size_hw) == shown
