"""Simulated corrections: the worst frame gets its truth, what comes before it stays."""

import json

import numpy as np
import pytest

from tests.benchmark.test_layouts import davis, two
from tests.benchmark.test_run import engine, evaluated, run
from vos.benchmark.corrections import after, correct, score_rounds, write_rounds
from vos.benchmark.predictions import Predictions
from vos.benchmark.run import read_scores
from vos.errors import InvalidInput


def test_the_worst_frame_becomes_its_truth_and_the_frames_before_it_stay(tmp_path):
    dataset = davis(tmp_path / "data")
    used, task = evaluated(dataset, tmp_path / "out")
    list(correct(task, used, 2))
    list(score_rounds(task, 2))
    found = write_rounds(task, 2)
    video = dataset.video(task.names[0])
    masks = [
        [Predictions(after(task, count).out / "masks").mask(video, frame) for frame in video.frames]
        for count in range(3)
    ]
    # boxes move a pixel a frame, and the engine leaves them where they were: the last that counts is worst
    written = json.loads((task.out / "corrections.json").read_text())
    assert written["corrected"] == {video.name: [3, 2]}
    for count, frame in ((1, 3), (2, 2)):
        kept = [np.array_equal(a, b) for a, b in zip(masks[count - 1], masks[count], strict=True)]
        assert all(kept[:frame])
        assert np.array_equal(masks[count][frame], two(frame))
    assert np.array_equal(masks[2][3], masks[1][3])  # a later prompt ends what a correction changes
    overlaps = [read_scores(after(task, count))[0].objects[0].curves["J"] for count in range(3)]
    assert overlaps == [(9 / 11, 8 / 12, 7 / 13), (9 / 11, 8 / 12, 1.0), (9 / 11, 1.0, 1.0)]
    assert [one["corrections"] for one in found] == [0, 1, 2]
    assert found[0]["J&F"] < found[1]["J&F"] < found[2]["J&F"]
    assert found[2]["J_mean"] == pytest.approx(written["rounds"][2]["sequences"][video.name]["J"])


def test_what_was_corrected_is_not_corrected_again(tmp_path):
    used, task = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    list(correct(task, used, 1))
    calls = len(used.segmenter.calls)
    list(correct(task, used, 1))
    assert len(used.segmenter.calls) == calls
    list(correct(task, engine(precision="bfloat16"), 1))
    assert len(used.segmenter.calls) == calls


def test_corrections_need_an_engine(tmp_path):
    davis(tmp_path / "data")
    words = ["davis", "--root", tmp_path / "data", "--year", "2017", "--masks", tmp_path / "data"]
    with pytest.raises(InvalidInput, match="--corrections is 2; with --engine 0 to 20 are allowed, else 0"):
        run(*words, "--corrections", 2, "--out", tmp_path / "out")
