"""Tracks from masks, and their files."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos.errors import InvalidInput
from vos.tracks import COLUMNS, Track, TrackBuilder
from vos.tracks.files import read_table, to_csv, to_json, to_txt

SHARED = Path(__file__).parents[2] / "../shared/data"
GOAT = SHARED / "davis2016/Annotations/480p/goat"
WRITERS = {".csv": to_csv, ".txt": to_txt, ".json": to_json}


def _masks():
    """Object 1 moves (3, 4) a frame and leaves for one; object 7 comes on frame 2; void is everywhere."""
    for frame in range(4):
        mask = np.zeros((30, 40), np.uint8)
        mask[0, :] = 255
        if frame != 2:
            mask[2 + 3 * frame : 6 + 3 * frame, 1 + 4 * frame : 3 + 4 * frame] = 1
        if frame >= 2:
            mask[20, 10:13] = mask[22, 12] = 7
        yield mask


@pytest.fixture
def tracks():
    tracker = TrackBuilder()
    for mask in _masks():
        tracker.add(mask)
    return tracker.tracks(names={1: "goat, left", 7: "herd"})


def test_a_row_is_the_centre_the_box_and_the_area(tracks):
    assert [track.object_id for track in tracks] == [1, 7]
    np.testing.assert_array_equal(tracks[0].table[1], [6.5, 5.5, 5, 5, 8, 6, 8])
    np.testing.assert_array_equal(tracks[1].table[3], [20.5, 11.25, 20, 10, 22, 12, 4])


def test_an_object_out_of_sight_is_nan_with_area_0(tracks):
    np.testing.assert_array_equal(tracks[0].table[2], [math.nan] * 6 + [0])
    np.testing.assert_array_equal(tracks[1].column("area"), [0, 0, 4, 4])
    assert tracks[0].visible.tolist() == [True, True, False, True]
    assert (tracks[0].visible_share, tracks[1].visible_share) == (0.75, 0.5)


def test_the_speed_is_the_way_since_the_frame_before(tracks):
    np.testing.assert_array_equal(tracks[0].speed, [math.nan, 5, math.nan, math.nan])
    np.testing.assert_array_equal(tracks[1].speed, [math.nan, math.nan, math.nan, 0])


def test_an_object_that_never_shows_has_a_track_of_nothing():
    tracker = TrackBuilder()
    tracker.add(np.zeros((4, 4), np.uint8))
    (track,) = tracker.tracks(objects=[3])
    assert (track.object_id, len(track.table), track.visible_share) == (3, 1, 0)


def test_a_full_frame_of_4k_is_measured_exactly():
    tracker = TrackBuilder()
    tracker.add(np.full((2160, 3840), 254, np.uint8))
    np.testing.assert_array_equal(
        tracker.tracks()[0].table[0], [1079.5, 1919.5, 0, 0, 2159, 3839, 2160 * 3840]
    )


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_a_file_reads_back_as_it_was(tracks, ending):
    read = read_table(WRITERS[ending](tracks).encode(), "T" + ending.upper())
    for track, exact in zip(read, tracks, strict=True):
        assert (track.object_id, track.name) == (exact.object_id, exact.name)
        np.testing.assert_allclose(track.table, exact.table, atol=5e-7)


def test_a_txt_reads_back_all_but_areas(tracks):
    for track, exact in zip(read_table(to_txt(tracks).encode(), "t.txt"), tracks, strict=True):
        assert (track.object_id, track.name) == (exact.object_id, exact.name)
        np.testing.assert_allclose(track.table[:, :6], exact.table[:, :6], atol=5e-7)
        assert np.isnan(track.column("area")).tolist() == exact.visible.tolist()


def test_csv_lines_are_those_documented(tracks):
    lines = to_csv(tracks).splitlines()
    assert lines[0] == "frame,object,name,centre_y,centre_x,top,left,bottom,right,area"
    assert lines[2] == '1,1,"goat, left",6.500000,5.500000,5,5,8,6,8'
    assert lines[3] == '2,1,"goat, left",,,,,,,0'


def test_txt_of_one_object_is_the_bare_table_and_of_several_has_titles(tracks):
    one = to_txt(tracks[:1])
    assert one.splitlines()[0] == "3.500000\t1.500000\t2.000000\t1.000000\t5.000000\t2.000000"
    assert one.splitlines()[2] == "\t".join(["nan"] * 6)
    lines = to_txt(tracks).splitlines()
    assert (lines[0], lines[5], lines[6]) == ("# object 1 goat, left", "", "# object 7 herd")


def test_json_has_null_where_nothing_is(tracks):
    assert "[null,null,null,null,null,null,0.0]" in to_json(tracks)


def test_a_csv_of_other_origin_needs_no_object_name_or_area():
    data = b"right,bottom,left,top,centre_x,centre_y,frame\r\n4,3,2,1,2.5,1.5,2\r\n"
    (track,) = read_table(data, "a.csv")
    assert track.object_id == 1
    np.testing.assert_array_equal(track.table[2], [1.5, 2.5, 1, 2, 3, 4, math.nan])
    assert track.visible.tolist() == [False, False, True]


ROW = "2 3 1 2 4 5"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.xlsx", "", "a.xlsx is no trajectory table; these end in .csv, .txt, .json"),
        ("a.txt", "", "a.txt holds no rows"),
        ("a.txt", f"{ROW}\n{ROW} 6", "a.txt, line 2: 7 values; 6 are needed"),
        ("a.txt", f"{ROW}\n\n2 3 1 two 4 5", "a.txt, line 3: 'two' is not a number"),
        ("a.txt", "2 3 4 2 1 5", r"line 1: the centre \(2.0, 3.0\) is not inside its box"),
        ("a.txt", "2 3 1 2 4 inf", "line 1: the centre"),
        ("a.txt", "2 nan 1 2 4 5", "line 1: the centre"),
        ("a.txt", f"# object 300\n{ROW}", "line 2: frame 0 of object 300; allowed"),
        ("a.txt", f"# object 2\n{ROW}\n# object 2\n{ROW}", "line 4: frame 0 of object 2 a second time"),
        ("a.txt", "\n".join(f"# object {k}\n{ROW}" for k in range(1, 30)), "line 42: more than 20 objects"),
        ("a.csv", "frame,centre_y\n", "line 1: no column centre_x, top, left, bottom, right"),
        ("a.csv", to_csv([]) + "0.5,1,,2,3,1,2,4,5,1", "line 2: frame 0.5 of object 1.0 are not whole"),
        ("a.csv", to_csv([]) + "9e9,1,,2,3,1,2,4,5,1", "line 2: frame 9000000000 of"),
        ("a.csv", to_csv([]) + "0,1", "holds nothing"),
        ("a.json", "{\n]", "line 2: not JSON"),
        ("a.json", "[]", "not the JSON of a trajectory"),
        ("a.json", '{"columns": [], "objects": []}', "not the JSON of a trajectory"),
        ("a.json", to_json([Track(1, np.full((1, 7), -1.0))]), "object 1 row 0: the centre"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(name, text, sentence):
    if sentence == "holds nothing":  # a short line is a frame without the object, not an error
        assert read_table(text.encode(), name)[0].visible_share == 0
        return
    with pytest.raises(InvalidInput, match=sentence):
        read_table(text.encode(), name)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(InvalidInput, match="not a text table"):
        read_table(b"\xff\xfe\x00", "a.txt")


@pytest.mark.skipif(not GOAT.exists(), reason="needs ../shared/data/davis2016")
def test_the_masks_of_goat_reproduce_its_published_table_to_six_decimals():
    tracker = TrackBuilder()
    for file in sorted(GOAT.glob("*.png")):
        tracker.add((np.asarray(Image.open(file)) > 0).astype(np.uint8))
    assert to_txt(tracker.tracks()) == (SHARED / "goat_trajectory.txt").read_text()


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_the_published_table_reads():
    (track,) = read_table((SHARED / "goat_trajectory.txt").read_bytes(), "goat_trajectory.txt")
    assert track.table.shape == (90, len(COLUMNS))
    assert track.visible_share == 1


def test_a_name_is_no_formula_in_a_spreadsheet_and_comes_back_as_it_was(tracks):
    named = [Track(1, tracks[0].table, '=HYPERLINK("x")'), Track(2, tracks[0].table, "Anna's fish")]
    text = to_csv(named)
    assert "'=HYPERLINK" in text
    assert [track.name for track in read_table(text.encode(), "t.csv")] == [track.name for track in named]
