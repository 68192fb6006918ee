"""Exports as jobs: kept with the result, one for one request, cancelled, failing with a sentence."""

import time

import pytest

from tests.rolling import COUNT, make_job
from vos import downloads
from vos.errors import InvalidInput
from vos.jobs import JobRunner
from vos.jobs.exports import ExportQueue
from vos.store import Store
from vos.store.finish import finish_of, keep_finish
from vos.video.exports import background, coco, mots_txt
from vos.video.finish import Finish


@pytest.fixture(scope="module")
def runner(tmp_path_factory, clip):
    with Store(tmp_path_factory.mktemp("cache")) as store:
        runner = JobRunner(store)
        runner.wait(runner.submit(make_job(clip, 0, title="Disk"), "d"), 60)
        yield runner
        runner.close()
        assert store.check() == []


@pytest.fixture
def result_id(runner):
    return runner.store.page().rows[0].id


def ended(runner, export_id):
    for _ in range(3000):
        if not (status := runner.exports.status(export_id)).active:
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def test_an_export_becomes_a_file_of_the_result_and_the_same_again_is_there_at_once(runner, result_id):
    status = ended(runner, runner.exports.submit(result_id, "mots_txt", mots_txt.Options()))
    assert (status.state, status.error, status.done, status.total) == ("done", "", COUNT, COUNT)
    assert status.file_name == "Disk_mots_txt.txt"
    path = runner.store.get(result_id).files[status.key]
    assert len(path.read_text().splitlines()) == COUNT
    again = runner.exports.submit(result_id, "mots_txt", mots_txt.Options(every=1))
    assert (again, runner.exports.status(again).cached) == (status.id, True)
    assert not [*(runner.store.folder / "work").iterdir()]


def test_finishing_touches_make_it_another_export(runner, result_id):
    plain = runner.exports.submit(result_id, "mots_txt", mots_txt.Options())
    grown = ended(runner, runner.exports.submit(result_id, "mots_txt", mots_txt.Options(), Finish(grow=3)))
    assert grown.id != plain
    assert grown.state == "done"


def test_touches_that_are_kept_with_a_result_are_those_of_its_exports(runner, result_id):
    store = runner.store
    plain = ended(runner, runner.exports.submit(result_id, "mots_txt", mots_txt.Options()))
    first = store.get(result_id).files[plain.key].read_text()
    keep_finish(store, result_id, Finish(grow=3, holes=True))
    keep_finish(store, result_id, Finish(grow=3, feather=1.5))
    result = store.get(result_id)
    assert finish_of(result) == Finish(grow=3, feather=1.5)
    assert sum(name.startswith("finish-") for name in result.files) == 1
    assert downloads.describe(result)["finish"] == {"grow": 3, "feather": 1.5}
    kept = ended(runner, runner.exports.submit(result_id, "mots_txt", mots_txt.Options()))
    named = runner.exports.submit(result_id, "mots_txt", mots_txt.Options(), Finish(grow=3, feather=1.5))
    assert kept.id == named != plain.id
    grown = store.get(result_id).files[kept.key].read_text()
    assert grown != first
    untouched = ended(runner, runner.exports.submit(result_id, "mots_txt", mots_txt.Options(), Finish()))
    assert store.get(result_id).files[untouched.key].read_text() == first
    file = next(path for name, path in result.files.items() if name.startswith("finish-"))
    file.write_text("[" * file.stat().st_size)
    assert finish_of(result) == Finish()
    keep_finish(store, result_id, Finish())
    assert finish_of(store.get(result_id)) == Finish()


def test_a_waiting_export_is_cancelled_at_once_and_a_running_one_at_its_next_frame(runner, result_id):
    calls = []
    queue = ExportQueue(runner.store, calls.append)
    waiting = queue.submit(result_id, "coco", coco.Options())
    assert queue.submit(result_id, "coco", coco.Options()) == waiting
    queue.cancel(waiting)
    assert queue.status(waiting).state == "cancelled"
    calls.pop()()
    assert queue.status(waiting).state == "cancelled"
    running = queue.submit(result_id, "coco", coco.Options())
    steps = downloads.run_export

    def cancelled_meanwhile(*given):
        for step in steps(*given):
            queue.cancel(running)
            yield step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloads, "run_export", cancelled_meanwhile)
        calls.pop()()
    assert queue.status(running).state == "cancelled"
    assert not [name for name in runner.store.get(result_id).files if name.startswith("export-coco")]


def test_what_cannot_be_is_said_at_once(runner, result_id):
    with pytest.raises(InvalidInput, match="no export is called 'x'"):
        runner.exports.submit(result_id, "x", coco.Options())
    with pytest.raises(InvalidInput, match="there is no result ffffffffffff"):
        runner.exports.submit("f" * 64, "coco", coco.Options())


def test_an_export_that_fails_says_why(runner, result_id, tmp_path):
    (tmp_path / "words.png").write_text("words")
    options = background.Options(behind="picture", picture=str(tmp_path / "words.png"))
    status = ended(runner, runner.exports.submit(result_id, "background", options))
    assert status.state == "failed"
    assert "words.png" in status.error
