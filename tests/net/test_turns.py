import numpy as np
import pytest

from vos.net.turns import rotate


def picture(size: int = 33) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


def planes(shape: tuple[int, int, int], rows: slice, columns: slice) -> np.ndarray:
    prob = np.zeros(shape, np.float32)
    prob[0, rows, columns] = 1
    return prob


def test_a_quarter_turn_is_counter_clockwise_and_exact():
    frame, prob = picture(), planes((1, 33, 33), slice(15, 18), slice(15, 18))
    seen, mask = rotate(frame, prob, 90.0)
    assert np.array_equal(seen, np.rot90(frame))
    assert np.array_equal(mask, prob)


@pytest.mark.parametrize("angle", [20.0, -20.0])
def test_objects_stay_where_they_are_and_keep_their_size(angle):
    prob = planes((2, 48, 96), slice(20, 28), slice(60, 68))
    _, mask = rotate(np.zeros((48, 96, 3), np.uint8), prob, angle)
    ys, xs = np.mgrid[:48, :96]
    total = mask[0].sum()
    assert total == pytest.approx(64, rel=0.02)
    assert (mask[0] * xs).sum() / total == pytest.approx(63.5, abs=0.1)
    assert (mask[0] * ys).sum() / total == pytest.approx(23.5, abs=0.1)
    assert not mask[1].any()


def test_a_frame_and_its_masks_turn_alike():
    prob = planes((1, 64, 64), slice(18, 24), slice(40, 50))
    seen, mask = rotate(np.dstack([prob[0] * 255] * 3).astype(np.uint8), prob, 20.0)
    assert np.allclose(seen[..., 0] / 255, mask[0], atol=0.01)


def test_nothing_turns_about_the_middle():
    frame = picture()
    seen, _ = rotate(frame, np.zeros((1, 33, 33), np.float32), 180.0)
    assert np.array_equal(seen, frame[::-1, ::-1])
