import zlib
from itertools import count, islice

import numpy as np
import pytest

from tests.net.train.pictures import red_square, training_folder, write
from vos.benchmark.contacts import COURSES, LOOKS, OBJECT, OTHER, contacts, measure
from vos.errors import InvalidInput
from vos.types import Prediction


def held_out(folder):
    return next(f"{i}" for i in count() if zlib.crc32(f"{folder}/{i}".encode()) % 12 == 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = training_folder(tmp_path_factory.mktemp("data"), sequences=("bear", "soccerball"))
    frame, mask = red_square(60, 60, 10, 12, 30)
    write(root / f"stills/people/images/{held_out('people')}.png", frame)
    write(root / f"stills/people/masks/{held_out('people')}.png", mask)
    write(root / f"stills/photos/images/{held_out('photos')}.png", frame)
    return root


class Oracle:
    """Answers with the truth of these labels."""

    def __init__(self, clip, labels):
        self.clip, self.labels = clip, labels

    def segment(self, clip, prompts):
        for t in range(len(clip.places)):
            yield Prediction(np.isin(self.clip.show(t)[1], self.labels).astype(np.uint8), 1.0)


@pytest.fixture(scope="module")
def quick(folder):
    return list(contacts(folder, quick=True))


def test_every_course_and_looks_has_clips_and_a_fifth_of_them_is_for_daily_use(folder, quick):
    first = list(islice(contacts(folder), len(COURSES) * len(LOOKS)))  # of five times as many
    assert {(clip.course, clip.looks) for clip in first} == {(c, looks) for c in COURSES for looks in LOOKS}
    assert all(60 <= len(clip.places) <= 200 for clip in first)
    assert len(quick) == 12
    assert {clip.course for clip in quick} == set(COURSES)
    assert {len(clip.places) for clip in quick} == {60}


def test_the_same_folder_gives_the_same_clips(folder, quick):
    for one, other in zip(quick[:3], islice(contacts(folder, quick=True), 3), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.show(20), other.show(20), strict=True))


def test_an_engine_that_knows_the_truth_leaks_nothing_and_one_that_takes_both_leaks_all(quick):
    clip = next(c for c in quick if c.name.endswith("video"))
    right = measure(Oracle(clip, [OBJECT]), clip)
    assert (right.j, right.leak) == (1.0, 0.0)
    wrong = measure(Oracle(clip, [OBJECT, OTHER]), clip)
    assert wrong.leak == 1.0
    shares = [clip.show(t)[1] for t in range(1, len(clip.places))]
    expected = [np.mean(m[m > 0] == OBJECT) if m.any() else 1.0 for m in shares]
    assert wrong.j == pytest.approx(np.mean(expected))


def test_a_folder_without_held_out_sequences_is_said_so(tmp_path):
    with pytest.raises(InvalidInput, match="no sequence bear"):
        next(contacts(training_folder(tmp_path)))
