"""What the canvas is shown, and what is read of what it tells."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pages import _canvas
from vos.drafts.strokes import Region
from vos.types import Point
from vos.video.draw import COLOURS


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"load": 1, "frame": 0, "region": [0, 0, 9, 9], "shapes": []},
        {"load": "a", "frame": -1, "region": [0, 0, 9, 9], "shapes": []},
        *[{"load": "a", "frame": 0, "region": r, "shapes": []} for r in (None, [0, 0, 0, 9], [0, 0, 9], "x")],
    ],
)
def test_what_the_canvas_never_tells_is_not_read(value):
    assert _canvas.read_sent(value) == ()
    assert _canvas.read_sent({"told": [value]}) == ()
    assert _canvas.read_sent({"told": value}) == ()


def test_what_the_canvas_tells_is_read():
    told = [
        {"load": "a", "frame": 3, "region": [0, 0, 64, 48], "shapes": [1]},
        {"load": "b", "frame": 0, "region": [8, 4, 16, 12], "shapes": []},
    ]
    assert _canvas.read_sent({"told": told}) == (
        _canvas.Sent("a", 3, Region(0, 0, 64, 48), (1,)),
        _canvas.Sent("b", 0, Region(8, 4, 16, 12), ()),
    )


def test_clicks_and_boxes_are_read_and_what_is_neither_is_left_out():
    good = {"id": "a", "frame": 2, "object": 1, "point": [3, 4.5], "positive": False}
    box = {"id": "b", "frame": 0, "object": 254, "box": [1, 2, 3, 4]}
    bad = [
        good | {"object": 0},
        good | {"object": 255},
        good | {"frame": -1},
        good | {"id": 7},
        good | {"point": [1]},
        good | {"point": [float("nan"), 1]},
        box | {"box": [1, 2, 3, "x"]},
        None,
    ]
    assert _canvas.read_said({"said": [*bad, good, box]}) == (
        _canvas.Said("a", 2, 1, Point(3, 4.5, False)),
        _canvas.Said("b", 0, 254, None, (1, 2, 3, 4)),
    )
    assert _canvas.read_said({"said": good}) == _canvas.read_said(None) == ()


def test_a_part_of_the_mask_is_shown_as_large_as_the_canvas():
    mask = np.zeros((480, 854), np.uint8)
    mask[240:, 427:] = 3
    assert _canvas.mask_drawing(mask, Region(0, 0, 427, 240))["objects"] == []
    (image,) = _canvas.mask_drawing(mask, Region(427, 240, 427, 240))["objects"]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["src"].partition("base64,")[2]))))
    assert shown.shape == (540, 960, 4)
    assert (shown[..., :3] == COLOURS[3]).all()


def test_the_canvas_shows_exactly_the_mask_with_holes_and_void():
    mask = np.zeros((270, 480), np.uint8)  # shown at twice its size
    mask[20:80, 30:90] = 1
    mask[40:50, 50:60] = 0
    mask[90:110, 100:200] = 254
    mask[120:130, :] = 255
    (image,) = _canvas.mask_drawing(mask)["objects"]
    data = base64.b64decode(image["src"].partition("base64,")[2])
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown.shape == (540, 960, 4)
    assert np.array_equal(shown[..., 3] > 0, np.kron(mask, np.ones((2, 2))) > 0)
    assert (shown[::2, ::2, :3][mask == 254] == COLOURS[254]).all()
    assert (shown[::2, ::2, :3][mask == 255] == 128).all()


def test_an_empty_mask_shows_nothing():
    assert _canvas.mask_drawing(np.zeros((540, 960), np.uint8))["objects"] == []


@pytest.mark.parametrize(
    ("size_hw", "shown"),
    [((1080, 1920), (540, 960)), ((480, 854), (540, 960)), ((1920, 1080), (960, 540)), ((10, 20), (20, 40))],
)
def test_the_canvas_fits_its_place(size_hw, shown):
    assert _canvas.canvas_size(size_hw) == shown
