"""Whole evaluations of tiny data sets: figures, files, going on after an interruption, errors."""

import csv
import itertools
import json
import math
import zipfile
from argparse import ArgumentParser

import numpy as np
import pytest
from PIL import Image

from tests.benchmark.test_layouts import SIZE_HW, box, davis, tianchi, two, write_text, youtube
from vos.benchmark.overlap import boundary_f, jaccard
from vos.benchmark.predictions import Predictions
from vos.benchmark.run import Engine, Task, read_scores, score, segment, timing
from vos.benchmark.scores import (
    ObjectCurves,
    VideoScores,
    global_csv,
    sequence_csv,
    summarise,
    summarise_seen,
)
from vos.benchmark.tables import write_results, write_submission
from vos.commands import evaluate as command
from vos.errors import InvalidInput
from vos.types import Prediction, Step
from vos.video.masks import write_png


class Still:
    """An engine that says every object stays where it was; it counts the clips that it is asked for."""

    def __init__(self, stop_after=None):
        self.calls, self.closed, self.stop_after = [], 0, stop_after

    def segment(self, clip, prompts):
        self.calls.append([(prompt.frame, prompt.objects) for prompt in prompts])
        given = {prompt.frame: prompt.mask for prompt in prompts}
        mask = np.zeros(clip.info.size_hw, np.uint8)
        try:
            yield Step("warming up", 1, 1)
            for index, frame in enumerate(clip):
                if index == self.stop_after:
                    raise RuntimeError("lost")
                assert frame.shape[:2] == mask.shape
                mask = np.where(given.get(index, mask) > 0, given.get(index, mask), mask)
                yield Prediction(mask)
        finally:
            self.closed += 1


def engine(**facts):
    return Engine(Still(), {"engine": "still", "device": "cpu", "precision": "float32"} | facts)


def task(dataset, out, measures=("J", "F")):
    return Task(dataset, dataset.names(), measures, out)


def evaluated(dataset, out, used=None, measures=("J", "F")):
    used, one = used or engine(), task(dataset, out, measures)
    list(segment(one, used))
    list(score(one, Predictions(out / "masks")))
    return used, one


def run(*words):
    parser = ArgumentParser()
    command.arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


def test_scores_are_those_of_the_masks_frame_by_frame(tmp_path):
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    (video,) = read_scores(one)
    first, second = video.objects
    assert (first.id, first.frames) == (1, ("00001", "00002", "00003"))
    assert first.curves["J"] == (9 / 11, 8 / 12, 7 / 13)
    assert second.curves["F"] == tuple(boundary_f(two(i) == 2, two(0) == 2) for i in (1, 2, 3))


def test_t_of_a_still_mask_is_zero_on_every_frame_that_counts(tmp_path):
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out", measures=("T",))
    assert read_scores(one)[0].objects[0].curves == {"T": (0.0, 0.0, 0.0)}


def test_objects_that_appear_later_are_prompted_and_scored_from_then_on(tmp_path):
    used, one = evaluated(youtube(tmp_path / "data"), tmp_path / "out")
    assert used.segmenter.calls == [[(0, (1,)), (2, (2,))]]
    first, second = read_scores(one)[0].objects
    assert (first.frames, second.frames) == (("00002", "00004"), ("00004",))
    assert second.curves["J"][0] == jaccard(two(4) == 2, two(2) == 2)


def test_a_clip_whose_first_object_appears_later_is_read_from_there(tmp_path):
    dataset = youtube(tmp_path / "data")
    folder = tmp_path / "data/valid"
    objects = {"2": {"category": "zebra", "frames": ["00002", "00004"]}}
    write_text(folder / "meta.json", json.dumps({"videos": {"v1": {"objects": objects}}}))
    for index in (2, 4):
        write_png(folder / f"Annotations/v1/{index:05d}.png", box(2, 20))
    used, one = evaluated(dataset, tmp_path / "out")
    assert used.segmenter.calls == [[(0, (2,))]]
    predictions = Predictions(tmp_path / "out/masks")
    assert not predictions.mask(dataset.video("v1"), "00001").any()
    assert read_scores(one)[0].objects[0].curves["J"] == (1.0,)


