from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from tests.net.train.pictures import RED, red_square, training_folder
from vos.net.train.clips import Sample
from vos.net.train.contacts import ContactClips, recoloured
from vos.net.train.cutouts import Cutout
from vos.net.train.data import find


@dataclass(frozen=True)
class Still:
    """A red square on blue that does not move."""

    length: int = 6

    def film(self, rng):
        frame, mask = red_square(96, 96, 40, 30, 24)
        return Sample(np.stack([frame] * self.length), np.stack([mask] * self.length))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    data = find(training_folder(tmp_path_factory.mktemp("data")))
    source = ContactClips(Still(), data)
    return [source.sample(np.random.default_rng([5, i])) for i in range(24)]


def test_the_object_is_in_the_first_frame_and_gains_no_pixels(clips):
    own = Still().film(None).masks[0] == 1
    for clip in clips:
        assert set(np.unique(clip.masks)) <= {0, 1, 2}
        assert not np.any((clip.masks == 1) & ~own)
        assert np.any(clip.masks[0] == 1)


def test_the_other_thing_touches_the_object_in_most_clips_and_hides_behind_it_in_some(clips):
    def touches(mask):
        grown = cv2.dilate((mask == 2).astype(np.uint8), np.ones((5, 5), np.uint8))
        return bool(np.any((grown > 0) & (mask == 1)))

    contact = [any(touches(mask) for mask in clip.masks) for clip in clips]
    assert np.mean(contact) > 0.6
    whole = [np.all((clip.masks == 1).sum((1, 2)) == 24 * 24) for clip in clips]  # no bars there
    assert 0 < np.sum(np.array(whole) & np.array(contact)) < len(clips)


def test_a_recoloured_cutout_has_the_other_ones_mean_colour():
    grey = np.dstack([np.random.default_rng(0).integers(90, 110, (20, 20, 3)), np.full((20, 20), 255)])
    red = np.dstack([np.full((10, 10, 3), RED), np.full((10, 10), 255)]).astype(np.uint8)
    changed = recoloured(Cutout(grey.astype(np.uint8)), Cutout(red))
    assert np.allclose(changed.rgba[..., :3].mean((0, 1)), RED, atol=2)
    assert changed.size_wh == (20, 20)


def test_bars_in_front_of_the_object_are_not_the_object(clips):
    own = Still().film(None).masks[0] == 1
    hidden = [np.any(own & (mask == 0)) for clip in clips for mask in clip.masks]
    assert 0.1 < np.mean(hidden) < 0.9
