"""The service: frames in = frames out, stored whole, found again, cancelled clean."""

import dataclasses
import json
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.rolling import COUNT, HEIGHT, WIDTH, disk, finish, make_job, picture, prompt, texture
from vos import downloads, plugins, segment, work
from vos.errors import InvalidInput
from vos.net.engines import flow, memory, osvos
from vos.options import read_kept_options, read_options
from vos.tracks.files import read_table
from vos.types import Job, Prompt
from vos.video.masks import MaskReader
from vos.video.read import open_clip, probe
from vos.video.write import VideoWriter


def masks_of(result):
    with MaskReader(result.files["masks"]) as masks:
        return [mask.copy() for mask in masks]


def iou(a, b):
    return ((a > 0) & (b > 0)).sum() / ((a > 0) | (b > 0)).sum()


def test_every_frame_gets_a_mask_that_follows_the_object(clip, store):
    result = finish(make_job(clip, 0), store).result
    masks = masks_of(result)
    assert len(masks) == result.frames == COUNT
    for index, mask in enumerate(masks):
        assert iou(mask[:HEIGHT, :WIDTH], disk(index)) > 0.5  # standing still it would be 0.1 in the end


def test_the_rendered_video_has_the_frames_and_times_of_the_clip(clip, store):
    result = finish(make_job(clip, 0), store).result
    for name in ("overlay", "source"):
        made = [(t.pts, t.frame.shape) for t in open_clip(result.files[name]).timed()]
        assert made == [(t.pts, t.frame.shape) for t in open_clip(clip).timed()]


def test_frames_before_the_first_prompt_are_segmented_backwards(clip, store):
    masks = masks_of(finish(make_job(clip, 7), store).result)
    assert len(masks) == COUNT
    assert np.array_equal(masks[7][:HEIGHT, :WIDTH], disk(7))
    for index, mask in enumerate(masks):
        assert iou(mask[:HEIGHT, :WIDTH], disk(index)) > 0.5  # standing still it would be 0.1 in the end


def test_the_same_request_comes_from_the_cache_whatever_the_file_is_called(clip, store, tmp_path):
    first = finish(make_job(clip, 0), store)
    other = tmp_path / "another name.mp4"
    other.write_bytes(clip.read_bytes())
    again = finish(make_job(other, 0), store)
    assert (first.cached, again.cached) == (False, True)
    assert again.result == first.result


def test_every_part_of_a_request_is_in_its_key(clip):
    job = make_job(clip, 0)
    other = dataclasses.replace(job, engine="memory", options=memory.Options())
    smaller = dataclasses.replace(other, options=memory.Options(short_side=320))
    keys = {
        segment.job_id(job, "digest"),
        segment.job_id(job, "another"),
        segment.job_id(make_job(clip, 1), "digest"),
        segment.job_id(other, "digest"),
        segment.job_id(smaller, "digest"),
    }
    assert len(keys) == 5
    named = dataclasses.replace(job, title="a title", names={1: "ball"})
    assert segment.job_id(named, "digest") in keys
    spelled = read_options(plugins.ENGINES, "memory", {"short_side": "384"})
    assert segment.job_id(dataclasses.replace(other, options=spelled), "digest") in keys


def test_the_key_of_a_request_stays_so_that_results_of_earlier_versions_are_found():
    mask = (np.arange(48).reshape(6, 8) % 3).astype(np.uint8)
    first, later = Prompt(0, mask), Prompt(2, mask)
    plain = Job(Path("x"), "flow", (first,), flow.Options())
    job = Job(Path("x"), "flow", (later, first), flow.Options("fast"), span=(0, 4), base="f" * 64)
    assert [segment.job_id(one, "0" * 64) for one in (plain, job)] == [
        "dd7297f8d86371d6603280ef12c9bd0ae5e7dd32a84ee31f8f0fbe6ab66121f5",
        "bfa19771ecef6910c6577b28ed93944f9636b19fd204cd3895315ec2c11aa3ae",
    ]


def test_a_cancelled_run_leaves_nothing(clip, store):
    with closing(segment.run(make_job(clip, 0), store)) as steps:
        for item in steps:
            if item.done == 5:
                break
    assert store.results() == []
    assert list((store.folder / "work").iterdir()) == []


def test_a_clip_whose_last_result_is_deleted_during_a_run_is_kept_all_the_same(clip, store, monkeypatch):
    monkeypatch.setattr(work, "plays_in_browsers", lambda info: False)
    first = finish(make_job(clip, 0), store).result
    steps = segment.run(make_job(clip, 3), store)
    next(steps)
    store.delete(first.id)
    *_, end = steps
    assert probe(end.result.files["source"]).frames == COUNT