def test_what_is_finished_is_not_done_again(tmp_path):
    used, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    before = (tmp_path / "out/scores/goat.json").stat().st_mtime_ns
    evaluated(one.dataset, tmp_path / "out", used)
    assert len(used.segmenter.calls) == 1
    assert (tmp_path / "out/scores/goat.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"weights": {"w": "1"}}, {"options": {"short_side": 5}}])
def test_other_weights_or_options_are_segmented_anew(tmp_path, change):
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    other, _ = evaluated(one.dataset, tmp_path / "out", engine(**change))
    assert len(other.segmenter.calls) == 1


def test_other_masks_or_measures_are_scored_anew(tmp_path):
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    write_png(tmp_path / "out/masks/goat/00001.png", two(1))
    list(score(one, Predictions(tmp_path / "out/masks")))
    assert read_scores(one)[0].objects[0].curves["J"][0] == 1
    only = task(one.dataset, one.out, ("J",))
    list(score(only, Predictions(tmp_path / "out/masks")))
    assert list(read_scores(only)[0].objects[0].curves) == ["J"]


def test_an_engine_that_fails_leaves_its_sequence_undone_and_is_closed(tmp_path):
    broken = Engine(Still(stop_after=2), engine().facts)
    one = task(davis(tmp_path / "data"), tmp_path / "out")
    with pytest.raises(RuntimeError, match="lost"):
        list(segment(one, broken))
    assert not (tmp_path / "out/timing").exists()
    again, _ = evaluated(one.dataset, tmp_path / "out")
    assert (broken.segmenter.closed, len(again.segmenter.calls)) == (1, 1)


def test_a_run_that_another_engine_broke_off_is_done_again(tmp_path):
    first, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    steps = segment(one, engine(engine="other"))
    [next(steps) for _ in range(3)]
    steps.close()
    evaluated(one.dataset, tmp_path / "out", first)
    assert len(first.segmenter.calls) == 2


def test_a_sequence_that_lost_a_mask_is_done_again(tmp_path):
    used, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    (tmp_path / "out/masks/goat/00002.png").unlink()
    evaluated(one.dataset, tmp_path / "out", used)
    assert len(used.segmenter.calls) == 2


def test_closing_the_progress_closes_the_engine(tmp_path):
    used = engine()
    steps = segment(task(davis(tmp_path / "data"), tmp_path / "out"), used)
    assert [next(steps).done for _ in range(3)] == [0, 1, 2]
    steps.close()
    assert used.segmenter.closed == 1


def test_progress_counts_frames_up_to_all_of_them(tmp_path):
    one = task(davis(tmp_path / "data"), tmp_path / "out")
    found = [(step.done, step.total) for step in segment(one, engine())]
    assert found[0] == (0, 5)
    assert found[-1] == (5, 5)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(found))


def test_time_is_the_engines_alone(tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("vos.benchmark.run.time.perf_counter", lambda: float(next(clock)))
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    assert timing(one).frames == 5
    assert timing(one).seconds == 5  # one tick for each mask asked for


def test_workers_give_the_same_scores(tmp_path):
    _, one = evaluated(davis(tmp_path / "data"), tmp_path / "out", measures=("J", "F", "T"))
    other = Task(one.dataset, one.names, one.measures, tmp_path / "other")
    done = [step.done for step in score(other, Predictions(tmp_path / "out/masks"), workers=2)]
    assert done == [0, 1]
    assert read_scores(other) == read_scores(one)


def test_an_error_in_a_worker_arrives_as_its_sentence(tmp_path):
    one = task(davis(tmp_path / "data"), tmp_path / "out")
    with pytest.raises(InvalidInput, match="has no folder of masks called goat"):
        list(score(one, Predictions(tmp_path / "nothing"), workers=2))


def test_a_clip_with_an_unreadable_picture_is_told(tmp_path):
    one = task(davis(tmp_path / "data"), tmp_path / "out")
    (tmp_path / "data/JPEGImages/480p/goat/00003.jpg").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"00003\.jpg is not a picture that can be read"):
        list(segment(one, engine()))


def test_perfect_masks_score_one(tmp_path):
    davis(tmp_path / "data", 2016)
    words = ("davis", "--root", tmp_path / "data", "--masks", tmp_path / "data/Annotations/480p")
    assert run(*words, "--out", tmp_path / "out") == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [summary[key] for key in ("J&F", "J_mean", "J_recall", "J_decay", "F_mean")] == [1, 1, 1, 0, 1]
    assert summary["T_mean"] is None  # goat is not among the sequences that T is measured on
    assert summary["T_mean_all"] == 0  # the boxes move and keep their shape
    assert (summary["fps"], summary["engine"], summary["sequences"]) == (None, None, ["goat"])


