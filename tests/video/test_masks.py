"""Masks in files."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from vos.errors import DamagedResult, InvalidInput
from vos.video.masks import (
    MaskReader,
    MaskWriter,
    encode_png,
    pack,
    read_mask,
    replacing,
    resize_mask,
    unpack,
    write_png,
)

LABELS = [0, 1, 2, 20, 127, 254, 255]


def _mask(high, size_hw=(33, 47), seed=0):
    return np.random.default_rng(seed).integers(0, high + 1, size_hw).astype(np.uint8)


def _add(writer, *masks):
    for mask in masks:
        writer.add(mask)


@pytest.fixture
def stored(tmp_path):
    """A file of four masks, and the masks."""
    masks = [_mask(high, seed=high) for high in (1, 0, 255, 3)]
    with MaskWriter(tmp_path / "masks") as writer:
        _add(writer, *masks)
    return tmp_path / "masks", masks


def test_a_written_mask_is_a_palette_png_that_reads_back_the_same(tmp_path):
    mask = _mask(20)
    write_png(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[3:6] == [128, 0, 0]
        np.testing.assert_array_equal(np.asarray(image), mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], mask)


def test_writing_fails_without_a_trace(tmp_path):
    (tmp_path / "m.png").write_text("older")
    with pytest.raises(TypeError), replacing(tmp_path / "m.png") as part:
        part.write_text("half") + "x"
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("m.png", "older")]


def test_a_mask_of_another_size_is_resized_and_the_note_says_so():
    mask, note = read_mask(encode_png(np.eye(4, dtype=np.uint8)), (8, 8))
    np.testing.assert_array_equal(mask, np.kron(np.eye(4, dtype=np.uint8), np.ones((2, 2), np.uint8)))
    assert note == "The mask was 4x4 and is resized to 8x8."


def test_a_mask_of_another_shape_is_told():
    note = read_mask(encode_png(np.eye(4, dtype=np.uint8)), (8, 12))[1]
    assert note.endswith("its proportions are not those of the clip.")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"", "the mask is not a picture that can be read"),
        (b"frame,object", "the mask is not a picture that can be read"),
        (encode_png(_mask(1))[:60], "the mask is not a picture that can be read"),
        (encode_png(np.zeros((4, 4), np.uint8)), "the mask is empty; it must mark at least one object"),
        (encode_png(np.arange(25, dtype=np.uint8).reshape(5, 5)), "marks 24 objects|at most 20"),
    ],
)
def test_what_is_no_mask_is_refused_with_a_sentence(source, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        read_mask(source)


def test_an_object_lost_by_resizing_is_refused():
    mask = np.zeros((50, 50), np.uint8)
    mask[0, 1] = 1
    with pytest.raises(InvalidInput, match="empty"):
        read_mask(encode_png(mask), (5, 5))


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded():
    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    with pytest.raises(InvalidInput, match="9000x9000"):
        read_mask(file.getvalue())


def test_resizing_takes_the_nearest_pixel():
    mask = np.array([[1, 255], [7, 0]], np.uint8)
    np.testing.assert_array_equal(resize_mask(mask, (4, 6)), np.kron(mask, np.ones((2, 3), np.uint8)))
    np.testing.assert_array_equal(resize_mask(resize_mask(mask, (6, 6)), (2, 2)), mask)


@pytest.mark.parametrize("high", LABELS)
@pytest.mark.parametrize("size_hw", [(1, 1), (33, 47), (8, 16)])
def test_packing_keeps_every_label(high, size_hw):
    mask = _mask(high, size_hw)
    mask.flat[0] = high
    np.testing.assert_array_equal(unpack(pack(mask), size_hw), mask)


def test_one_object_is_one_bit_a_pixel():
    mask = np.array([[0, 1, 1, 0, 1]], np.uint8)
    assert zlib.decompress(pack(mask)) == bytes([0b01101000])


def test_bytes_that_unpack_to_another_size_are_damaged():
    with pytest.raises(DamagedResult):
        unpack(pack(_mask(1, (8, 8))), (8, 9))
    with pytest.raises(DamagedResult):
        unpack(zlib.compress(bytes(10**6)), (8, 8))


def test_stored_masks_are_read_in_any_order(stored):
    path, masks = stored
    with MaskReader(path) as reader:
        assert (len(reader), reader.size_hw) == (4, (33, 47))
        for index in (2, 0, 3, -1, 1):
            np.testing.assert_array_equal(reader[index], masks[index])
        for mask, exact in zip(reader, masks, strict=True):
            np.testing.assert_array_equal(mask, exact)
        with pytest.raises(IndexError):
            reader[4]


def test_every_truncation_is_damage(stored, tmp_path):
    data = stored[0].read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(DamagedResult):
            MaskReader(tmp_path / "short")


def test_a_flipped_byte_is_damage_and_never_another_mask(stored, tmp_path):
    data, masks = stored[0].read_bytes(), stored[1]
    for place in range(0, len(data), 11):
        bad = bytearray(data)
        bad[place] ^= 0x55
        (tmp_path / "bad").write_bytes(bad)
        damaged = 0
        try:
            with MaskReader(tmp_path / "bad") as reader:
                for index, exact in enumerate(masks):
                    try:
                        np.testing.assert_array_equal(reader[index], exact)
                    except DamagedResult:
                        damaged += 1
        except DamagedResult:
            damaged += 1
        assert damaged, place


def test_a_writer_left_by_an_exception_leaves_the_older_file(tmp_path):
    (tmp_path / "masks").write_text("older")
    with pytest.raises(InvalidInput), MaskWriter(tmp_path / "masks") as writer:
        _add(writer, _mask(1), _mask(1).astype(float))
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("masks", "older")]


def test_a_mask_of_another_size_is_not_stored(tmp_path):
    with pytest.raises(InvalidInput, match="mask 1"), MaskWriter(tmp_path / "masks") as writer:
        _add(writer, _mask(1), _mask(1, (4, 4)))
    assert not list(tmp_path.iterdir())
