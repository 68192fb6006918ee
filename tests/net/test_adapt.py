"""Accurate mode: a copy learns the first frame, and the original takes part."""

import numpy as np
import pytest
import torch

from tests.net.clips import iou, squares
from vos.net import adapt
from vos.net.engines import memory as engine
from vos.types import Device, Prediction, Prompt, Step
from vos.weights import locate


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch, tmp_path) -> engine.MemorySegmenter:
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    for name, small in (("CLIPS", 1), ("SIZE", 64), ("CHECKS", 1)):
        monkeypatch.setattr(adapt, name, small)
    paths = {weight.name: locate(weight) for weight in engine.WEIGHTS}
    return engine.build(paths, Device(), engine.Options(mode="accurate", steps=2, short_side=96))


def test_training_steps_come_first_and_the_objects_are_followed(segmenter):
    clip, masks = squares((1, 4), count=4)
    items = list(segmenter.segment(clip, [Prompt(0, masks[0])]))
    assert [(item.done, item.total) for item in items[:3]] == [(0, 2), (1, 2), (2, 2)]
    assert all(isinstance(item, Prediction) for item in items[3:])
    assert len(items) == 3 + 4
    assert all(iou(items[-1].mask == i, masks[-1] == i) > 0.6 for i in (1, 4))


def test_the_same_frame_and_mask_are_learnt_once(segmenter):
    clip, masks = squares((1,), count=2)
    first, again = (list(segmenter.segment(clip, [Prompt(0, masks[0])])) for _ in range(2))
    assert [type(item) for item in first] == [Step] * 3 + [Prediction] * 2
    assert [type(item) for item in again] == [Prediction] * 2
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first[3:], again, strict=True))


def test_the_original_network_stays_as_it_was(segmenter):
    before = {name: tensor.clone() for name, tensor in segmenter._trainable.state_dict().items()}
    clip, masks = squares((1,), count=2)
    for item in segmenter.segment(clip, [Prompt(0, masks[0])]):
        assert item
    assert all(torch.equal(before[name], now) for name, now in segmenter._trainable.state_dict().items())


def test_training_can_be_cancelled(segmenter):
    clip, masks = squares((1,), count=2)
    run = segmenter.segment(clip, [Prompt(0, masks[0])])
    assert isinstance(next(run), Step)
    run.close()
    assert list(run) == []


def test_an_object_too_small_to_learn_from_is_followed_all_the_same(segmenter):
    clip, masks = squares((1,), count=2)
    dot = np.zeros_like(masks[0])
    dot[20, 20] = 1
    items = list(segmenter.segment(clip, [Prompt(0, dot)]))
    assert sum(isinstance(item, Prediction) for item in items) == 2
