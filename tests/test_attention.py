"""Attention as a sheet of pictures: at most six frames, spread over the clip."""

import io

import numpy as np
from PIL import Image

from vos.attention import GAP, WIDTH, Sheet
from vos.propagate import MaskedFrame
from vos.types import Prediction
from vos.video.read import TimedFrame

HEAT = np.array([[0, 0.5, 1]], np.float32)


def tracked(index, attention=HEAT):
    frame, mask = np.full((50, 100, 3), 90, np.uint8), np.zeros((50, 100), np.uint8)
    return MaskedFrame(TimedFrame(index, 0, frame, 0), Prediction(mask, 1, attention))


def test_six_frames_spread_over_the_clip_are_kept():
    sheet, kept = Sheet(60), []
    for index in range(60):
        before = len(sheet._cells)
        sheet.add(tracked(index))
        kept += [index] if len(sheet._cells) > before else []
    assert kept == [5, 15, 25, 35, 45, 55]
    height = WIDTH // 2
    assert Image.open(io.BytesIO(sheet.jpeg())).size == (3 * WIDTH + 2 * GAP, 2 * height + GAP)


def test_what_is_attended_to_most_is_brightest():
    sheet = Sheet(1)
    sheet.add(tracked(0))
    picture = np.asarray(Image.open(io.BytesIO(sheet.jpeg())).convert("L"), float)
    assert picture.shape[1] == WIDTH
    below = picture[40:]  # the frame's number
    assert below[:, :50].mean() + 20 < below[:, 190:240].mean() < below[:, -50:].mean() - 20


def test_without_attention_there_is_no_sheet():
    sheet = Sheet(2)
    sheet.add(tracked(0, None))
    assert sheet.jpeg() is None
