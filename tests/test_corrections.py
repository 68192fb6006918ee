"""Runs that correct, stop, go on, or leave frames out: stored results, frame by frame."""

import json
from fractions import Fraction
from itertools import count

import av
import numpy as np
import pytest

from tests.resting import COUNT, SIZE, box, flow_job, write_resting_clip
from vos import segment
from vos.errors import InvalidInput
from vos.segment import Finished, Progress
from vos.store.finish import finish_of, keep_finish
from vos.types import Device, Prompt
from vos.video.draw import overlay
from vos.video.finish import Finish
from vos.video.masks import MaskReader
from vos.video.read import open_clip
from vos.video.write import VideoWriter


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_resting_clip(tmp_path_factory.mktemp("clip") / "noise.mp4")


def run(store, job, **more):
    """Return the result and how many frames were segmented or drawn, by what the progress says."""
    seen = {}
    for item in segment.run(job, store, device=Device(), **more):
        if isinstance(item, Finished):
            return item.result, seen
        if item.seen:
            seen[item.note] = seen.get(item.note, 0) + 1
    raise AssertionError


def masks(result):
    with MaskReader(result.files["masks"]) as reader:
        return list(reader)


def at(left, mask, value=1):
    return bool((mask[25:35, left + 5 : left + 15] == value).all())


FIRST = Prompt(0, box(5) + box(70, value=2))


def test_a_correction_keeps_what_came_before_it_and_other_objects(clip, store):
    base, _ = run(store, flow_job(clip, (FIRST,)))
    moved = Prompt(7, box(40) + box(70, value=2))
    result, seen = run(store, flow_job(clip, (FIRST, moved), base=base.id))
    assert seen == {"correcting from frame 7": COUNT - 7, "drawing": COUNT}
    before, after = masks(base), masks(result)
    assert all(np.array_equal(a, b) for a, b in zip(before[:7], after[:7], strict=True))
    assert np.array_equal(after[7], moved.mask)
    for a, b in zip(before, after, strict=True):
        assert np.array_equal(a == 2, b == 2)
    assert [at(40, mask) for mask in after] == [False] * 7 + [True] * 5
    assert not any(at(5, mask) for mask in after[7:])
    assert (result.parent, result.note) == (base.id, "corrected on frame 7")
    assert result.prompt_frames == (0, 7)
    assert store.get(result.id) == result
    assert [len(list(open_clip(result.files[name]))) for name in ("overlay", "source")] == [COUNT, COUNT]
    assert masks(store.get(base.id))[9][25, 10] == 1  # the parent is as it was


def test_what_stays_in_the_film_is_not_drawn_again(tmp_path, store):
    path, count = tmp_path / "slow.mp4", 13  # 2 frames a second: key frames are 0, 1, 2, 6, 10
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    with VideoWriter(path, SIZE, fps=Fraction(2)) as film:
        for index in range(count):
            film.add(np.full_like(still, 90) if index == 1 else still, index * 45000)
    base, _ = run(store, flow_job(path, (FIRST, Prompt(2, FIRST.mask))))
    said = (FIRST, Prompt(2, FIRST.mask), Prompt(9, box(40)))
    result, seen = run(store, flow_job(path, said, base=base.id))
    assert seen == {"correcting from frame 9": count - 9, "drawing": count - 6}
    before, after = packets(base.files["overlay"]), packets(result.files["overlay"])
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * 6 + [False] * 7
    frames = zip(open_clip(result.files["overlay"]), open_clip(path), masks(result), strict=True)
    for seen, frame, mask in frames:
        off = [abs(seen.astype(int) - overlay(frame, m)).mean() for m in (mask, FIRST.mask)]
        assert off[0] < 12
        assert (off[0] < off[1]) == bool((mask != FIRST.mask).any())
    assert result.files["thumbnail"].read_bytes() == base.files["thumbnail"].read_bytes()
    scenes = [warning for warning in base.warnings if "scene" in warning]
    assert scenes
    assert [warning for warning in result.warnings if "scene" in warning] == scenes


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_a_corrected_result_has_the_finishing_touches_of_the_first(clip, store):
    base, _ = run(store, flow_job(clip, (FIRST,)))
    keep_finish(store, base.id, Finish(grow=2))
    result, _ = run(store, flow_job(clip, (FIRST, Prompt(7, box(40))), base=base.id))
    assert finish_of(result) == Finish(grow=2)
    assert np.array_equal(masks(result)[7] == 1, box(40) == 1)  # the masks themselves are untouched


