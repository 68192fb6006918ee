"""How long a job will take, from the results that are there."""

import pytest

from tests.rolling import make_job
from vos.jobs import JobRunner, rates
from vos.net.engines import flow, memory
from vos.store import Store


def test_the_newest_result_of_an_engine_tells_how_long_the_next_takes(tmp_path, clip):
    with Store(tmp_path / "cache") as store:
        assert rates.expected_seconds(store, "flow", flow.Options(), 100) is None
        runner = JobRunner(store)
        runner.wait(runner.submit(make_job(clip, 0), "d"), 60)
        runner.close()
        (result,) = store.results()
        seconds = rates.expected_seconds(store, result.engine, flow.Options(), 100)
        assert seconds == pytest.approx(result.seconds["total"] / result.frames * 100)
        assert rates.expected_seconds(store, result.engine, memory.Options(mode="accurate"), 100) is None
        assert rates.expected_seconds(store, "memory", memory.Options(), 100) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (7.4, "about 7 s"), (21, "about 20 s"), (150, "about 2 min"), (5400, "about 1.5 h")],
)
def test_a_length_of_time_is_told_as_people_guess_it(seconds, words):
    assert rates.in_words(seconds) == words
