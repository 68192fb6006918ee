"""What users' mask pictures mean."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from vos.errors import InvalidInput
from vos.labels import PALETTE
from vos.video.masks import encode_png, read_mask


def _labels(*areas):
    """Return a 60x80 map with 10x20 boxes, one for each value, from the top left."""
    mask = np.zeros((60, 80), np.uint8)
    for index, value in enumerate(areas):
        row, column = divmod(index, 3)
        mask[2 + 14 * row : 12 + 14 * row, 3 + 24 * column : 23 + 24 * column] = value
    return mask


def _file(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _grey(*areas):
    return _file(Image.fromarray(_labels(*areas)))


def _disc(size=400, radius=90.5):
    """Return a disc drawn with soft edges, 0..255, and its exact mask."""
    y, x = np.mgrid[:size, :size] - size / 2
    distance = radius - np.hypot(x, y)
    return (255 * (distance + 0.5).clip(0, 1)).round().astype(np.uint8), (distance > 0).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "RGBA", "I;16"])
def test_a_binary_mask_is_object_1_in_every_mode(mode):
    source = Image.fromarray(_labels(255))
    image = Image.fromarray(np.asarray(source).astype(np.uint16) * 257) if mode == "I;16" else source
    mask, note = read_mask(_file(image.convert(mode)))
    np.testing.assert_array_equal(mask, _labels(1))
    assert note == ""


@pytest.mark.parametrize("values", [(1,), (3,), (1, 2, 3), (5, 20), (1, 5, 38), (128,), (200, 254)])
def test_grey_levels_are_the_ids(values):
    mask, note = read_mask(_grey(*values))
    np.testing.assert_array_equal(mask, _labels(*values))
    assert note == ""


@pytest.mark.parametrize("values", [(1, 2, 255), (128, 255)])
def test_white_beside_ids_is_void_and_the_note_says_how_much(values):
    mask, note = read_mask(_grey(*values))
    np.testing.assert_array_equal(mask, _labels(*values))
    assert note == "White (4.2%) beside other ids is void: it belongs to no object."


def test_three_equal_channels_are_grey_levels():
    mask, _ = read_mask(_file(Image.fromarray(_labels(1, 2)).convert("RGB")))
    np.testing.assert_array_equal(mask, _labels(1, 2))


@pytest.mark.parametrize("values", [(1,), (38, 200), (1, 2, 255), (7, 254)])
def test_palette_indices_are_the_ids(values):
    mask, note = read_mask(encode_png(_labels(*values)))
    np.testing.assert_array_equal(mask, _labels(*values))
    assert note == ""


def test_255_alone_in_a_palette_is_the_object():
    np.testing.assert_array_equal(read_mask(encode_png(_labels(255)))[0], _labels(1))


def test_a_palette_without_black_first_is_read_by_its_colours():
    image = Image.fromarray(1 - _labels(1))
    image.putpalette([255, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(read_mask(_file(image))[0], _labels(1))


def test_sixteen_bit_levels_are_numbered_from_the_darkest():
    levels = _labels(1, 2).astype(np.uint16) * 26000
    np.testing.assert_array_equal(read_mask(_file(Image.fromarray(levels)))[0], _labels(1, 2))


def test_davis_colours_without_their_palette_keep_their_ids():
    mask, note = read_mask(_file(Image.fromarray(PALETTE[_labels(2, 5, 255)])))
    np.testing.assert_array_equal(mask, _labels(2, 5, 255))
    assert note == ""


def test_the_palette_is_that_of_pascal_voc():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 20: (0, 64, 128)}
    known |= {8: (64, 0, 0), 255: (224, 224, 192)}
    assert {index: tuple(PALETTE[index].tolist()) for index in known} == known


def test_every_colour_is_an_object_and_black_the_background():
    colours = np.array([(0, 0, 0), (10, 200, 90), (250, 30, 30)], np.uint8)
    mask, note = read_mask(_file(Image.fromarray(colours[_labels(1, 2)])))
    np.testing.assert_array_equal(mask, _labels(1, 2))
    assert "2 colours" in note


def test_without_black_the_colour_on_the_border_is_the_background():
    colours = np.array([(255, 255, 255), (250, 30, 30)], np.uint8)
    np.testing.assert_array_equal(read_mask(_file(Image.fromarray(colours[_labels(1)])))[0], _labels(1))


def test_the_opaque_part_of_a_cut_out_photograph_is_the_object():
    rgba = np.random.default_rng(0).integers(0, 255, (60, 80, 4), dtype=np.uint8)
    rgba[..., 3] = 255 * _labels(1)
    mask, note = read_mask(_file(Image.fromarray(rgba)))
    np.testing.assert_array_equal(mask, _labels(1))
    assert "opaque" in note


def test_half_transparent_paint_is_an_object_for_each_colour_black_too():
    colours = np.array([(0, 0, 0, 0), (0, 0, 0, 100), (250, 30, 30, 100)], np.uint8)
    mask, _ = read_mask(_file(Image.fromarray(colours[_labels(1, 2)])))
    np.testing.assert_array_equal(mask, _labels(1, 2))


def test_soft_edges_of_a_binary_mask_are_cut_half_way_and_the_note_says_so():
    soft, exact = _disc()
    mask, note = read_mask(_file(Image.fromarray(soft)))
    np.testing.assert_array_equal(mask, exact)
    assert "soft" in note


def test_a_few_levels_of_soft_edge_make_no_objects():
    _, exact = _disc()
    small = exact.reshape(200, 2, 200, 2).sum((1, 3), dtype=np.uint8) * 63  # as 2x2 samples leave it
    assert len(np.unique(small)) == 5
    mask, _ = read_mask(_file(Image.fromarray(small)))
    np.testing.assert_array_equal(mask, small > 126)


@pytest.mark.parametrize("blur", [0, 4])
@pytest.mark.parametrize("colour", [(255, 255, 255), (220, 30, 60)])
def test_a_binary_mask_survives_jpeg_and_blur(blur, colour):
    soft, exact = _disc()
    rgb = (soft[..., None] / 255 * colour).astype(np.uint8)
    image = Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(blur))
    mask, note = read_mask(_file(image, "JPEG", quality=60))
    both = np.count_nonzero(mask & exact) / np.count_nonzero(mask | exact)
    assert mask.max() == 1
    assert both > 0.97
    assert "soft" in note


def test_soft_edges_between_several_colours_go_to_the_nearest():
    colours = np.array([(0, 0, 0), (10, 200, 90), (250, 30, 30)], np.uint8)
    labels = cv2.resize(_labels(1, 2), (1280, 960), interpolation=cv2.INTER_NEAREST)
    image = Image.fromarray(colours[labels]).resize((641, 481), Image.Resampling.BILINEAR)
    mask, _ = read_mask(_file(image))
    exact = cv2.resize(labels, (641, 481), interpolation=cv2.INTER_NEAREST)
    assert set(np.unique(mask)) == {0, 1, 2}
    assert np.mean(mask != exact) < 0.01


def test_a_thin_object_is_not_taken_for_an_edge():
    mask = np.zeros((60, 80), np.uint8)
    mask[30] = 200
    np.testing.assert_array_equal(read_mask(_file(Image.fromarray(mask)))[0], mask)


def test_a_photograph_is_refused():
    noise = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    photo = cv2.resize(noise, (300, 200), interpolation=cv2.INTER_CUBIC)
    with pytest.raises(InvalidInput, match="one flat colour for each object"):
        read_mask(_file(Image.fromarray(photo), "JPEG"))