def test_tables_have_the_official_columns(tmp_path):
    used, one = evaluated(davis(tmp_path / "data"), tmp_path / "out")
    write_results(one, Predictions(one.out / "masks"), used.facts, timing(one))
    rows = list(csv.reader((tmp_path / "out/global_results-val.csv").open()))
    assert rows[0] == ["J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"]
    assert rows[1][1] == f"{(9 / 11 + 8 / 12 + 7 / 13) / 3:.3f}"
    rows = list(csv.reader((tmp_path / "out/per-sequence_results-val.csv").open()))
    assert rows[0] == ["Sequence", "J-Mean", "F-Mean"]
    assert [row[0] for row in rows[1:]] == ["goat_1", "goat_2"]


def test_the_report_stands_alone_and_names_its_source(tmp_path):
    used, one = evaluated(davis(tmp_path / "data"), tmp_path / "out", engine(options={"a<b": 1}))
    write_results(one, Predictions(one.out / "masks"), used.facts, timing(one))
    page = (tmp_path / "out/report.html").read_text()
    assert "still on DAVIS 2017 val" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("<polyline") == 2
    assert "a&lt;b 1" in page
    assert "http" not in page
    assert "STM" not in page  # the published figures are of DAVIS 2016


def test_the_report_of_davis_2016_stands_beside_the_published_figures(tmp_path):
    used, one = evaluated(davis(tmp_path / "data", 2016), tmp_path / "out")
    write_results(one, Predictions(one.out / "masks"), used.facts, timing(one))
    page = (tmp_path / "out/report.html").read_text()
    assert "of all 20 sequences of DAVIS 2016 val, this result is of 1." in page
    assert page.index("OSVOS</td>") < page.index("still, 1 sequences")  # sorted by J


def test_missing_masks_count_as_empty_and_are_told(tmp_path):
    dataset = tianchi(tmp_path / "data")
    (tmp_path / "masks/606").mkdir(parents=True)
    write_png(tmp_path / "masks/606/00001.png", two(1))
    run("tianchi", "--root", dataset.root, "--masks", tmp_path / "masks", "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["missing"], summary["J_mean"]) == (3, 0.5)


def test_youtube_gets_g_from_a_list_of_seen_categories(tmp_path):
    youtube(tmp_path / "data")
    write_text(tmp_path / "seen.txt", "dog\ncat\n")
    words = ("youtubevos", "--root", tmp_path / "data", "--masks", tmp_path / "data/valid/Annotations")
    run(*words, "--out", tmp_path / "out", "--seen", tmp_path / "seen.txt")
    rows = list(csv.reader((tmp_path / "out/global_results-valid.csv").open()))
    assert rows[0][:5] == ["G", "J_seen", "J_unseen", "F_seen", "F_unseen"]
    assert rows[1][:5] == ["1.000"] * 5


def test_seen_and_unseen_objects_are_told_apart_by_category():
    objects = (
        ObjectCurves(1, "dog", ("1",), {"J": (0.8,), "F": (0.6,)}),
        ObjectCurves(2, "zebra", ("1",), {"J": (0.4,), "F": (0.2,)}),
    )
    found = summarise_seen([VideoScores("v", 0, True, objects)], {"dog"})
    assert (found["J_seen"], found["J_unseen"], found["F_seen"], found["F_unseen"]) == (0.8, 0.4, 0.6, 0.2)
    assert found["G"] == pytest.approx(0.5)


def test_t_is_averaged_over_steady_sequences_and_over_all():
    def one(name, steady, t):
        return VideoScores(name, 0, steady, (ObjectCurves(1, "", ("1", "2"), {"T": t}),))

    found = summarise([one("a", True, (0.1, math.nan)), one("b", False, (0.5, 0.7))], ["T"])
    assert found == {"T_mean": 0.1, "T_mean_all": pytest.approx(0.35)}
    assert global_csv(found) == "T-Mean\n0.100\n"


def test_an_object_without_a_value_has_an_empty_cell():
    video = VideoScores("a", 0, True, (ObjectCurves(1, "", ("1",), {"T": (math.nan,)}),))
    assert sequence_csv([video], ["T"]) == "Sequence,T-Mean\na_1,\n"


def test_scores_survive_json_with_nan():
    video = VideoScores("a", 1, False, (ObjectCurves(1, "dog", ("1", "2"), {"T": (math.nan, 0.5)}),))
    text = json.dumps(video.to_json(), allow_nan=False)
    again = VideoScores.from_json(json.loads(text))
    assert again.to_json() == video.to_json()
    assert math.isnan(again.objects[0].curves["T"][0])


def test_an_engine_by_name_writes_masks_submission_and_speed(tmp_path, capsys):
    davis(tmp_path / "data", 2016)
    words = ("davis", "--root", tmp_path / "data", "--engine", "flow", "--device", "cpu", "--measures", "J")
    assert run(*words, "--out", tmp_path / "out") == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["engine"], summary["frames"], summary["device"]) == ("flow", 5, "cpu")
    assert summary["fps"] == pytest.approx(5 / summary["seconds"])
    with Image.open(tmp_path / "out/masks/goat/00000.png") as image:
        np.testing.assert_array_equal(np.asarray(image), two(0) > 0)
    with zipfile.ZipFile(tmp_path / "out/submission.zip") as archive:
        assert archive.namelist()[0] == "goat/00000.png"
    assert "J_mean" in capsys.readouterr().out


