"""What users' mask pictures mean."""

import io
import json
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from vos.errors import InvalidInput
from vos.labels import PALETTE, Labeller, merge_layers, read_labels
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


RGB = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)


def _colours(*areas, palette=RGB):
    return _file(Image.fromarray(palette[_labels(*areas)]))


def test_a_colour_is_the_same_object_in_every_picture_of_a_request():
    labeller = Labeller()
    first = read_labels(_colours(1, 2, 3), labeller).mask
    np.testing.assert_array_equal(first, _labels(3, 2, 1))  # dark to light: blue, green, red
    draft = json.loads(json.dumps(labeller.to_json()))
    np.testing.assert_array_equal(read_labels(_colours(1, 0, 3), Labeller(draft)).mask, _labels(3, 0, 1))


def test_a_new_colour_never_takes_the_id_of_one_that_is_known():
    labeller = Labeller()
    read_labels(_colours(1), labeller)
    np.testing.assert_array_equal(read_labels(_colours(1, 3), labeller).mask, _labels(1, 2))


def test_jpeg_colours_are_those_of_the_png_before():
    labeller = Labeller()
    read_labels(_colours(1, 2, 3), labeller)
    big = cv2.resize(RGB[_labels(1, 0, 3)], (640, 480), interpolation=cv2.INTER_NEAREST)
    mask = read_labels(_file(Image.fromarray(big), "JPEG", quality=90, subsampling=0), labeller).mask
    exact = cv2.resize(_labels(3, 0, 1), (640, 480), interpolation=cv2.INTER_NEAREST)
    assert np.mean(mask != exact) < 0.01


def test_a_level_keeps_its_id_whatever_else_is_in_the_picture():
    labeller = Labeller()
    for values in [(1, 5, 38), (5, 38), (38,)]:
        np.testing.assert_array_equal(read_labels(_grey(*values), labeller).mask, _labels(*values))


def test_white_stays_the_object_or_void_that_it_was_first():
    for first, then in [((255,), (128, 255)), ((128, 255), (255,))]:
        labeller = Labeller()
        read_labels(_grey(*first), labeller)
        white = 1 if first == (255,) else 255
        exact = [white if value == 255 else value for value in then]
        np.testing.assert_array_equal(read_labels(_grey(*then), labeller).mask, _labels(*exact))


def test_what_a_damaged_draft_knows_is_dropped():
    assert Labeller({"#ff0000": 0, "#00ff00": 300, "#0000ff": "x", "5": 5}).to_json() == {"5": 5}


def _many(count, top):
    """Return 10x10 squares of `count` levels on black, the brightest `top`."""
    levels = np.linspace(0, top, count + 1).round().astype(np.uint16)[1:]
    rows = np.resize(levels, (6, 8)) if count <= 48 else np.resize(levels, (20, 20))
    return np.kron(np.pad(rows, 1), np.ones((10, 10), np.uint16))


@pytest.mark.parametrize(
    "levels", [_many(30, 30), _many(40, 240), _many(30, 60000), _many(300, 300), _many(200, 200)]
)
def test_more_than_20_levels_are_refused_with_the_count(levels):
    image = Image.fromarray(levels if levels.max() > 255 else levels.astype(np.uint8))
    count = len(np.unique(levels)) - 1
    with pytest.raises(InvalidInput, match=f"marks {count} objects; 1 to 20 are allowed"):
        read_mask(_file(image))


def test_more_than_20_indices_and_numbers_are_refused_with_the_count(tmp_path):
    levels = _many(24, 24)
    np.save(tmp_path / "m.npy", levels)
    for source in (encode_png(levels.astype(np.uint8)), tmp_path / "m.npy"):
        with pytest.raises(InvalidInput, match="marks 24 objects"):
            read_mask(source)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_of_a_mask_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _file(Image.fromarray(_labels(1, 2, 3)), exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(read_mask(data)[0], upright)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.int64, np.float32])
def test_label_maps_of_numpy_are_read(tmp_path, dtype):
    labels = _labels(1) if dtype is bool else _labels(1, 7, 200 if dtype != np.int16 else 100)
    np.save(tmp_path / "m.npy", labels.astype(dtype))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy")[0], labels)


def test_pickled_and_misshapen_arrays_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{}]], object), allow_pickle=True)
    np.save(tmp_path / "v.npy", np.zeros(5))
    np.save(tmp_path / "n.npy", np.full((4, 4), -1))
    for name in "ovn":
        with pytest.raises(InvalidInput):
            read_mask(tmp_path / f"{name}.npy")


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF", "BMP"])
def test_other_kinds_of_pictures_are_read(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _file(Image.fromarray(_labels(255)), kind, **options)
    np.testing.assert_array_equal(read_mask(data)[0], _labels(1))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InvalidInput, match=r"gone\.png is missing"):
        read_mask(tmp_path / "gone.png")


def test_a_mask_of_most_of_the_frame_is_told():
    inverted = np.where(_labels(1) > 0, 0, 255).astype(np.uint8)
    assert "covers 96% of the frame; is it inverted?" in read_mask(_file(Image.fromarray(inverted)))[1]


def test_binary_files_of_one_frame_are_several_objects():
    layers = [
        ("a", read_labels(_grey(255))),
        ("b", read_labels(_grey(0, 255))),
        ("c", read_labels(_grey(0, 0, 7))),
    ]
    merged = merge_layers(layers)
    np.testing.assert_array_equal(merged.mask, _labels(1, 2, 7))
    assert merged.notes == ("b is object 2.",)


def test_two_maps_of_one_frame_that_mark_one_id_are_refused():
    with pytest.raises(InvalidInput, match="a and b both mark object 5"):
        merge_layers([("a", read_labels(_grey(5, 6))), ("b", read_labels(_grey(0, 0, 0, 5, 7)))])


def test_a_thin_object_beside_a_larger_one_keeps_its_level():
    mask = _labels(38)
    mask[58, 5:70] = 25
    np.testing.assert_array_equal(read_mask(_file(Image.fromarray(mask)))[0], mask)


def test_a_large_colour_mask_takes_little_more_memory_than_its_labels():
    data = _file(Image.fromarray(np.kron(RGB[_labels(1, 2, 3)], np.ones((40, 40, 1), np.uint8))))
    tracemalloc.start()
    mask = read_labels(data).mask
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.shape == (2400, 3200)
    assert peak < 2 * mask.size + 64 * (1 << 20)  # strips of 2**20 pixels, and the labels twice
