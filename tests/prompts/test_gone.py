"""Objects that are said to be gone: no pixels until they are named again, and nothing else changes."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from tests.resting import COUNT, SIZE, box, flow_job, write_resting_clip
from vos import segment
from vos.correct import can_correct, merge_prompts
from vos.errors import InvalidInput
from vos.jobs.files import _from_json, _to_json
from vos.prompts.gone import Gone
from vos.prompts.stored import pack_prompts, prompts_of
from vos.segment import Finished
from vos.types import Device, Prediction, Prompt
from vos.video.masks import MaskReader

DEVICE = Device()


NOTHING = np.zeros(SIZE, np.uint8)
FIRST = Prompt(0, box(5) + box(70, value=2))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_resting_clip(tmp_path_factory.mktemp("clip") / "noise.mp4")


def run(store, job, **more):
    for item in segment.run(job, store, device=DEVICE, **more):
        if isinstance(item, Finished):
            return item.result
    raise AssertionError


def seen(result, object_id):
    with MaskReader(result.files["masks"]) as masks:
        return [bool((mask == object_id).any()) for mask in masks]


def test_a_prompt_may_say_only_that_objects_are_gone_but_not_that_one_is_both():
    assert (Prompt(3, NOTHING, (2, 1, 2)).gone, Prompt(3, NOTHING, (2,)).objects) == ((1, 2), ())
    with pytest.raises(InvalidInput, match="object 1 has pixels on frame 3 and is said to be gone"):
        Prompt(3, box(5), (1,))
    with pytest.raises(InvalidInput, match="object 0 is gone"):
        Prompt(3, NOTHING, (0,))
    with pytest.raises(InvalidInput, match="marks 0 objects"):
        Prompt(3, NOTHING)


def test_the_latest_word_counts():
    gone = Gone((FIRST, Prompt(4, NOTHING, (1,)), Prompt(8, box(5)), Prompt(9, NOTHING, (1, 2))))
    assert [gone.at(frame) for frame in (0, 3, 4, 7, 8, 9, 11)] == [(), (), (1,), (1,), (), (1, 2), (1, 2)]
    assert [gone.end(1, frame, 11) for frame in (0, 4, 8, 9)] == [3, 7, 8, 11]
    both = Prediction(FIRST.mask, 0.5)
    assert np.array_equal(gone.clear(both, 5).mask, box(70, value=2))
    assert (gone.clear(both, 5).confidence, gone.clear(both, 10).confidence) == (0.5, 1.0)


def test_an_object_has_no_pixels_while_it_is_gone_and_others_keep_theirs(clip, store):
    prompts = (FIRST, Prompt(4, NOTHING, (1,)), Prompt(8, box(5)))
    with_word, without = (run(store, flow_job(clip, p)) for p in (prompts, (FIRST, prompts[2])))
    assert seen(with_word, 1) == [True] * 4 + [False] * 4 + [True] * 4
    with MaskReader(with_word.files["masks"]) as a, MaskReader(without.files["masks"]) as b:
        for mine, other in zip(a, b, strict=True):
            assert np.array_equal(mine == 2, other == 2)
    assert with_word.id != without.id
    assert with_word.prompt_frames == (0, 4, 8)
    assert not any("object 1" in warning for warning in with_word.warnings)


def test_an_object_does_not_come_back_on_the_way_backwards(clip, store):
    prompts = (Prompt(3, NOTHING, (1,)), Prompt(8, FIRST.mask))
    result = run(store, flow_job(clip, prompts))
    assert seen(result, 1) == [False] * 8 + [True] * 4
    assert seen(result, 2) == [True] * COUNT


def test_a_correction_takes_an_object_away_until_it_is_named_again(clip, store):
    base = run(store, flow_job(clip, (FIRST, Prompt(9, box(5)))))
    said = merge_prompts(prompts_of(base), (Prompt(6, NOTHING, (1,)),))
    result = run(store, flow_job(clip, said, base=base.id))
    assert seen(result, 1) == [True] * 6 + [False] * 3 + [True] * 3
    with MaskReader(base.files["masks"]) as before, MaskReader(result.files["masks"]) as after:
        for frame in range(COUNT):
            kept = before.packed(frame) == after.packed(frame)
            assert kept == (frame not in (6, 7, 8))
            assert np.array_equal(before[frame] == 2, after[frame] == 2)
    assert (result.parent, result.note) == (base.id, "corrected on frame 6")
    back = merge_prompts(prompts_of(result), (Prompt(7, box(40)),))
    again = run(store, flow_job(clip, back, base=result.id))
    assert seen(again, 1) == [True] * 6 + [False] + [True] * 5


def test_an_object_that_is_new_is_not_looked_for_before_it_was_said_to_be_gone(clip, store):
    base = run(store, flow_job(clip, (FIRST,)))
    said = (FIRST, Prompt(3, NOTHING, (3,)), Prompt(6, box(40, value=3)))
    result = run(store, flow_job(clip, said, base=base.id))
    assert seen(result, 3) == [False] * 6 + [True] * 6


def test_what_a_stopped_run_had_left_obeys_later_prompts(clip, store):
    later = (Prompt(6, NOTHING, (2,)), Prompt(8, box(40)))
    frames = iter(range(99))
    part = run(store, flow_job(clip, (FIRST, *later)), stopping=lambda: next(frames) == 3)
    assert part.missing == COUNT - 4
    whole = run(store, flow_job(clip, (FIRST, *later), base=part.id))
    assert seen(whole, 2) == [True] * 6 + [False] * 6
    with MaskReader(whole.files["masks"]) as masks:
        assert np.array_equal(masks[8] == 1, box(40) == 1)


def test_objects_of_one_correction_end_where_each_is_named_again(clip, store):
    base = run(store, flow_job(clip, (FIRST, Prompt(8, box(5)))))
    moved = Prompt(4, box(40) + box(0, value=2))
    result = run(store, flow_job(clip, (FIRST, moved, Prompt(8, box(5))), base=base.id))
    with MaskReader(result.files["masks"]) as masks:
        assert [bool(mask[30, 50] == 1) for mask in masks] == [False] * 4 + [True] * 4 + [False] * 4
        assert [bool((mask == 2).any() and not (mask[:, 70:] == 2).any()) for mask in masks][4:8] == [
            True
        ] * 4
        assert not any((mask[:, 70:] == 2).any() for mask in list(masks)[8:])


def test_a_word_taken_back_is_no_correction_nor_is_saying_the_same_again(clip, store):
    base = run(store, flow_job(clip, (FIRST, Prompt(4, box(70, value=2), (1,)))))
    job = flow_job(clip, (FIRST, Prompt(4, box(70, value=2))))
    assert not can_correct(base, flow_job(clip, (FIRST, Prompt(4, box(70, value=2), (1,)))), base.digest)
    assert not can_correct(base, job, base.digest)
    assert can_correct(base, replace(job, prompts=(FIRST, Prompt(4, FIRST.mask))), base.digest)
    assert not can_correct(base, replace(job, prompts=(Prompt(0, box(5)), job.prompts[1])), base.digest)


def test_words_are_kept_with_the_result_and_with_the_job(clip):
    job = flow_job(clip, (FIRST, Prompt(4, NOTHING, (1,)), Prompt(9, box(5), (2,))))
    with zipfile.ZipFile(io.BytesIO(pack_prompts(job.prompts))) as archive:
        assert sorted(archive.namelist()) == ["00000.png", "00009.png", "gone.json"]
    again, digest = _from_json(json.loads(json.dumps(_to_json(job, "d"))))
    assert [(p.frame, p.objects, p.gone) for p in again.prompts] == [
        (p.frame, p.objects, p.gone) for p in job.prompts
    ]
    assert segment.job_id(again, digest) == segment.job_id(job, digest)


def test_jobs_without_a_word_keep_the_ids_that_they_had(clip):
    job = flow_job(clip, (FIRST,))
    assert segment.job_id(job, "0" * 64) == "8651d693e14c1080f83b00b1810f8b466fade0f88aa888616f8c00613d7c58ce"


def test_what_is_gone_was_named(clip, store):
    with pytest.raises(InvalidInput, match="object 7 is said to be gone on frame 4, but no mask names it"):
        run(store, flow_job(clip, (FIRST, Prompt(4, NOTHING, (7,)))))
    with pytest.raises(InvalidInput, match="needs a mask on at least one frame"):
        run(store, flow_job(clip, (Prompt(4, NOTHING, (1,)),)))
