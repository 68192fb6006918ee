"""The worker: order, progress, cancel, failure, one job for one request."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.rolling import make_job
from vos import folders, jobs, segment
from vos.errors import InvalidInput, QueueFull
from vos.jobs import JobRunner
from vos.propagate import MaskedFrame
from vos.segment import Progress
from vos.store import Store
from vos.store.index import WAIT_S
from vos.types import Prediction
from vos.video.read import TimedFrame


@pytest.fixture
def runner(tmp_path):
    with Store(tmp_path / "cache") as store:
        runner = JobRunner(store, capacity=2)
        yield runner
        runner.close()
        assert store.check() == []


@pytest.fixture
def gate(monkeypatch):
    """Runs that wait: each frame needs a release."""
    release = threading.Semaphore(0)
    frame, mask = np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.uint8)

    def run(job, store, *, device, digest, stopping):
        for index in range(100):
            release.acquire()
            seen = MaskedFrame(TimedFrame(index, 0, frame, 0), Prediction(mask, 1.0))
            yield Progress(index + 1, 100, "segmenting", seen)

    monkeypatch.setattr(segment, "run", run)
    yield release
    release.release(10_000)


def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came true")


def test_a_job_is_done_and_stored(runner, clip):
    job_id = runner.submit(make_job(clip, 0, title="Disk"), "d")
    status = runner.wait(job_id, 60)
    assert (status.state, status.title, status.cached, status.error) == ("done", "Disk", False, "")
    assert runner.store.get(job_id).frames == 12
    assert runner.preview(job_id).startswith(b"\xff\xd8")


def test_a_stored_request_is_done_at_once(runner, clip):
    job_id = runner.submit(make_job(clip, 0), "d")
    runner.wait(job_id, 60)
    runner.submit(make_job(clip, 0), "d")
    status = runner.status(job_id)
    assert (status.state, status.cached) == ("done", True)


def test_the_same_request_twice_is_one_job(runner, clip, gate):
    assert runner.submit(make_job(clip, 0), "d") == runner.submit(make_job(clip, 0), "d")
    assert len(runner.jobs()) == 1


def test_jobs_run_one_at_a_time_in_order_and_say_their_place(runner, clip, gate):
    first = runner.submit(make_job(clip, 0), "d")
    until(lambda: runner.status(first).state == "running")
    second, third = (runner.submit(make_job(clip, n), "d") for n in (1, 2))
    places = [runner.status(job_id).position for job_id in (first, second, third)]
    assert places == [0, 1, 2]


def test_visitors_of_a_shared_dashboard_take_turns(tmp_path, clip, gate):
    with Store(tmp_path / "cache") as store:
        runner = JobRunner(store)
        mine = [runner.submit(make_job(clip, n), "d", "me") for n in range(4)]
        until(lambda: runner.status(mine[0]).state == "running")
        yours = runner.submit(make_job(clip, 4), "d", "you")
        assert [runner.status(job_id).position for job_id in (*mine, yours)] == [0, 2, 3, 4, 1]
        with pytest.raises(QueueFull, match="3 of your jobs wait"):
            runner.submit(make_job(clip, 5), "d", "me")
        gate.release(10_000)
        runner.close()


def test_a_full_queue_refuses(runner, clip, gate):
    first = runner.submit(make_job(clip, 0), "d")
    until(lambda: runner.status(first).state == "running")
    runner.submit(make_job(clip, 1), "d")
    runner.submit(make_job(clip, 2), "d")
    with pytest.raises(QueueFull, match="2 jobs wait already; at most 2 can"):
        runner.submit(make_job(clip, 3), "d")


def test_progress_counts_frames_and_estimates(runner, clip, gate):
    job_id = runner.submit(make_job(clip, 0), "d")
    gate.release(10)
    until(lambda: runner.status(job_id).done == 10)
    status = runner.status(job_id)
    assert (status.total, status.note) == (100, "segmenting")
    assert status.seconds_left == pytest.approx(90 / status.fps)


def test_a_running_job_stops_at_its_next_frame(runner, clip, gate):
    job_id = runner.submit(make_job(clip, 0), "d")
    gate.release(3)
    until(lambda: runner.status(job_id).done == 3)
    runner.cancel(job_id)
    gate.release(1)
    until(lambda: runner.status(job_id).state == "cancelled")
    assert runner.status(job_id).done == 3


def test_a_waiting_job_is_cancelled_at_once_and_the_next_moves_up(runner, clip, gate):
    first = runner.submit(make_job(clip, 0), "d")
    until(lambda: runner.status(first).state == "running")
    second, third = (runner.submit(make_job(clip, n), "d") for n in (1, 2))
    runner.cancel(second)
    assert runner.status(second).state == "cancelled"
    assert runner.status(third).position == 1


def test_a_cancelled_job_can_be_asked_for_again(runner, clip, gate):
    first, second = (runner.submit(make_job(clip, n), "d") for n in (0, 1))
    until(lambda: runner.status(first).state == "running")
    runner.cancel(second)
    assert runner.submit(make_job(clip, 1), "d") == second
    assert runner.status(second).state == "queued"


def test_a_users_mistake_fails_with_its_sentence(runner, clip):
    status = runner.wait(runner.submit(make_job(clip), "d"), 60)
    assert status.state == "failed"
    assert status.error == "the engine flow needs a mask on at least one frame; got none"


def test_a_bug_fails_the_job_is_logged_and_the_worker_goes_on(runner, clip, monkeypatch, caplog):
    monkeypatch.setattr(segment, "run", lambda *_, **__: (1 / 0 for _ in [0]))
    status = runner.wait(runner.submit(make_job(clip, 0), "d"), 60)
    assert (status.state, status.error) == (
        "failed",
        "an unexpected ZeroDivisionError stopped the job; the log has the details",
    )
    assert "Traceback" in caplog.text
    monkeypatch.undo()
    assert runner.wait(runner.submit(make_job(clip, 1), "d"), 60).state == "done"


def test_what_was_never_submitted_is_none(runner):
    assert runner.status("x") is None
    assert runner.preview("x") == b""
    runner.cancel("x")


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from vos.jobs.files import JobFiles
from vos.net.engines.flow import Options
from vos.types import Job, Prompt

mask = np.zeros((96, 122), np.uint8)
mask[30:60, 15:45] = 200
job = Job(Path(sys.argv[2]), "flow", (Prompt(3, mask),), Options("fast"), "A disk", {200: "Disk"})
files = JobFiles(Path(sys.argv[1]) / "jobs")
files.save("an-id", job, "d")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_whose_process_was_killed_is_interrupted_and_runs_again(tmp_path, clip):
    command = [sys.executable, "-c", KILLED, tmp_path / "cache", clip]
    assert subprocess.run(command, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL
    with Store(tmp_path / "cache") as store:
        first = JobRunner(store)
        (status,) = first.jobs()
        assert (status.state, status.title, status.engine, status.active) == (
            "interrupted",
            "A disk",
            "flow",
            False,
        )
        assert JobRunner(store).jobs() == []  # another process has taken it over
        job_id = first.resume(status.id)
        assert first.wait(job_id, 60).state == "done"
        result = store.get(job_id)
        assert (result.prompt_frames, result.names) == ((3,), {200: "Disk"})
        assert result.options == {"preset": "fast"}
        assert [status.state for status in first.jobs()] == ["done"]
        assert list((store.folder / "jobs").rglob("*.json")) == []
        first.close()


def test_what_is_over_is_forgotten_on_disk(runner, clip, gate):
    def kept():
        return len(list((runner.store.folder / "jobs").rglob("*.json")))

    first, second = (runner.submit(make_job(clip, n), "d") for n in (0, 1))
    until(lambda: runner.status(first).state == "running")
    assert kept() == 2
    runner.cancel(second)
    assert kept() == 1
    runner.cancel(first)
    gate.release(1)
    until(lambda: runner.status(first).state == "cancelled")
    assert kept() == 0
    runner.forget(first)
    assert runner.status(first) is None
    with pytest.raises(InvalidInput, match="is not known any more"):
        runner.resume(first)


def test_status_and_submit_do_not_wait_for_what_is_being_stored(runner, clip, gate):
    first = runner.submit(make_job(clip, 0), "d")
    with runner.store.shelf.index.change():  # as a put holds it, here for as long as the test runs
        started = time.monotonic()
        second = runner.submit(make_job(clip, 1), "d")
        assert {runner.status(job_id).state for job_id in (first, second)} <= {"queued", "running"}
        assert runner.store.page().total == 0
        assert time.monotonic() - started < WAIT_S / 2


def test_there_is_one_runner_however_many_ask_for_it_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(jobs, "_made", [])
    monkeypatch.setattr(folders, "_chosen", tmp_path)
    made = []
    threads = [threading.Thread(target=lambda: made.append(jobs.runner())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, made))) == 1
    made[0].close()
    made[0].store.close()


def test_a_full_disk_fails_a_job_with_a_sentence(runner, clip):
    resource = pytest.importorskip("resource")
    job_id = segment.job_id(make_job(clip, 0), "d")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        runner.submit(make_job(clip, 0), "d")
        status = runner.wait(job_id, 60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status.state == "failed"
    assert status.error.startswith("the disk that holds ")
    assert runner.store.check() == []
    runner.submit(make_job(clip, 0), "d")
    assert runner.wait(job_id, 60).state == "done"
