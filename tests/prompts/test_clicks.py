import numpy as np
import pytest

from tests.net.clips import MemoryClip
from vos.errors import InvalidInput, MissingWeights
from vos.prompts import clicks
from vos.prompts.clicks import Box, Click
from vos.types import Device, Point


class Disks:
    """A picker: disks of radius 6 at clicks, the box, and of the mask before what no click denies."""

    def see(self, frame):
        pass

    def pick(self, frame, points, box=None, previous=None):
        prob = np.zeros(frame.shape[:2], np.float32) if previous is None else previous.copy()
        if box is not None:
            x1, y1, x2, y2 = (int(v) for v in box)
            prob[y1:y2, x1:x2] = 0.6
        rows, columns = np.indices(prob.shape)
        for p in points:
            prob[(rows - p.y) ** 2 + (columns - p.x) ** 2 <= 36] = 0.9 if p.positive else 0.1
        return prob


@pytest.fixture
def clip():
    return MemoryClip([np.full((48, 64, 3), i, np.uint8) for i in range(5)])


def test_clicks_on_several_frames_and_objects_become_a_prompt_a_frame(clip):
    said = [Click(3, Point(50, 30), 2), Click(0, Point(10, 10)), Click(3, Point(20, 20))]
    first, second = clicks.prompts_from_clicks(clip, said, [], Disks())
    assert (first.frame, second.frame) == (0, 3)
    assert first.objects == (1,)
    assert second.objects == (1, 2)
    assert second.mask[30, 50] == 2
    assert second.mask[20, 20] == 1
    assert first.mask[20, 20] == 0


def test_the_likelier_object_has_the_pixel(clip):
    boxes = [Box(1, (5, 5, 40, 40), 1)]
    (prompt,) = clicks.prompts_from_clicks(clip, [Click(1, Point(20, 20), 2)], boxes, Disks())
    assert prompt.mask[20, 20] == 2
    assert prompt.mask[8, 8] == 1


def test_a_click_beside_the_object_takes_away_even_if_it_was_said_first(clip):
    said = [Click(0, Point(20, 20, False)), Click(0, Point(12, 20))]
    (prompt,) = clicks.prompts_from_clicks(clip, said, [], Disks())
    assert prompt.mask[20, 20] == 0
    assert prompt.mask[20, 10] == 1


def test_each_click_sees_the_mask_that_those_before_it_made():
    seen = []

    class Watching(Disks):
        def pick(self, frame, points, box=None, previous=None):
            seen.append((len(points), previous is None))
            return super().pick(frame, points, box, previous)

    frame = np.zeros((48, 64, 3), np.uint8)
    clicks.pick_all(Watching(), frame, [Point(5, 5), Point(30, 30)])
    assert seen == [(1, True), (2, False)]
    seen.clear()
    clicks.pick_all(Watching(), frame, [Point(5, 5)], (0, 0, 9, 9))
    assert seen == [(0, True), (1, False)]


@pytest.mark.parametrize(
    ("said", "boxes", "reason"),
    [
        ([Click(5, Point(1, 1))], [], r"frame 5 is outside 0\.\.4"),
        ([], [Box(0, (1, 1, 9, 9)), Box(0, (2, 2, 8, 8))], "object 1 has 2 boxes on frame 0"),
        ([Click(2, Point(9, 9, False), 3)], [Box(2, (0, 0, 0, 0), 3)], "nothing is found where object 3"),
    ],
)
def test_what_cannot_be_right_is_refused(clip, said, boxes, reason):
    with pytest.raises(InvalidInput, match=reason):
        clicks.prompts_from_clicks(clip, said, boxes, Disks())


def test_frames_and_objects_that_cannot_be_are_refused_at_once():
    with pytest.raises(InvalidInput, match="click is on frame -1"):
        Click(-1, Point(0, 0))
    with pytest.raises(InvalidInput, match="box is for object 255; objects are 1 to 254"):
        Box(0, (0, 0, 1, 1), 255)


def test_a_picker_that_is_not_there_or_lacks_its_weights_is_told(monkeypatch, tmp_path):
    with pytest.raises(InvalidInput, match="no picker is called 'sam'"):
        clicks.build("sam", Device())
    monkeypatch.setattr("vos.weights.locate.__defaults__", (tmp_path,))
    with pytest.raises(MissingWeights, match="is missing"):
        clicks.build("click", Device())
