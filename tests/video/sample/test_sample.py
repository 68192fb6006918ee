"""The sample clip and its ground truth."""

from itertools import islice

import av
import cv2
import numpy as np
import pytest

from vos.errors import InvalidInput
from vos.video import sample
from vos.video.sample.paint import Camera

SIZE_HW = (120, 214)


@pytest.fixture(scope="module")
def clip():
    """Every third frame of the clip, small, and its masks."""
    return [both for index, both in enumerate(sample.frames(90, SIZE_HW)) if index % 3 == 0]


def _same(a, b):
    return np.count_nonzero((a > 0) & (b > 0)) / np.count_nonzero((a > 0) | (b > 0))


def test_frames_and_masks_have_the_asked_size_and_number():
    both = list(sample.frames(2, (90, 71)))
    assert [(f.shape, f.dtype, m.shape, m.dtype) for f, m in both] == [
        ((90, 71, 3), np.uint8, (90, 71), np.uint8)
    ] * 2


def test_the_clip_is_the_same_when_it_is_drawn_anew():
    first = list(sample.frames(2, SIZE_HW))
    sample._scene.cache_clear()
    for (frame, mask), (again, mask_again) in zip(first, sample.frames(2, SIZE_HW), strict=True):
        np.testing.assert_array_equal(frame, again)
        np.testing.assert_array_equal(mask, mask_again)


def test_the_object_is_orange_to_its_very_edge_and_what_is_around_it_is_not(clip):
    for frame, mask in clip:
        red_over_blue = frame[..., 0].astype(int) - frame[..., 2]
        around = cv2.dilate(mask, np.ones((7, 7))) - cv2.dilate(mask, np.ones((3, 3)))
        edge = mask - cv2.erode(mask, np.ones((3, 3)))
        assert red_over_blue[mask == 1].mean() > 60
        assert red_over_blue[edge == 1].mean() > red_over_blue[around == 1].mean() + 40


def test_the_object_passes_behind_the_kelp_in_pieces_and_is_never_lost(clip):
    areas = [int(mask.sum()) for _, mask in clip]
    pieces = [cv2.connectedComponents(mask)[0] - 1 for _, mask in clip]
    assert 100 < min(areas) < 0.5 * max(areas)
    assert pieces[0] == 1
    assert sum(count > 2 for count in pieces) >= 5


def test_the_object_crosses_the_picture_turns_and_deforms(clip):
    boxes = np.array([cv2.boundingRect(mask) for _, mask in clip])
    centres = boxes[:, 0] + boxes[:, 2] / 2
    shape = boxes[:, 2] / boxes[:, 3]
    assert centres.max() - centres.min() > 0.3 * SIZE_HW[1]
    assert shape.max() > 1.8 * shape.min()


def test_the_camera_moves_and_what_is_near_moves_more():
    start, later = (Camera(time_s, SIZE_HW) for time_s in (0, 1.5))
    far, near = (np.abs(later.matrix(k) - start.matrix(k))[:, 2].max() for k in (0.35, 1))
    assert near > 2 * far > 4


def test_the_first_frames_mask_is_the_prompt(clip):
    np.testing.assert_array_equal(sample.prompt(SIZE_HW), clip[0][1])


def test_more_objects_are_labelled_exactly_and_the_first_stays_the_same(clip):
    two = next(sample.frames(1, SIZE_HW, objects=2))
    np.testing.assert_array_equal(two[0], clip[0][0])
    np.testing.assert_array_equal(two[1] == 1, clip[0][1] == 1)
    assert set(np.unique(sample.prompt(SIZE_HW, objects=8))) == set(range(9))


def test_the_clip_is_the_same_scene_at_any_size(clip):
    large = sample.prompt((240, 427))
    small = cv2.resize(large, SIZE_HW[::-1], interpolation=cv2.INTER_AREA)
    assert _same(small, clip[0][1]) > 0.95


def test_the_object_is_in_the_picture_however_long_the_clip():
    scene = sample._scene(SIZE_HW, 1)
    assert all(scene.frame(index)[1].sum() > 60 for index in range(0, 3000, 211))


def test_there_is_noise_on_the_sensor(clip):
    still = [frame[:20, -30:].astype(float) for frame, _ in islice(clip, 2)]
    assert 1 < (still[1] - still[0]).std() < 12


@pytest.mark.parametrize("objects", [0, 9])
def test_other_numbers_of_objects_are_refused(objects):
    with pytest.raises(InvalidInput, match=f"1 to 8 objects; {objects}"):
        next(sample.frames(1, SIZE_HW, objects))


def test_the_clip_is_written_as_a_video(tmp_path):
    pytest.importorskip("vos.video.write", reason="needs vos.video.write")
    sample.write(tmp_path / "sample.mp4", 3, SIZE_HW)
    with av.open(str(tmp_path / "sample.mp4")) as video:
        assert [frame.time for frame in video.decode(video=0)] == [index / 30 for index in range(3)]
        stream = video.streams.video[0]
        assert (stream.height, stream.width, stream.average_rate) == (*SIZE_HW, 30)
