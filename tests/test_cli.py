"""The command line: files, exit codes, one sentence for a mistake."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.test_segment import COUNT, clip, disk, prompt  # noqa: F401 (a fixture)
from vos.cli import main
from vos.tracks import read_table
from vos.video.masks import read_mask, write_png
from vos.video.read import probe


@pytest.fixture
def mask(tmp_path, clip):  # noqa: F811
    path = tmp_path / "mask.png"
    write_png(path, prompt(0, probe(clip).size_hw).mask)
    return path


def segment(clip, *more):  # noqa: F811
    return main(["segment", str(clip), "--engine", "flow", *map(str, more)])


def test_segment_writes_masks_overlay_trajectory_and_facts(clip, mask, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "out"
    assert segment(clip, "--prompt", mask, "--out", out, "--no-cache") == 0
    masks = sorted(path.name for path in (out / "masks").iterdir())
    assert masks == [f"{index:05d}.png" for index in range(COUNT)]
    assert Image.open(out / "masks" / "00003.png").mode == "P"
    assert probe(out / "overlay.mp4").frames == COUNT
    assert len(read_table((out / "trajectory.csv").read_bytes(), "t.csv")[0].table) == COUNT
    facts = json.loads((out / "result.json").read_text())
    assert {"id", "engine", "device", "frames", "seconds", "frames_per_second", "info"} <= set(facts)
    assert (facts["engine"], facts["frames"], facts["complete"]) == ("flow", COUNT, True)
    assert {str(path.relative_to(out)) for path in out.rglob("*.*")} == set(facts["files"])
    assert "12 frames in" in capsys.readouterr().out


def test_the_second_time_comes_from_the_cache(clip, mask, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        segment(clip, "--prompt", mask, "--out", tmp_path / "out")
    assert "from cache" in capsys.readouterr().out.splitlines()[-1]


def test_prompts_on_two_frames_are_kept_exactly(clip, tmp_path):  # noqa: F811
    size_hw = probe(clip).size_hw
    for frame in (3, 8):
        write_png(tmp_path / f"{frame}.png", prompt(frame, size_hw).mask)
    prompts = [f"{frame}:{tmp_path}/{frame}.png" for frame in (3, 8)]
    out = tmp_path / "out"
    assert segment(clip, "--prompt", prompts[0], "--prompt", prompts[1], "--out", out, "--no-cache") == 0
    for frame in (3, 8):
        mask, _ = read_mask(out / "masks" / f"{frame:05d}.png")
        assert np.array_equal(mask, prompt(frame, size_hw).mask)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.mp4"], "nothing.mp4"),
        (["CLIP"], "the engine flow needs a mask on at least one frame; got none"),
        (["CLIP", "--prompt", "gone.png"], "gone.png is missing"),
        (["CLIP", "--prompt", "99:MASK"], "prompt frame 99 is outside 0..11"),
        (["CLIP", "--prompt", "MASK", "--prompt", "0:MASK"], "is covered as a whole by the masks after it"),
        (["CLIP", "--prompt", "MASK", "--option", "x"], "--option takes NAME=VALUE; got 'x'"),
        (["CLIP", "--prompt", "MASK", "--option", "x=1"], "engine flow has no option 'x'"),
        (["CLIP", "--prompt", "MASK", "--device", "tpu"], "no device is called 'tpu'"),
        (["CLIP", "--prompt", "MASK", "--out", "MASK"], "is a file; a folder is needed"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(clip, mask, tmp_path, capsys, arguments, sentence):  # noqa: F811
    given = [a.replace("CLIP", str(clip)).replace("MASK", str(mask)) for a in arguments]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "out")]
    assert main(["segment", *given, "--engine", "flow", "--no-cache"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
