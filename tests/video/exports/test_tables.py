"""Exports for science: numbers from masks with known places, sizes and times."""

import csv
import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from tests.video.exports.scene import HEIGHT, WIDTH, frame_of, run, scene
from tests.video.make import write_clip
from vos.errors import InvalidInput
from vos.tracks.files import read_table
from vos.video.exports import distances, trajectory, trajectory_json, trajectory_txt

TIMES = [0, 9000, 27_000, 36_000]  # 1/90000 s: steps of 0.1, 0.2 and 0.1 s
NAMES = {3: "=fish", 7: "crab"}


def squares(index):
    """Object 3 moves 4 px right a frame, object 7 stands still and is away on frame 2."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:14, 4 + 4 * index : 10 + 4 * index] = 3
    if index != 2:
        mask[30:40, 10:20] = 7
    return mask


@pytest.fixture
def source(tmp_path):
    frames = [np.pad(frame_of(0), ((0, 1), (0, 1), (0, 0)))] * 4
    clip = write_clip(tmp_path / "c.mp4", frames=frames, times=TIMES, time_base=Fraction(1, 90_000))
    with scene(tmp_path, count=4, mask=squares, names=NAMES, clip=clip) as opened:
        yield opened


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_a_trajectory_has_place_area_speed_by_real_times_and_confidence(source, tmp_path):
    path, steps = run(trajectory, source, tmp_path / "t.csv", units_per_pixel=0.5, unit="cm")
    rows = table(path)
    fish = [row for row in rows if row["object"] == "3"]
    assert [row["time_s"] for row in fish] == ["0.000000", "0.100000", "0.300000", "0.400000"]
    assert [row["centre_x"] for row in fish] == ["6.500000", "10.500000", "14.500000", "18.500000"]
    assert fish[0]["speed_px_s"] == ""
    assert [float(row["speed_px_s"]) for row in fish[1:]] == pytest.approx([40, 20, 40])
    first = fish[0]
    assert (first["name"], first["visible"], first["area"], first["confidence"]) == (
        "'=fish",
        "1",
        "24",
        "0.500000",
    )
    assert (first["centre_y_cm"], first["height_cm"], first["width_cm"], first["area_cm2"]) == (
        "5.750000", "2", "3", "6",
    )  # fmt: skip
    assert float(fish[1]["speed_cm_s"]) == pytest.approx(20)
    crab = [row for row in rows if row["object"] == "7"]
    assert [row["visible"] for row in crab] == ["1", "1", "0", "1"]
    assert (crab[2]["centre_x"], crab[2]["area"], crab[2]["speed_px_s"]) == ("", "0", "")
    assert crab[3]["speed_px_s"] == ""  # the frame before does not know it
    assert [row["confidence"] for row in crab][-1] == ""
    assert (steps[-1].done, steps[-1].total) == (4, 4)


def test_every_format_reads_back_as_the_same_tracks(source, tmp_path):
    written = [
        run(trajectory, source, tmp_path / "t.csv", units_per_pixel=2)[0],
        run(trajectory_json, source, tmp_path / "t.json", units_per_pixel=2)[0],
        run(trajectory_txt, source, tmp_path / "f.txt", table="full")[0],
        run(trajectory_txt, source, tmp_path / "t.txt")[0],
    ]
    for path in written:
        tracks = read_table(path.read_bytes(), path.name)
        for track, own in zip(tracks, source.tracks, strict=True):
            assert (track.object_id, track.name) == (own.object_id, own.name)
            columns = 6 if path.name == "t.txt" else 7  # the 2019 table has no areas
            np.testing.assert_allclose(track.table[:, :columns], own.table[:, :columns], atol=1e-6)


def test_the_2019_table_is_six_numbers_a_line(source, tmp_path):
    path, _ = run(trajectory_txt, source, tmp_path / "t.txt")
    lines = path.read_text().splitlines()
    assert lines[0] == "# object 3 =fish"
    assert lines[1] == "11.500000\t6.500000\t10.000000\t4.000000\t13.000000\t9.000000"


def test_the_json_has_times_and_units(source, tmp_path):
    path, steps = run(trajectory_json, source, tmp_path / "t.json", units_per_pixel=0.5, unit="cm")
    content = json.loads(path.read_text())
    assert content["times_s"] == [0, 0.1, 0.3, 0.4]
    assert (content["unit"], content["units_per_pixel"]) == ("cm", 0.5)
    speed = content["columns"].index("speed_cm_s")
    assert [row[speed] for row in content["objects"][0]["rows"]] == [None, 20, 10, 20]
    assert (steps[-1].done, steps[-1].total) == (8, 8)


def test_distances_are_between_centres_and_empty_where_one_is_away(source, tmp_path):
    path, _ = run(distances, source, tmp_path / "d.csv", units_per_pixel=10, unit="um")
    rows = table(path)
    assert [(row["object_a"], row["name_a"], row["object_b"], row["name_b"]) for row in rows[:1]] == [
        ("3", "'=fish", "7", "crab")
    ]
    assert float(rows[0]["distance_px"]) == pytest.approx(math.hypot(34.5 - 11.5, 14.5 - 6.5), abs=1e-6)
    assert float(rows[0]["distance_um"]) == pytest.approx(10 * math.hypot(23, 8), abs=1e-5)
    assert (rows[2]["distance_px"], rows[2]["distance_um"]) == ("", "")
    assert len(rows) == 4


def test_frames_can_be_left_out_and_speeds_stay_those_of_the_clip(source, tmp_path):
    path, _ = run(trajectory, source, tmp_path / "t.csv", every=3)
    fish = [row for row in table(path) if row["object"] == "3"]
    assert [row["frame"] for row in fish] == ["0", "3"]
    assert float(fish[1]["speed_px_s"]) == pytest.approx(40)


def test_a_wrong_unit_is_one_sentence():
    with pytest.raises(InvalidInput, match="the unit is 'm/s'; 1 to 12 letters such as mm are needed"):
        trajectory.Options(unit="m/s")
