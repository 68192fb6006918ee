import math

import cv2
import numpy as np
import pytest

from vos.api.player import find_doubtful
from vos.doubts import DOUBTFUL, Doubts
from vos.net.cuts import Cuts
from vos.tracks import COLUMNS, Track


def picture(seed, shift=0, size=(90, 160)):
    """A scene of its own colours, seen a little to the right."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 14, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (size[1] * 2, size[0]), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[:, shift : shift + size[1]])


def track(object_id, visible):
    table = np.full((len(visible), len(COLUMNS)), math.nan)
    table[np.array(visible, bool)] = 1
    return Track(object_id, table)


def doubts_of(frames, prompts=(0,)):
    doubts = Doubts(prompts)
    for frame in frames:
        doubts.add(frame)
    return doubts


def said(visible, confidence=None, names=None, first=None):
    frames = [picture(1)] * len(visible)
    sure = confidence or [0.9] * len(visible)
    return doubts_of(frames).sentences([track(1, visible)], sure, names or {}, first or {})


def test_a_cut_is_found_on_its_frame_and_a_moving_camera_is_none():
    frames = [picture(1, 3 * i) for i in range(12)] + [picture(2, 3 * i) for i in range(12)]
    cuts = Cuts()
    assert [i for i, frame in enumerate(frames) if cuts.add(frame)] == [12]


def test_light_that_goes_up_slowly_is_no_cut():
    cuts = Cuts()
    frames = (cv2.convertScaleAbs(picture(1), alpha=0.2 + 0.04 * i) for i in range(20))
    assert [cuts.add(frame) for frame in frames] == [False] * 20


def test_a_new_scene_is_said_with_its_frame():
    (sentence,) = doubts_of([picture(1)] * 5 + [picture(2)] * 5).sentences([], [], {}, {})
    assert "at frame 5" in sentence


def test_an_object_that_is_lost_is_said_with_the_frame_from_which_on():
    (sentence,) = said([1, 1, 1, 0, 0, 0], names={1: "the ball"})
    assert sentence.startswith("the ball is not found from frame 3 on")


def test_an_object_that_comes_back_is_said_with_both_frames():
    (sentence,) = said([1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    assert "object 1 is not found from frame 2 to 5, on frame 11" in sentence


def test_an_object_is_not_missed_before_the_prompt_that_brings_it():
    assert said([0, 0, 0, 0, 1, 1], first={1: 4}) == ()


def test_doubtful_frames_are_said_but_not_those_that_are_said_already():
    sure = [1, 0.9, 0.3, 0.3, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1]
    lost, doubtful = said([1] * 10 + [0, 0], sure)
    assert "from frame 10 on" in lost
    assert "from frame 2 to 4:" in doubtful


def test_a_prompt_on_a_black_frame_is_said():
    black = np.zeros((90, 160, 3), np.uint8)
    sentences = doubts_of([black, picture(1), picture(1)], prompts=(0,)).sentences([], [], {}, {})
    assert "frame 0 has a prompt, but shows nothing" in sentences[0]


def test_a_clip_without_doubts_has_none():
    assert said([1] * 8) == ()
    assert said([1] * 3, [None, None, None]) == ()


@pytest.mark.parametrize(("sure", "marked"), [(DOUBTFUL - 0.01, [(3, 4)]), (DOUBTFUL, [])])
def test_the_player_marks_what_the_sentence_tells(sure, marked):
    confidence = [1, 1, 1, sure, sure, 1, 1, None]
    assert find_doubtful(confidence) == marked
    assert len(said([1] * 8, confidence)) == len(marked)
