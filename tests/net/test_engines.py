"""What every engine must do, whichever it is."""

import dataclasses
import gc
import math
import weakref
from types import ModuleType

import numpy as np
import pytest

from tests.net.clips import MemoryClip, squares
from vos import plugins
from vos.errors import InvalidInput
from vos.types import Device, Prediction, Prompt, Segmenter, Step
from vos.weights import locate, needed

ENGINES = plugins.names(plugins.ENGINES)
SMALL = {"short_side": 64, "iterations": 20}  # where an engine has this option


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load(plugins.ENGINES, request.param)


@pytest.fixture(scope="module")
def segmenter(engine: ModuleType) -> Segmenter:
    known = {field.name for field in dataclasses.fields(engine.Options)}
    options = engine.Options(**{name: value for name, value in SMALL.items() if name in known})
    return engine.build({w.name: locate(w) for w in needed(engine, options)}, Device(), options)


@pytest.fixture
def follows(engine: ModuleType) -> None:
    """Only for engines that carry prompts to other frames; others find an object of their own, with id 1."""
    if not engine.NEEDS_PROMPT:
        pytest.skip("finds its own object")


def predictions(segmenter: Segmenter, clip: MemoryClip, *prompts: Prompt) -> list[Prediction]:
    return [item for item in segmenter.segment(clip, prompts) if not isinstance(item, Step)]


def test_an_engine_says_what_it_is(engine):
    assert engine.TITLE
    assert engine.SUMMARY.endswith(".")
    assert isinstance(engine.NEEDS_PROMPT, bool)
    assert all(weight.name.endswith(".safetensors") and weight.licence for weight in engine.WEIGHTS)


def test_every_option_has_a_default_and_a_help_text(engine):
    engine.Options()
    for field in dataclasses.fields(engine.Options):
        assert field.metadata["help"], field.name
        assert isinstance(getattr(engine.Options(), field.name), bool | int | float | str)


def test_options_out_of_range_are_refused(engine):
    for field in dataclasses.fields(engine.Options):
        for bad in (
            ["no such choice"] if "choices" in field.metadata else [],
            [field.metadata["min"] - 1] if "min" in field.metadata else [],
            [field.metadata["max"] + 1] if "max" in field.metadata else [],
        ):
            for value in bad:
                with pytest.raises(InvalidInput, match=field.name):
                    engine.Options(**{field.name: value})


def test_every_frame_has_one_mask_of_its_own_size_with_the_prompted_objects_only(segmenter):
    clip, masks = squares((1, 4))  # 1 is also what an engine finds that needs no prompt
    found = predictions(segmenter, clip, Prompt(0, masks[0]))
    assert len(found) == len(clip.frames)
    for prediction in found:
        assert prediction.mask.shape == (144, 208)
        assert prediction.mask.dtype == np.uint8
        assert set(np.unique(prediction.mask)) <= {0, 1, 4}


def test_confidence_is_between_0_and_1_or_nan(segmenter):
    clip, masks = squares((1, 4))
    for prediction in predictions(segmenter, clip, Prompt(0, masks[0])):
        assert math.isnan(prediction.confidence) or 0 <= prediction.confidence <= 1


def test_a_prompted_frame_comes_back_as_given(segmenter):
    clip, masks = squares((1, 2))
    odd = np.random.default_rng(1).integers(0, 3, masks[0].shape).astype(np.uint8)  # nothing would predict it
    found = predictions(segmenter, clip, Prompt(0, masks[0]), Prompt(3, odd))
    assert np.array_equal(found[0].mask, masks[0])
    assert np.array_equal(found[3].mask, odd)


def test_objects_are_followed(follows, segmenter):
    clip, masks = squares((1, 4))
    last = predictions(segmenter, clip, Prompt(0, masks[0]))[-1].mask
    for i in (1, 4):
        truth, got = masks[-1] == i, last == i
        assert (truth & got).sum() / (truth | got).sum() > 0.6


def test_a_correction_of_one_object_leaves_the_others_alone(follows, segmenter):
    clip, masks = squares((1, 4))
    plain = predictions(segmenter, clip, Prompt(0, masks[0]))
    moved = np.where(masks[3] == 1, 1, 0).astype(np.uint8)
    found = predictions(segmenter, clip, Prompt(0, masks[0]), Prompt(3, moved))
    assert np.array_equal(found[3].mask == 1, moved == 1)
    for t in (3, 4, 5):
        before, after = plain[t].mask == 4, found[t].mask == 4
        assert (before & after).sum() / (before | after).sum() > 0.9