def test_a_run_that_fails_leaves_nothing(clip, store, monkeypatch):
    monkeypatch.setattr(work, "overlay", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        finish(make_job(clip, 0), store)
    assert store.results() == []
    assert list((store.folder / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompts": ()}, "the engine flow needs a mask on at least one frame; got none"),
        ({"engine": "magic"}, "no engine is called 'magic'; there are: "),
        ({"prompts": (Prompt(40, np.ones((96, 122), np.uint8)),)}, "prompt frame 40 is outside 0..11"),
        ({"prompts": (Prompt(0, np.ones((9, 8), np.uint8)),)}, "the prompt on frame 0 is 8x9; the clip is"),
    ],
)
def test_a_request_that_cannot_be_right_gets_one_sentence(clip, store, change, sentence):
    job = dataclasses.replace(make_job(clip, 0), **change)
    with pytest.raises(InvalidInput, match=sentence):
        finish(job, store)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"short_side": "tall"}, "option short_side is 'tall'; it takes int values"),
        ({"short_side": 2.5}, "option short_side is 2.5; it takes int values"),
        ({"short_side": 5}, "short_side is 5; 64 to 1080 are allowed"),
        ({"colour": 1}, "engine memory has no option 'colour'; it has: mode, short_side"),
    ],
)
def test_an_option_that_cannot_be_gets_one_sentence(given, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        read_options(plugins.ENGINES, "memory", given)


def test_what_an_older_version_kept_of_options_is_read_without_what_is_gone():
    kept = {"short_side": 320, "colour": 1, "mode": "odd", "memory": []}
    assert read_kept_options(plugins.ENGINES, "memory", kept) == memory.Options(short_side=320)


def test_a_result_says_what_and_how_long(clip, store):
    result = finish(make_job(clip, 0, title="Disk", names={1: "ball", 9: "nobody"}), store).result
    assert (result.title, result.engine, result.names) == ("Disk", "flow", {1: "ball"})
    assert result.visible == {1: 1.0}
    assert {"decode", "segment", "render", "encode", "total"} <= set(result.seconds)
    assert result.info.fps == Fraction(30000, 1001)


def test_learning_is_told_apart_in_progress_and_in_seconds(clip, store, tmp_path, monkeypatch):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    options = osvos.Options(iterations=4, short_side=64)
    job = dataclasses.replace(make_job(clip, 0), engine="osvos", options=options)
    steps = list(segment.run(job, store))
    prepared = [step.prepared for step in steps if isinstance(step, segment.Progress)]
    assert prepared == [0, 0.25, 0.5, 0.75, *[0] * COUNT]
    seconds = steps[-1].result.seconds
    assert 0 < seconds["learn"] < seconds["total"]


def test_all_files_of_a_result_can_be_made(clip, store, tmp_path):
    result = finish(make_job(clip, 0, names={1: "ball"}), store).result
    for name in downloads.labels():
        assert downloads.make(result, name, tmp_path).stat().st_size > 0
    (track,) = read_table((tmp_path / "trajectory.csv").read_bytes(), "trajectory.csv")
    assert track.name == "ball"
    assert json.loads((tmp_path / "result.json").read_text())["frames"] == COUNT
    with pytest.raises(InvalidInput, match=r"a result has no file 'x.exe'; it has: overlay.mp4"):
        downloads.make(result, "x.exe", tmp_path)


def test_a_result_of_images_keeps_their_names(store, tmp_path):
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(1001, 1005):
        cv2.imwrite(str(folder / f"shot.{number}.png"), picture(number - 1001))
    *_, finished = segment.run(Job(folder, "flow", (prompt(0, (HEIGHT, WIDTH)),), flow.Options()), store)
    names = json.loads(finished.result.files["frame_names"].read_text())
    assert names == [f"shot.{number}" for number in range(1001, 1005)]
    assert len(names) == finished.result.frames


def test_a_result_says_where_a_new_scene_begins(tmp_path, store):
    path = tmp_path / "cut.mp4"
    with VideoWriter(path, (HEIGHT, WIDTH), fps=Fraction(30)) as film:
        for index in range(10):
            film.add(picture(index) if index < 6 else 255 - texture(9) // 2, index * 3000)
    result = finish(make_job(path, 0), store).result
    assert any("a new scene begins at frame 6" in warning for warning in result.warnings)
    assert store.get(result.id).warnings == result.warnings