def test_blending_is_a_wish_of_its_own(clip, store):
    base, _ = run(store, flow_job(clip, (FIRST,)))
    said = (FIRST, Prompt(6, box(15)))
    plain, blended = (flow_job(clip, said, base=base.id, blend=blend) for blend in (False, True))
    assert segment.job_id(plain, base.digest) != segment.job_id(blended, base.digest)
    before, after = masks(base), masks(run(store, blended)[0])
    assert np.array_equal(before[0], after[0])
    assert (after[3][25:35, 20:23] == 1).all()  # object 1 is on its way
    assert not (after[3][25:35, 30:] == 1).any()
    assert [np.array_equal(a == 2, b == 2) for a, b in zip(before, after, strict=True)] == [True] * COUNT
    with pytest.raises(InvalidInput, match="it needs a base"):
        flow_job(clip, said, blend=True)


def test_a_later_prompt_ends_what_a_correction_changes(clip, store):
    later = Prompt(9, box(5) + box(70, value=2))
    base, _ = run(store, flow_job(clip, (FIRST, later)))
    result, _ = run(store, flow_job(clip, (FIRST, Prompt(4, box(40)), later), base=base.id))
    assert [at(40, mask) for mask in masks(result)] == [False] * 4 + [True] * 5 + [False] * 3
    assert all(np.array_equal(a, b) for a, b in zip(masks(base)[9:], masks(result)[9:], strict=True))


def test_an_object_added_later_is_found_before_its_prompt_too(clip, store):
    base, _ = run(store, flow_job(clip, (FIRST,)))
    result, _ = run(store, flow_job(clip, (FIRST, Prompt(6, box(40, value=3))), base=base.id))
    assert all(at(40, mask, 3) for mask in masks(result))
    assert result.objects == (1, 2, 3)
    assert all(at(5, mask) and at(70, mask, 2) for mask in masks(result))


def test_a_stopped_run_keeps_what_has_come_and_can_be_gone_on_from(clip, store):
    frames = count()
    job = flow_job(clip, (FIRST,))
    part, _ = run(store, job, stopping=lambda: next(frames) == 4)
    assert (part.frames, part.missing, len(masks(part))) == (5, COUNT - 5, 5)
    assert len(list(open_clip(part.files["overlay"]))) == 5
    whole, _ = run(store, job)
    assert whole.id != part.id  # what was stopped does not stand for what was asked for
    on, seen = run(store, flow_job(clip, (FIRST,), base=part.id))
    assert seen["correcting from frame 5"] == COUNT - 5
    assert (on.frames, on.missing) == (COUNT, 0)
    assert all(np.array_equal(a, b) for a, b in zip(masks(on)[:5], masks(part), strict=True))
    assert all(at(5, mask) and at(70, mask, 2) for mask in masks(on))
    assert len(json.loads(on.files["confidence"].read_text())) == COUNT


def test_a_run_that_is_stopped_before_its_first_frame_leaves_nothing(clip, store):
    steps = segment.run(flow_job(clip, (Prompt(8, box(5)),)), store, device=Device())
    first = next(steps)
    assert isinstance(first, Progress)
    steps.close()
    assert store.count() == 0


def test_only_the_marked_range_is_segmented(clip, store):
    job = flow_job(clip, (Prompt(5, box(5)),), span=(3, 8))
    result, _ = run(store, job)
    assert [bool(mask.any()) for mask in masks(result)] == [False] * 3 + [True] * 6 + [False] * 3
    assert result.span == (3, 8) == store.get(result.id).span
    assert segment.job_id(job, "0" * 64) != segment.job_id(flow_job(clip, job.prompts), "0" * 64)
    with pytest.raises(InvalidInput, match=r"prompt frame 5 is outside 6\.\.8"):
        run(store, flow_job(clip, job.prompts, span=(6, 8)))
    with pytest.raises(InvalidInput, match="frames 6 to 99 are to be segmented; there are 0 to 11"):
        run(store, flow_job(clip, job.prompts, span=(6, 99)))


def test_a_base_that_is_gone_or_of_another_clip_is_told(clip, store, tmp_path):
    with pytest.raises(InvalidInput, match="not there any more"):
        run(store, flow_job(clip, (FIRST,), base="f" * 64))
