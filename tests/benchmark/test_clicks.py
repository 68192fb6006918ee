import numpy as np
import pytest
from PIL import Image

from vos.benchmark.clicks import Clicked, Sample, click, clicking, find_samples, grabcut, summarise
from vos.errors import InvalidInput
from vos.types import VOID, Point


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def truth():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 10:30] = 1  # 400 pixels
    mask[10:20, 40:50] = 1  # 100
    return mask


def windows(frame, points, previous):
    """A picker: a square of 20 pixels at the first click, of 10 at others, added or taken away."""
    prob = np.zeros(frame.shape[:2], np.float32) if previous is None else previous.copy()
    side = 10 if len(points) == 1 else 5
    y, x = int(points[-1].y), int(points[-1].x)
    prob[max(0, y - side) : y + side, max(0, x - side) : x + side] = points[-1].positive
    return prob


def test_clicks_go_where_the_mask_errs_most():
    frame = np.zeros((40, 60, 3), np.uint8)
    (one, _, points), (two, _, more) = [
        (overlap, mask, list(points)) for overlap, mask, points in clicking(windows, frame, truth(), 2)
    ]
    assert points == [Point(19, 19)] or points == [Point(20, 20)]
    assert one == pytest.approx(
        361 / 539
    )  # rows and columns 9 to 28, say, of 10 to 29, and 100 pixels missed
    assert more[0] == points[0]
    assert (more[1].x, more[1].y) == pytest.approx((44.5, 14.5), abs=0.6)
    assert two == pytest.approx(442 / 558)


def test_nobody_clicks_on_when_the_mask_is_good():
    def knowing(frame, points, previous):
        return (truth() if len(points) == 3 else np.zeros((40, 60))).astype(np.float32)

    assert [overlap for overlap, _, _ in clicking(knowing, np.zeros((40, 60, 3), np.uint8), truth())] == [
        0,
        0,
        1,
    ]


def test_what_does_not_count_changes_nothing():
    frame, mask = np.zeros((40, 60, 3), np.uint8), truth()
    mask[10:20, 40:50] = VOID
    (overlap, _, points), *_ = clicking(windows, frame, mask, 1)
    assert overlap == pytest.approx(361 / 439)
    assert len(points) == 1


def test_no_place_is_clicked_twice_and_twenty_clicks_are_the_most():
    def deaf(frame, points, previous):
        return np.zeros(frame.shape[:2], np.float32)

    steps = list(clicking(deaf, np.zeros((40, 60, 3), np.uint8), truth()))
    assert len(steps) == 20
    assert len(set(steps[-1][2])) == 20
    assert steps[-1][0] == 0


def test_the_summary_counts_clicks_to_each_goal():
    sample = Sample("a", None, None, 1)
    done = [Clicked(sample, (0.5, 0.86, 0.96)), Clicked(sample, (0.91, 0.95)), Clicked(sample, (0.2,) * 20)]
    summary = summarise(done)
    assert summary["mIoU@1"] == pytest.approx(100 * (0.5 + 0.91 + 0.2) / 3, abs=0.01)
    assert summary["mIoU@10"] == pytest.approx(100 * (0.96 + 0.95 + 0.2) / 3, abs=0.01)
    assert summary["NoC@85"] == pytest.approx((2 + 1 + 20) / 3, abs=0.01)
    assert summary["NoC@90"] == pytest.approx((3 + 1 + 20) / 3, abs=0.01)
    assert summary["failed@90"] == 1


def test_samples_are_the_objects_of_every_nth_label_map_of_a_folder(tmp_path):
    for name in ("a/0", "a/1", "a/2", "b"):
        save(tmp_path / f"images/{name}.jpg", np.zeros((40, 60, 3), np.uint8))
        save(tmp_path / f"masks/{name}.png", truth() * (255 if name == "b" else 1))
    two = truth()
    two[:5] = 2
    two[35:] = VOID
    save(tmp_path / "masks/a/2.png", two)
    samples = find_samples(tmp_path / "images", tmp_path / "masks", 2)
    assert [s.name for s in samples] == ["a/0", "a/2:1", "a/2:2", "b"]
    assert np.array_equal(samples[3].read()[1], truth())
    second = samples[2].read()[1]
    assert np.array_equal(second == 1, two == 2)
    assert np.array_equal(second == VOID, two == VOID)
    assert len(click(windows, samples[0], 3).overlaps) <= 3
    (tmp_path / "images/b.jpg").unlink()
    with pytest.raises(InvalidInput, match=r"b\.png has no picture"):
        find_samples(tmp_path / "images", tmp_path / "masks")
    with pytest.raises(InvalidInput, match="holds no pictures"):
        find_samples(tmp_path / "images", tmp_path / "none")


def test_grabcut_finds_what_has_a_colour_of_its_own():
    rng = np.random.default_rng(0)
    mask = np.zeros((80, 120), np.uint8)
    mask[25:55, 45:80] = 1
    frame = np.where(mask[..., None] > 0, (200, 60, 40), (40, 90, 160)) + rng.integers(-15, 15, (80, 120, 3))
    prob = grabcut(frame.astype(np.uint8), [Point(60, 40)], None)
    assert np.count_nonzero((prob > 0.5) != (mask > 0)) < 0.1 * mask.sum()
