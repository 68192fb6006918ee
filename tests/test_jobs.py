"""The worker: order, progress, cancel, failure, one job for one request."""

import threading
import time

import numpy as np
import pytest

from tests.test_segment import clip, make_job  # noqa: F401 (a fixture)
from vos import jobs, segment
from vos.errors import QueueFull
from vos.jobs import JobRunner
from vos.propagate import Tracked
from vos.segment import Progress
from vos.store import Store


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

    def run(job, store, *, device, digest):
        for index in range(100):
            release.acquire()
            yield Progress(index + 1, 100, "segmenting", Tracked(index, 0, 0, frame, mask, 1.0))

    monkeypatch.setattr(segment, "run", run)
    yield release
    release.release(10_000)


def until(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came true")


def test_a_job_is_done_and_stored(runner, clip):  # noqa: F811
    job_id = runner.submit(make_job(clip, 0, title="Disk"), "d")
    status = runner.wait(job_id, 60)
    assert (status.state, status.title, status.cached, status.error) == ("done", "Disk", False, "")
    assert runner.store.get(job_id).frames == 12
    assert runner.preview(job_id).startswith(b"\xff\xd8")


def test_a_stored_request_is_done_at_once(runner, clip):  # noqa: F811
    job_id = runner.submit(make_job(clip, 0), "d")
    runner.wait(job_id, 60)
    runner.submit(make_job(clip, 0), "d")
    status = runner.status(job_id)
    assert (status.state, status.cached) == ("done", True)


def test_the_same_request_twice_is_one_job(runner, clip, gate):  # noqa: F811
    assert runner.submit(make_job(clip, 0), "d") == runner.submit(make_job(clip, 0), "d")
    assert len(runner.jobs()) == 1


def test_jobs_run_one_at_a_time_in_order_and_say_their_place(runner, clip, gate):  # noqa: F811
    first, second, third = (runner.submit(make_job(clip, n), "d") for n in (0, 1, 2))
    until(lambda: runner.status(first).state == "running")
    places = [runner.status(job_id).position for job_id in (first, second, third)]
    assert places == [0, 1, 2]


def test_a_full_queue_refuses(runner, clip, gate):  # noqa: F811
    first = runner.submit(make_job(clip, 0), "d")
    until(lambda: runner.status(first).state == "running")
    runner.submit(make_job(clip, 1), "d")
    runner.submit(make_job(clip, 2), "d")
    with pytest.raises(QueueFull, match="2 jobs wait already; at most 2 can"):
        runner.submit(make_job(clip, 3), "d")


def test_progress_counts_frames_and_estimates(runner, clip, gate):  # noqa: F811
    job_id = runner.submit(make_job(clip, 0), "d")
    gate.release(10)
    until(lambda: runner.status(job_id).done == 10)
    status = runner.status(job_id)
    assert (status.total, status.note) == (100, "segmenting")
    assert status.seconds_left == pytest.approx(90 / status.fps)


def test_a_running_job_stops_at_its_next_frame(runner, clip, gate):  # noqa: F811
    job_id = runner.submit(make_job(clip, 0), "d")
    gate.release(3)
    until(lambda: runner.status(job_id).done == 3)
    runner.cancel(job_id)
    gate.release(1)
    until(lambda: runner.status(job_id).state == "cancelled")
    assert runner.status(job_id).done == 3


def test_a_waiting_job_is_cancelled_at_once_and_the_next_moves_up(runner, clip, gate):  # noqa: F811
    first, second, third = (runner.submit(make_job(clip, n), "d") for n in (0, 1, 2))
    until(lambda: runner.status(first).state == "running")
    runner.cancel(second)
    assert runner.status(second).state == "cancelled"
    assert runner.status(third).position == 1


def test_a_cancelled_job_can_be_asked_for_again(runner, clip, gate):  # noqa: F811
    first, second = (runner.submit(make_job(clip, n), "d") for n in (0, 1))
    until(lambda: runner.status(first).state == "running")
    runner.cancel(second)
    assert runner.submit(make_job(clip, 1), "d") == second
    assert runner.status(second).state == "queued"


def test_a_users_mistake_fails_with_its_sentence(runner, clip):  # noqa: F811
    status = runner.wait(runner.submit(make_job(clip), "d"), 60)
    assert status.state == "failed"
    assert status.error == "the engine flow needs a mask on at least one frame; got none"


def test_a_bug_fails_the_job_is_logged_and_the_worker_goes_on(runner, clip, monkeypatch, caplog):  # noqa: F811
    monkeypatch.setattr(jobs.segment, "run", lambda *_, **__: (1 / 0 for _ in [0]))
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
