"""Masks in colour."""

import numpy as np
import pytest

from vos.video.draw import COLOURS, hex_colour, mask_preview, overlay

# Machado, Oliveira & Fernandes (2009), table 1, severity 1.0: protan, deutan, tritan; linear RGB
BLIND = np.array(
    [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)


def _frame(size_hw=(40, 60)):
    return np.random.default_rng(1).integers(0, 256, (*size_hw, 3), dtype=np.uint8)


def _box(value=1):
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:50] = value
    return mask


def _lab(linear):
    """Return CIE L*a*b* (D65) of linear sRGB (N, 3)."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt((linear @ to_xyz.T / [0.9505, 1, 1.089]).clip(0.0089)).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def test_every_object_has_a_colour_of_its_own():
    assert COLOURS.shape == (255, 3)
    assert COLOURS.dtype == np.uint8
    assert len(np.unique(COLOURS, axis=0)) == 255


def test_the_first_six_colours_differ_for_the_colour_blind_and_from_white_and_black():
    srgb = np.vstack([COLOURS[1:7], [[255, 255, 255], [0, 0, 0]]]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    for matrix in [np.eye(3), *BLIND]:
        lab = _lab((linear @ matrix.T).clip(0, 1))
        distance = np.linalg.norm(lab[:, None] - lab, axis=2) + 1000 * np.eye(len(lab))
        assert distance.min() > 15, matrix


def test_a_hex_colour_is_the_row_of_the_table():
    assert bytes.fromhex(hex_colour(7)[1:]) == COLOURS[7].tobytes()


@pytest.mark.parametrize("object_id", [1, 254, 255])
def test_the_tint_is_a_blend_inside_and_nothing_outside(object_id):
    frame, mask = _frame(), _box(object_id)
    kept = frame.copy()
    colour = COLOURS[object_id] if object_id < 255 else np.array([128, 128, 128])
    drawn = overlay(frame, mask, opacity=0.25, outline=False)
    np.testing.assert_array_equal(frame, kept)
    np.testing.assert_array_equal(drawn[mask == 0], frame[mask == 0])
    expected = 0.75 * frame[mask > 0] + 0.25 * colour
    assert np.abs(drawn[mask > 0] - expected).max() <= 0.5


def test_the_outline_is_the_full_colour_along_the_inside_of_the_edge():
    frame, mask = _frame(), _box()
    drawn = overlay(frame, mask, opacity=0)
    rim = mask.copy()
    rim[11:29, 21:49] = 0
    np.testing.assert_array_equal(drawn[rim > 0], np.broadcast_to(COLOURS[1], (rim.sum(), 3)))
    np.testing.assert_array_equal(drawn[rim == 0], frame[rim == 0])


def test_touching_objects_are_parted_by_an_outline():
    mask = _box(1)
    mask[10:30, 35:50] = 2
    assert (overlay(_frame(), mask, opacity=0)[20, 35] == COLOURS[2]).all()


def test_an_object_that_leaves_the_frame_is_outlined_along_the_border():
    mask = np.zeros((40, 60), np.uint8)
    mask[:, :30] = 1
    assert (overlay(_frame(), mask, opacity=0)[20, 0] == COLOURS[1]).all()


def test_an_empty_mask_gives_an_equal_copy():
    frame = _frame()
    drawn = overlay(frame, np.zeros((40, 60), np.uint8))
    np.testing.assert_array_equal(drawn, frame)
    assert not np.shares_memory(drawn, frame)


def test_a_preview_has_the_colours_on_a_dark_ground():
    preview = mask_preview(_box(3))
    assert (preview[15, 25] == COLOURS[3]).all()
    assert preview[0, 0].max() < 32