def test_a_split_without_ground_truth_ends_with_the_submission(tmp_path, capsys):
    dataset = youtube(tmp_path / "data")
    (tmp_path / "data/valid/Annotations/v1/00004.png").unlink()
    words = ("youtubevos", "--root", dataset.root, "--engine", "flow", "--device", "cpu")
    assert run(*words, "--out", tmp_path / "out") == 0
    assert "nothing to score" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "out/submission.zip") as archive:
        assert len(archive.namelist()) == 6
    assert not (tmp_path / "out/summary.json").exists()


def test_masks_of_a_split_without_ground_truth_cannot_be_scored(tmp_path):
    dataset = davis(tmp_path / "data", masks=[two(0), None, None])
    with pytest.raises(InvalidInput, match="goat has no ground truth that counts"):
        list(score(task(dataset, tmp_path / "out"), Predictions(dataset.root)))


def test_a_submission_of_youtube_lies_below_annotations(tmp_path):
    _, one = evaluated(youtube(tmp_path / "data"), tmp_path / "out")
    with zipfile.ZipFile(write_submission(one)) as archive:
        assert archive.namelist()[0] == "Annotations/v1/00000.png"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sequences", "goat,yak"), "val has no sequence 'yak'; it has: goat"),
        (("--measures", "J,X"), "--measures J,X: davis has J,F,T"),
        (("--workers", "0"), "at least 1 is needed"),
        (("--split", "test"), r"test\.txt is missing"),
        (("--option", "a=1"), "--option is for an engine"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(tmp_path, words, message):
    dataset = davis(tmp_path / "data", 2016)
    with pytest.raises(InvalidInput, match=message):
        run("davis", "--root", dataset.root, "--masks", dataset.root, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_results_folder_is_told(tmp_path):
    dataset = davis(tmp_path / "data", 2016)
    write_text(tmp_path / "out", "")
    with pytest.raises(InvalidInput, match="out is a file; a folder is needed"):
        run("davis", "--root", dataset.root, "--masks", dataset.root, "--out", tmp_path / "out")


def test_an_option_that_the_engine_lacks_is_told(tmp_path):
    words = ["--engine", "memory", "--option", "size=3", "--out", tmp_path / "out"]
    with pytest.raises(InvalidInput, match="memory has no option 'size'"):
        run("davis", "--root", davis(tmp_path / "data", 2016).root, *words)


def test_other_pictures_in_a_folder_of_frames_shift_no_mask(tmp_path):
    one = task(davis(tmp_path / "data"), tmp_path / "out")
    plain = evaluated_masks(one)
    for name in ("00002.png", "cover.jpeg", "zz.bmp"):
        Image.fromarray(np.zeros((*SIZE_HW, 3), np.uint8)).save(
            tmp_path / f"data/JPEGImages/480p/goat/{name}"
        )
    assert evaluated_masks(task(one.dataset, tmp_path / "again")) == plain


def evaluated_masks(one):
    list(segment(one, engine()))
    return {path.name: path.read_bytes() for path in (one.out / "masks/goat").glob("*.png")}
