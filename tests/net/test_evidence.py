import numpy as np
import pytest
import torch

from tests.net.clips import MemoryClip
from vos.net.engines import memory as engine
from vos.net.evidence import Evidence
from vos.types import Device, Prompt
from vos.video import sample
from vos.weights import locate

GREY = np.full((60, 80, 3), 128, np.uint8)
LIKE_1, LIKE_2 = (10, 10), (10, 50)  # two places, 40 columns apart


def squares(*places, side=12, size=(60, 80), sure=0.99):
    prob = torch.zeros(1, 1, *size)
    for top, left in places:
        prob[0, 0, top : top + side, left : left + side] = sure
    return prob


def judged(evidence, prob, frame=GREY):
    evidence.judge(frame, [1], prob)
    return prob


def told(*places):
    evidence = Evidence()
    evidence.judge(GREY, [], torch.zeros(0, 1, 60, 80))
    evidence.tell(1, squares(*places)[0])
    return evidence


def test_a_part_that_appears_far_from_an_object_in_sight_is_dropped_and_the_object_stays_as_it_is():
    evidence = told(LIKE_1)
    for _ in range(3):
        assert torch.equal(judged(evidence, squares(LIKE_1, LIKE_2)), squares(LIKE_1))


def test_a_part_near_the_object_goes_on_with_it():
    both = squares((10, 10), (10, 30))
    assert torch.equal(judged(told((10, 10)), both.clone()), both)


def test_an_object_that_was_lost_may_be_found_anywhere():
    evidence = told(LIKE_1)
    judged(evidence, squares())
    assert torch.equal(judged(evidence, squares(LIKE_2)), squares(LIKE_2))


def test_of_an_object_that_is_mostly_gone_the_far_part_may_be_the_rest():
    sliver = squares((10, 10), side=4)
    there = torch.maximum(sliver, squares(LIKE_2))
    assert torch.equal(judged(told(LIKE_1), there.clone()), there)


def test_a_lost_part_comes_back_nearby_if_the_whole_is_no_larger_than_it_was():
    first, back = squares((4, 4), side=30), squares((4, 50))  # 16 columns apart: out of reach
    both = torch.maximum(first, back)
    halves = told((0, 0))
    halves.tell(1, torch.maximum(first, squares((4, 50), side=30))[0])
    judged(halves, first.clone())
    assert torch.equal(judged(halves, both.clone()), both)
    one = told((0, 0))
    one.tell(1, first[0])
    assert torch.equal(judged(one, both.clone()), first)


def test_in_another_scene_only_what_is_sure_is_found_again():
    evidence = told(LIKE_1)
    other = np.dstack([np.full((60, 80), 20), np.full((60, 80), 200), np.full((60, 80), 90)]).astype(np.uint8)
    assert not judged(evidence, squares(LIKE_2, sure=0.6), other).any()
    assert not judged(evidence, squares(LIKE_2, sure=0.6), other).any()
    assert torch.equal(judged(evidence, squares(LIKE_2), other), squares(LIKE_2))
    assert torch.equal(judged(evidence, squares(LIKE_2, sure=0.6), other), squares(LIKE_2, sure=0.6))


def built(short_side):
    paths = {weight.name: locate(weight) for weight in engine.WEIGHTS}
    return engine.build(paths, Device(), engine.Options(short_side=short_side))


def test_the_look_alike_of_the_sample_is_not_the_object():
    pairs = list(sample.frames(20))
    answers = built(384).segment(MemoryClip([frame for frame, _ in pairs]), [Prompt(0, pairs[0][1])])
    masks = [answer.mask > 0 for answer in answers]
    overlaps = [np.sum(a & (b > 0)) / np.sum(a | (b > 0)) for a, (_, b) in zip(masks, pairs, strict=True)]
    assert min(overlaps) > 0.9


def test_after_a_cut_the_mask_is_empty_until_the_object_is_back():
    pairs = list(sample.frames(8, size_hw=(240, 427)))
    noise = np.random.default_rng(0).integers(0, 255, (6, 10, 3), np.uint8)
    elsewhere = np.repeat(np.repeat(noise, 40, 0), 43, 1)[:240, :427]
    frames = [f for f, _ in pairs[:4]] + [elsewhere] * 3 + [f for f, _ in pairs[4:]]
    answers = list(built(192).segment(MemoryClip(frames), [Prompt(0, pairs[0][1])]))
    assert not any(answer.mask.any() for answer in answers[4:7])
    assert [answer.confidence for answer in answers[4:7]] == pytest.approx([0] * 3, abs=1e-6)
    assert answers[-1].confidence > 0.7
    found, truth = answers[-1].mask > 0, pairs[-1][1] > 0
    assert np.sum(found & truth) / np.sum(found | truth) > 0.85
