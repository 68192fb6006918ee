"""Accurate mode: OSVOS learns the objects, and has a share in every mask."""

import numpy as np
import pytest
import torch

from tests.net.clips import iou, squares
from vos.net import propagation
from vos.net.engines import memory as engine
from vos.net.engines import osvos
from vos.types import Device, Prediction, Prompt, Step
from vos.weights import locate


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch, tmp_path) -> engine.MemorySegmenter:
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    options = engine.Options(mode="accurate", iterations=2, short_side=96)
    paths = {weight.name: locate(weight) for weight in engine.weights_for(options)}
    return engine.build(paths, Device(), options)


def test_training_steps_come_first_and_the_objects_are_followed(segmenter):
    clip, masks = squares((1, 4), count=4)
    items = list(segmenter.segment(clip, [Prompt(0, masks[0])]))
    assert [(item.done, item.total) for item in items[:4]] == [(0, 2), (1, 2)] * 2
    assert all(isinstance(item, Prediction) for item in items[4:])
    assert len(items) == 4 + 4
    assert all(iou(items[-1].mask == i, masks[-1] == i) > 0.6 for i in (1, 4))


def test_an_object_may_join_later(segmenter):
    clip, masks = squares((1, 4), count=4)
    first = np.where(masks[0] == 1, 1, 0).astype(np.uint8)
    items = list(segmenter.segment(clip, [Prompt(0, first), Prompt(2, masks[2])]))
    found = [item.mask for item in items if isinstance(item, Prediction)]
    assert not (found[1] == 4).any()
    assert all(iou(found[-1] == i, masks[-1] == i) > 0.6 for i in (1, 4))


def test_what_osvos_learnt_of_a_clip_is_not_learnt_again(segmenter):
    clip, masks = squares((1,), count=2)
    weights = {"osvos.safetensors": locate(osvos.WEIGHTS[0])}
    built = osvos.build(weights, Device(), osvos.Options(iterations=2, short_side=96))
    assert isinstance(next(iter(built.segment(clip, [Prompt(0, masks[0])]))), Step)
    list(built.segment(clip, [Prompt(0, masks[0])]))
    first, again = (list(segmenter.segment(clip, [Prompt(0, masks[0])])) for _ in range(2))
    assert [type(item) for item in first] == [Prediction] * 2
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, again, strict=True))


def test_other_opinions_have_their_share_in_masks_and_none_in_what_is_remembered(segmenter):
    clip, masks = squares((1,), count=2)
    followed = [propagation.Propagation(segmenter._net, (96, 144)) for _ in range(3)]
    opinions = (), [torch.full((1, 1, 96, 144), 0.1)], [torch.full((1, 1, 96, 144), 0.9)]
    for one in followed:
        one.step(clip.frames[0], masks[0])
    alone, against, all_for = (
        one.step(clip.frames[1], None, others) for one, others in zip(followed, opinions, strict=True)
    )
    assert (against.mask > 0).sum() < (alone.mask > 0).sum() < (all_for.mask > 0).sum() < alone.mask.size / 2
    assert torch.equal(followed[0].prob, followed[1].prob)
    assert torch.equal(followed[0].prob, followed[2].prob)
    assert alone.confidence == against.confidence == all_for.confidence


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


def test_the_fast_mode_needs_one_file():
    assert [weight.name for weight in engine.weights_for(engine.Options())] == ["memory.safetensors"]