def test_a_correction_moves_the_object_to_where_it_says(follows, segmenter):
    clip, masks = squares((1, 4))
    wrong = np.where(masks[0] == 1, 1, 0).astype(np.uint8)
    right = np.where(masks[3] == 4, 1, 0).astype(np.uint8)  # the other square is the object after all
    last = predictions(segmenter, clip, Prompt(0, wrong), Prompt(3, right))[-1].mask
    assert (last[masks[-1] == 4] == 1).mean() > 0.6


def test_an_object_may_join_later(follows, segmenter):
    clip, masks = squares((1, 4))
    first = np.where(masks[0] == 1, 1, 0).astype(np.uint8)
    later = np.where(masks[2] == 4, 4, 0).astype(np.uint8)
    found = predictions(segmenter, clip, Prompt(0, first), Prompt(2, later))
    assert all(4 not in prediction.mask for prediction in found[:2])
    last, truth = found[-1].mask, masks[-1]
    for i in (1, 4):
        assert ((last == i) & (truth == i)).sum() / ((last == i) | (truth == i)).sum() > 0.6


@pytest.mark.parametrize("size_hw", [(1, 1), (5, 3), (17, 33), (16, 300), (101, 67)])
def test_frames_of_any_size_work(segmenter, size_hw):
    rng = np.random.default_rng(0)
    clip = MemoryClip([rng.integers(0, 255, (*size_hw, 3), np.uint8) for _ in range(3)])
    mask = np.zeros(size_hw, np.uint8)
    mask[: size_hw[0] // 2 + 1] = 1
    found = predictions(segmenter, clip, Prompt(0, mask))
    assert [prediction.mask.shape for prediction in found] == [size_hw] * 3


def test_a_clip_of_one_frame_gives_the_prompt_back(segmenter):
    clip, masks = squares((2,), count=1)
    (only,) = predictions(segmenter, clip, Prompt(0, masks[0]))
    assert np.array_equal(only.mask == 2, masks[0] == 2)


def test_a_whole_frame_may_be_the_object(follows, segmenter):
    clip, masks = squares((1,), count=3)
    everything = np.ones_like(masks[0])
    assert (predictions(segmenter, clip, Prompt(0, everything))[-1].mask == 1).mean() > 0.5


def test_void_in_a_prompt_is_not_an_object(segmenter):
    clip, masks = squares((1,), count=3)
    prompt = masks[0].copy()
    prompt[-5:] = 255
    for prediction in predictions(segmenter, clip, Prompt(0, prompt)):
        assert set(np.unique(prediction.mask)) <= {0, 1}


def test_masks_come_in_step_with_the_frames(segmenter):
    clip, masks = squares((1,))
    asked = []

    class Watched(MemoryClip):
        def __iter__(self):
            for index, frame in enumerate(self.frames):
                asked.append(index)
                yield frame

    got = 0
    for item in segmenter.segment(Watched(clip.frames), [Prompt(0, masks[0])]):
        if isinstance(item, Prediction):
            assert max(asked) <= got
            got += 1
    assert asked == list(range(6))


def test_the_same_request_gives_the_same_masks(segmenter):
    clip, masks = squares((1, 2))
    first, second = (predictions(segmenter, clip, Prompt(0, masks[0])) for _ in range(2))
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, second, strict=True))


def test_a_closed_generator_keeps_nothing(segmenter):
    clip, masks = squares((1,))
    clip = MemoryClip(clip.frames)
    run = segmenter.segment(clip, [Prompt(0, masks[0])])
    next(run)
    next(run)
    held = weakref.ref(clip)
    del clip
    run.close()
    del run
    gc.collect()
    assert held() is None


def test_an_engine_that_needs_no_prompt_finds_one_object(engine, segmenter):
    if engine.NEEDS_PROMPT:
        pytest.skip("needs a prompt")
    clip, _ = squares((1,))
    found = predictions(segmenter, clip)
    assert [prediction.mask.shape for prediction in found] == [(144, 208)] * 6
    assert all(set(np.unique(prediction.mask)) <= {0, 1} for prediction in found)


def test_the_first_frame_needs_a_prompt(follows, segmenter):
    clip, masks = squares((1,))
    with pytest.raises(InvalidInput, match="frame 0; the first is on frame 2"):
        predictions(segmenter, clip, Prompt(2, masks[2]))
    with pytest.raises(InvalidInput, match="there is none"):
        predictions(segmenter, clip)


def test_a_prompt_of_another_size_is_refused(segmenter):
    clip, masks = squares((1,))
    with pytest.raises(InvalidInput, match="is 100x144, the video is 208x144"):
        predictions(segmenter, clip, Prompt(0, masks[0][:, :100].copy()))
