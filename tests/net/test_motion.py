"""Motion against the camera: a square that slides over a moving background stands out, alone."""

import numpy as np
import pytest

from tests.net.clips import squares
from vos.net.motion import STRIDE, own_motion


@pytest.fixture(scope="module")
def motion():
    clip, masks = squares((1,), count=6, size_hw=(144, 208), side=48)
    moved = np.roll(clip.frames[0], 3, axis=1)  # the camera turns left: everything moves three pixels right
    return own_motion(clip.frames[5], moved), masks[5][::STRIDE, ::STRIDE] > 0


def test_what_moves_by_itself_stands_out(motion):
    length, inside = motion[0][2], motion[1]
    assert length.shape == (36, 52)
    assert length[inside].mean() > 4 * length[~inside].mean()


def test_its_direction_is_that_of_where_it_was(motion):
    (x, y, length), inside = motion
    assert np.median(x[inside]) < -1  # it was ten pixels to the left, the rest three to the right
    assert abs(np.median(y[inside])) < 0.3
    assert np.allclose(length, np.hypot(x, y), atol=1e-4)


def test_a_camera_that_zooms_is_not_motion():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (30, 44, 3), np.uint8)
    frame = np.kron(coarse, np.ones((6, 6, 1), np.uint8))
    y, x = (np.arange(n) for n in (144, 208))
    near = frame[np.ix_(y, x)]
    far = frame[np.ix_((y * 1.03).astype(int), (x * 1.03).astype(int))]
    moving = own_motion(near, far)
    assert np.median(moving[2]) < 1  # of the root mean square: nothing in particular
    assert np.abs(own_motion(near, near)).max() < 0.2
