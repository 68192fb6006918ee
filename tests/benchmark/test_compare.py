"""Comparing masks: scores per frame, ground truth from a zip, where two sides differ."""

import io
import math
import zipfile

import numpy as np
import pytest
from PIL import Image

from vos.benchmark import compare
from vos.benchmark.compare import Score, Truth
from vos.errors import InvalidInput
from vos.video.masks import MaskReader, MaskWriter, encode_png

SIZE = (20, 30)


def square(left, label=1):
    mask = np.zeros(SIZE, np.uint8)
    mask[5:15, left : left + 10] = label
    return mask


def packed(path, masks):
    with MaskWriter(path) as writer:
        for mask in masks:
            writer.add(mask)
    return path


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    buffer.seek(0)
    return buffer


def test_j_of_shifted_squares_is_their_overlap(tmp_path):
    truth = Truth(packed(tmp_path / "a", [square(0), square(0)]), (0, 2))
    with MaskReader(packed(tmp_path / "b", [square(0), square(0), square(5)])) as masks:
        first, second = compare.score_frames(truth, masks, merged=False)
    assert first == [Score(0, 1, 1.0, 1.0)]
    assert (second[0].frame, second[0].j) == (2, pytest.approx(50 / 150))


def test_an_object_that_only_one_side_has_scores_zero_unless_merged(tmp_path):
    truth = Truth(packed(tmp_path / "a", [square(0, 1)]), (0,))
    with MaskReader(packed(tmp_path / "b", [square(0, 2)])) as masks:
        (rows,) = compare.score_frames(truth, masks, merged=False)
        assert [(row.object_id, row.j) for row in rows] == [(1, 0.0), (2, 0.0)]
        (rows,) = compare.score_frames(truth, masks, merged=True)
        assert [(row.object_id, row.j) for row in rows] == [(1, 1.0)]


def test_a_zip_with_a_mask_for_every_frame_goes_in_order(tmp_path):
    source = zipped({f"masks/{n:05d}.png": encode_png(square(n)) for n in (7, 5, 6)})
    truth, note = compare.read_truth(source, tmp_path / "t", SIZE, 3)
    assert (truth.frames, note) == ((0, 1, 2), "")
    with MaskReader(truth.path) as masks:
        assert np.array_equal(masks[0], square(5))


def test_a_zip_with_fewer_masks_says_the_frames_by_number(tmp_path):
    names = {"00000.png": square(0), "00005.png": square(5), "__MACOSX/00001.png": square(1)}
    source = zipped({name: encode_png(mask) for name, mask in names.items()})
    truth, _ = compare.read_truth(source, tmp_path / "t", SIZE, 9)
    assert truth.frames == (0, 5)


def test_ground_truth_may_be_empty_where_the_object_is_gone(tmp_path):
    source = zipped({"0.png": encode_png(square(0)), "1.png": encode_png(square(0) * 0)})
    truth, _ = compare.read_truth(source, tmp_path / "t", SIZE, 2)
    with MaskReader(truth.path) as masks:
        assert not masks[1].any()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"readme.txt": b"x"}, "the zip has 0 mask pictures"),
        ({"9.png": encode_png(square(0))}, "1 masks, up to frame 9; the clip has 3 frames"),
        ({"one.png": encode_png(square(0))}, "one.png has no frame number in its name"),
        ({"1.png": b"not a picture"}, "1.png: the mask is not a picture that can be read"),
    ],
)
def test_ground_truth_that_does_not_fit_gets_one_sentence(tmp_path, files, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        compare.read_truth(zipped(files), tmp_path / "t", SIZE, 3)
    assert not (tmp_path / "t").exists()


def test_what_is_no_zip_gets_one_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="the ground truth is no zip of mask pictures"):
        compare.read_truth(io.BytesIO(b"words"), tmp_path / "t", SIZE, 3)


def test_differences_tell_alike_from_extra_and_missed():
    truth = np.array([[0, 1, 1, 0, 2, 255]], np.uint8)
    other = np.array([[0, 1, 0, 1, 1, 0]], np.uint8)
    assert compare.mark_differences(truth, other).tolist() == [[0, 1, 3, 2, 3, 0]]


def test_what_lies_on_void_is_extra_as_in_the_score():
    assert compare.mark_differences(np.array([[255]], np.uint8), np.array([[1]], np.uint8)).tolist() == [[2]]


def test_colours_of_a_zip_are_the_same_objects_on_all_frames(tmp_path):
    colours = np.array([(0, 0, 0), (0, 0, 255), (255, 0, 0)], np.uint8)
    masks = [square(2) + square(16, 2), square(4, 2), square(9)]
    files = {}
    for index, mask in enumerate(masks):
        file = io.BytesIO()
        Image.fromarray(colours[mask]).save(file, "PNG")
        files[f"{index}.png"] = file.getvalue()
    truth, note = compare.read_truth(zipped(files), tmp_path / "t", SIZE, 3)
    with MaskReader(truth.path) as found:
        for mask, exact in zip(found, masks, strict=True):
            np.testing.assert_array_equal(mask, exact)
    assert note == "The 2 colours were taken as objects 1 and 2."


def test_a_name_of_5000_digits_is_a_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="up to frame 1000000000; the clip has 3 frames"):
        compare.read_truth(zipped({f"{'9' * 5000}.png": encode_png(square(1))}), tmp_path / "t", SIZE, 3)


def test_t_of_a_shape_that_only_moves_is_zero_and_without_an_outline_unknown():
    values = list(compare.measure_stability(iter([square(0), square(5), square(0) * 0])))
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert math.isnan(values[1])
    assert len(values) == 2


def test_the_table_names_the_objects():
    lines = compare.to_csv([Score(3, 1, 0.5, 0.25)], {1: "dog"}).splitlines()
    assert lines == ["frame,object,name,J,F", "3,1,dog,0.500000,0.250000"]
