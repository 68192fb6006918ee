from dataclasses import replace

import numpy as np
import pytest

from tests.net.train.pictures import colours_agree, red_square
from vos.errors import InvalidInput
from vos.net.train.clips import FirstFrameClips, RealClips, keep
from vos.net.train.motion import Motion, excursion, shift
from vos.net.train.scene import Layer, render
from vos.net.train.synthetic import SyntheticClips


def rng(*seed):
    return np.random.default_rng(seed)


def still(length, x=0.0, y=0.0):
    return Motion(np.stack([shift(x, y)] * length))


def sources(data):
    frame, mask = red_square(72, 96, 20, 30, 25)
    return SyntheticClips(data, 64, 4, 2), RealClips(data, 64, 4), FirstFrameClips(frame, mask, 64, 4)


def test_the_same_seed_gives_the_same_clip_and_another_seed_another(data):
    for source in sources(data):
        one, same, other = (source.sample(rng(i)) for i in (7, 7, 8))
        assert np.array_equal(one.frames, same.frames)
        assert np.array_equal(one.masks, same.masks)
        assert not np.array_equal(one.frames, other.frames)


def test_a_layer_is_labelled_exactly_where_its_colour_is():
    square = np.zeros((8, 10, 4), np.uint8)
    square[...] = (*[200, 10, 10], 255)
    moves = Motion(np.stack([shift(5 + 3 * t, 7) for t in range(3)]))
    background = Layer(np.full((40, 40, 3), 50, np.uint8), still(3))
    frames, masks = render(background, [Layer(square, moves, label=4)], 40)
    for t in range(3):
        expected = np.zeros((40, 40), np.uint8)
        expected[7:15, 5 + 3 * t : 15 + 3 * t] = 4
        assert np.array_equal(masks[t], expected)
        assert np.array_equal(frames[t][..., 0], np.where(expected, 200, 50))


def test_what_passes_in_front_takes_the_label_away():
    cover = np.full((40, 20, 4), 255, np.uint8)
    under = Layer(np.full((40, 40, 4), 255, np.uint8), still(1), label=1)
    _, masks = render(Layer(np.zeros((40, 40, 3), np.uint8), still(1)), [under, Layer(cover, still(1))], 40)
    assert np.unique(masks[0, :, :20]).tolist() == [0]
    assert np.unique(masks[0, :, 20:]).tolist() == [1]


def test_real_clips_have_their_masks_where_the_object_is(data):
    clips = RealClips(data, 64, 4)
    for seed in range(12):
        sample = clips.sample(rng(seed))
        assert sample.masks[0].any()
        assert colours_agree(sample.frames, sample.masks)


def test_first_frame_clips_have_their_masks_where_the_object_is():
    frame, mask = red_square(90, 120, 30, 40, 36)
    clips = FirstFrameClips(frame, mask, 64, 4)
    for seed in range(12):
        sample = clips.sample(rng(seed))
        assert sample.masks[0].any()
        assert colours_agree(sample.frames, sample.masks)


def test_first_frame_clips_keep_the_ids_of_several_objects():
    frame, mask = red_square(90, 120, 10, 10, 30)
    mask[50:80, 60:90] = 5
    seen = [set(np.unique(FirstFrameClips(frame, mask, 64, 3).sample(rng(i)).masks)) for i in range(8)]
    assert set.union(*seen) == {0, 1, 5}


def test_first_frame_clips_need_an_object():
    with pytest.raises(InvalidInput, match="no object"):
        FirstFrameClips(np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), np.uint8), 64, 3)


def test_synthetic_clips_label_objects_from_one_and_no_more_than_asked_for(data):
    for most in (1, 3):
        clips = SyntheticClips(data, 64, 4, most)
        counts = []
        for seed in range(15):
            labels = set(np.unique(clips.sample(rng(seed)).masks[0])) - {0}
            assert labels == set(range(1, len(labels) + 1))
            counts.append(len(labels))
        assert min(counts) == 1
        assert max(counts) == most


def test_videos_alone_are_enough_for_scenes(data):
    alone = replace(data, cutouts=(), regions=(), photos=())
    assert SyntheticClips(alone, 64, 3).sample(rng(0)).masks[0].any()


def test_an_excursion_leaves_the_canvas_and_comes_back():
    path = excursion(rng(1), 7)
    far = np.hypot(path[:, 4], path[:, 5])
    assert far[0] == far[-1] == 0
    assert far[3] == pytest.approx(1.4)


def test_keep_numbers_large_objects_and_drops_specks():
    masks = np.zeros((2, 50, 50), np.uint8)
    masks[0, :10, :10], masks[0, 20:30, :10], masks[0, 49, 49] = 9, 4, 7
    masks[1, :5, :5] = 9
    kept = keep(masks, 3, rng(0))
    assert sorted(np.unique(kept).tolist()) == [0, 1, 2]
    assert np.array_equal(kept[0] > 0, (masks[0] == 9) | (masks[0] == 4))
    assert keep(np.zeros((2, 50, 50), np.uint8), 3, rng(0)) is None


def test_a_clip_longer_than_every_video_is_refused(data):
    with pytest.raises(InvalidInput, match="no video of 9 frames"):
        RealClips(data, 64, 9).sample(rng(0))


def test_real_clips_reach_as_far_as_the_skip_allows(data):
    for max_skip, most in ((1, 1), (3, 2)):  # 8 frames, 4 in a clip: two at a time at most
        steps = set()
        for seed in range(30):
            pictures = RealClips(data, 64, 4, max_skip=max_skip)._frames_of(data.videos["hop"], rng(seed))
            numbers = [int(p.image.stem) for p in pictures]
            steps |= set(np.abs(np.diff(numbers)).tolist())
        assert max(steps) == most
        assert min(steps) == 1
