"""python -m vos batch: what is done, what fails, what is told, and how a stopped run goes on."""

import json
import os
import shutil
import signal

import pytest

from tests.rolling import COUNT
from vos.batch import clip as one
from vos.batch import workers
from vos.batch.clip import Settings
from vos.batch.tasks import find
from vos.cli import main
from vos.folders import results
from vos.net.engines import flow
from vos.store import Store


@pytest.fixture
def folders(tmp_path, clip, mask, monkeypatch):
    """Clips a, b and c, b being damaged, and the masks of a, b and of none."""
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    clips, masks = tmp_path / "clips", tmp_path / "masks"
    clips.mkdir()
    masks.mkdir()
    for name in ("a", "b<i>", "c"):
        shutil.copyfile(clip, clips / f"{name}.mp4")
    (clips / "b<i>.mp4").write_bytes(b"no film")
    for name in ("a", "b<i>", "stray"):
        shutil.copyfile(mask, masks / f"{name}.png")
    return clips, masks


def run(folders, *more):
    clips, masks = folders
    return main(["batch", str(clips), "--prompts", str(masks), "--engine", "flow", *more])


def told(folders):
    return json.loads((folders[0].with_name("clips_batch") / "report.json").read_text())


def test_a_failed_clip_does_not_stop_the_others_and_the_report_tells_of_all(folders, capsys):
    assert run(folders, "--export", "mots_txt") == 1
    said = capsys.readouterr()
    assert "1 of 3 clips, 2 failed" in said.out
    assert "c: the engine flow needs a mask; there is no c.png" in said.err
    facts, out = told(folders), folders[0].with_name("clips_batch")
    assert facts["counts"] == {"done": 1, "cached": 0, "failed": 2, "waiting": 0}
    assert (facts["complete"], facts["unused_masks"]) == (True, ["stray"])
    (done,) = (clip for clip in facts["clips"] if clip["state"] == "done")
    assert (done["name"], done["frames"], done["objects"]) == ("a", COUNT, 1)
    assert 0 < done["confidence"] <= 1
    assert done["files"] == ["thumbnails/a.jpg", "mots_txt/a.txt"]
    assert all((out / file).stat().st_size for file in done["files"])
    page = (out / "report.html").read_text()
    assert "b&lt;i&gt;" in page
    assert "b<i>" not in page
    with Store(results()) as store:
        assert store.get(done["result_id"]).title == "a"


def test_the_same_again_costs_nothing_and_takes_what_was_mended(folders, clip, monkeypatch):
    assert run(folders) == 1
    shutil.copyfile(clip, folders[0] / "b<i>.mp4")
    (folders[0] / "c.mp4").unlink()
    monkeypatch.setattr(one.segment, "build", lambda *_: pytest.fail("the store has it"))
    assert run(folders) == 0
    assert [(clip["name"], clip["state"]) for clip in told(folders)["clips"]] == [
        ("a", "cached"),
        ("b<i>", "cached"),  # the same clip and mask are the same request, whatever they are called
    ]


def test_a_run_that_is_stopped_says_what_waits_and_goes_on(folders, monkeypatch):
    process = one.process

    def stopped(task, settings, store):
        if task.name == "c":
            raise KeyboardInterrupt
        return process(task, settings, store)

    monkeypatch.setattr(workers, "process", stopped)
    assert run(folders) == 130
    facts = told(folders)
    assert (facts["complete"], facts["counts"]["waiting"]) == (False, 1)
    assert "1 not looked at" in (folders[0].with_name("clips_batch") / "report.html").read_text()
    monkeypatch.undo()
    monkeypatch.setenv("VOS_CACHE", str(folders[0].with_name("cache")))
    assert run(folders) == 1
    assert told(folders)["counts"] == {"done": 0, "cached": 1, "failed": 2, "waiting": 0}


def test_the_folder_of_others_is_not_written_into(folders, capsys):
    out = folders[0].with_name("clips_batch")
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert run(folders) == 2
    assert "was not made by this command" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert run(folders, "--jobs", "0") == 2
    assert run(folders, "--option", "preset=odd", "--overwrite") == 2


def test_a_process_that_dies_costs_its_clip_only(folders, clip, monkeypatch):
    clips, masks = folders
    give = workers._Worker.give

    def deadly(worker, task):
        give(worker, task)
        if task.name == "b<i>":
            os.kill(worker.process.pid, signal.SIGKILL)

    monkeypatch.setattr(workers._Worker, "give", deadly)
    settings = Settings("flow", flow.Options(), results(), clips.with_name("out"))
    settings.out.mkdir()
    first, second, _ = find(clips, masks)[0]
    died, done = workers.run_apart([second, first], settings, 1)
    assert (died.name, died.state) == ("b<i>", "failed")
    assert "ended by SIGKILL" in died.error
    assert (done.name, done.state) == ("a", "done")
