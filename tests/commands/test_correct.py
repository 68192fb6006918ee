"""correct: a stored result, a mask for one frame, and only what that changes."""

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vos import folders
from vos.cli import main
from vos.video.masks import write_png
from vos.video.write import VideoWriter

SIZE, COUNT = (72, 96), 8


def box(left, value=1):
    mask = np.zeros(SIZE, np.uint8)
    mask[20:40, left : left + 20] = value
    return mask


@pytest.fixture
def made(tmp_path):
    """The folder that `segment` wrote of a clip at rest."""
    folders.choose(tmp_path / "cache")
    frame = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    with VideoWriter(tmp_path / "clip.mp4", SIZE, fps=Fraction(25)) as film:
        for index in range(COUNT):
            film.add(frame, index * 3600)
    write_png(tmp_path / "first.png", box(5) + box(70, 2))
    words = ["segment", tmp_path / "clip.mp4", "--engine", "flow", "--prompt", tmp_path / "first.png"]
    assert main([*map(str, words), "--out", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def read(folder, frame):
    return np.asarray(Image.open(folder / "masks" / f"{frame:05d}.png"))


def test_a_frame_is_corrected_and_the_frames_before_it_stay(made, tmp_path, capsys):
    write_png(tmp_path / "fix.png", box(40))
    out = tmp_path / "corrected"
    assert main(["correct", str(made), "--prompt", f"5:{tmp_path}/fix.png", "--out", str(out)]) == 0
    for frame in range(COUNT):
        before, after = read(made, frame), read(out, frame)
        assert np.array_equal(after == 2, before == 2)
        assert np.array_equal(after == 1, before == 1) == (frame < 5)
    assert (read(out, 7)[25:35, 45:55] == 1).all()
    facts = json.loads((out / "result.json").read_text())
    assert facts["parent"] == json.loads((made / "result.json").read_text())["id"]
    assert facts["prompt_frames"] == [0, 5]


def test_the_frames_before_are_blended_if_asked_for(made, tmp_path):
    write_png(tmp_path / "fix.png", box(15))
    words = ["correct", str(made), "--prompt", f"6:{tmp_path}/fix.png", "--blend"]
    assert main([*words, "--out", str(tmp_path / "corrected")]) == 0
    left = [int(np.flatnonzero((read(tmp_path / "corrected", i) == 1).any(0))[0]) for i in range(COUNT)]
    assert (left[0], left[6]) == (5, 15)
    assert 8 <= left[3] <= 12


def test_an_object_is_gone_from_a_frame_on(made, tmp_path, capsys):
    out = tmp_path / "corrected"
    assert main(["correct", str(made), "--gone", "5", "--gone", "3:2", "--out", str(out)]) == 0
    for frame in range(COUNT):
        before, after = read(made, frame), read(out, frame)
        assert np.array_equal(after == 1, (before == 1) & (frame < 5))
        assert np.array_equal(after == 2, (before == 2) & (frame < 3))
    assert main(["correct", str(made), "--gone", "x", "--out", str(tmp_path / "new")]) == 2
    assert "what is gone is FRAME[:OBJECT]; got 'x'" in capsys.readouterr().err


def test_mistakes_get_a_sentence(made, tmp_path, capsys):
    for words in (["correct", str(made)], ["correct", "abc", "--prompt", "0:x.png"]):
        assert main([*words, "--out", str(tmp_path / "new")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
