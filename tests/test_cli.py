"""The command line: files, exit codes, one sentence for a mistake."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.rolling import COUNT, disk, prompt, run_segment
from vos import segment
from vos.cli import explain, main
from vos.commands import _runs
from vos.errors import InvalidInput
from vos.net.engines import flow
from vos.tracks.files import read_table
from vos.types import Job, Prompt
from vos.video.masks import read_mask, write_png
from vos.video.read import probe


def test_segment_writes_masks_overlay_trajectory_and_facts(clip, mask, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_segment(clip, "--prompt", mask, "--out", out, "--no-cache") == 0
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


def test_the_second_time_comes_from_the_cache(clip, mask, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        run_segment(clip, "--prompt", mask, "--out", tmp_path / "out")
    assert "from cache" in capsys.readouterr().out.splitlines()[-1]


def test_prompts_on_two_frames_are_kept_exactly(clip, tmp_path):
    size_hw = probe(clip).size_hw
    for frame in (3, 8):
        write_png(tmp_path / f"{frame}.png", prompt(frame, size_hw).mask)
    prompts = [f"{frame}:{tmp_path}/{frame}.png" for frame in (3, 8)]
    out = tmp_path / "out"
    assert run_segment(clip, "--prompt", prompts[0], "--prompt", prompts[1], "--out", out, "--no-cache") == 0
    for frame in (3, 8):
        mask, _ = read_mask(out / "masks" / f"{frame:05d}.png")
        assert np.array_equal(mask, prompt(frame, size_hw).mask)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.mp4"], "nothing.mp4"),
        (["CLIP"], "the engine flow needs a mask on at least one frame; got none"),
        (["CLIP", "--prompt", "gone.png"], "gone.png is missing"),
        (["CLIP", "--prompt", ""], "--prompt takes [FRAME:]FILE; got ''"),
        (["CLIP", "--prompt", "9" * 5000 + ":MASK"], "prompt frame 1000000000 is outside 0..11"),
        (["CLIP", "--prompt", "99:MASK"], "prompt frame 99 is outside 0..11"),
        (["CLIP", "--prompt", "MASK", "--prompt", "0:MASK"], "is covered as a whole by the masks after it"),
        (["CLIP", "--prompt", "MASK", "--option", "x"], "--option takes NAME=VALUE; got 'x'"),
        (["CLIP", "--prompt", "MASK", "--option", "x=1"], "engine flow has no option 'x'"),
        (["CLIP", "--prompt", "MASK", "--device", "tpu"], "no device is called 'tpu'"),
        (["CLIP", "--prompt", "MASK", "--out", "MASK"], "is a file; a folder is needed"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(clip, mask, tmp_path, capsys, arguments, sentence):
    given = [a.replace("CLIP", str(clip)).replace("MASK", str(mask)) for a in arguments]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "out")]
    assert main(["segment", *given, "--engine", "flow", "--no-cache"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_clip_that_begins_with_a_dash_gets_a_hint(tmp_path, monkeypatch, capsys):
    (tmp_path / "-dash.mp4").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    assert main(["segment", "-dash.mp4"]) == 2
    assert "write ./-dash.mp4" in capsys.readouterr().err


def test_the_users_own_files_are_never_deleted_or_replaced(clip, mask, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "mine.png").write_text("mine")
    (out / "masks" / "00003.png").write_text("mine too")
    assert run_segment(clip, "--prompt", mask, "--out", out, "--no-cache") == 2
    assert "is not empty and was not made by this command" in capsys.readouterr().err
    assert (out / "masks" / "00003.png").read_text() == "mine too"
    assert run_segment(clip, "--prompt", mask, "--out", out, "--no-cache", "--overwrite") == 0
    assert (out / "masks" / "mine.png").read_text() == "mine"


def test_a_second_result_takes_the_place_of_the_first_and_of_nothing_else(clip, mask, tmp_path):
    out = tmp_path / "out"
    run_segment(clip, "--prompt", mask, "--out", out, "--no-cache")
    (out / "masks" / "mine.png").write_text("mine")
    facts = json.loads((out / "result.json").read_text())
    (out / "masks" / "00099.png").write_text("ours, of a longer clip")
    facts["files"] += ["masks/00099.png", "../mask.png"]
    (out / "result.json").write_text(json.dumps(facts))
    assert run_segment(clip, "--prompt", mask, "--out", out, "--no-cache") == 0
    assert not (out / "masks" / "00099.png").exists()
    assert (out / "masks" / "mine.png").exists()
    assert mask.exists()


def test_a_folder_of_images_with_masks_in_it_is_left_as_it_was(tmp_path, monkeypatch):
    frames = tmp_path / "frames"
    (frames / "masks").mkdir(parents=True)
    for index in range(3):
        Image.fromarray(np.dstack([disk(index) * 90] * 3)).save(frames / f"{index:05d}.png")
        write_png(frames / "masks" / f"{index:05d}.png", disk(index))
    before = {path: path.read_bytes() for path in frames.rglob("*.png")}
    monkeypatch.chdir(tmp_path)
    assert run_segment("frames", "--prompt", "0:frames/masks/00000.png", "--no-cache") == 0
    assert {path: path.read_bytes() for path in frames.rglob("*.png")} == before
    assert len(list((tmp_path / "frames_vos" / "masks").iterdir())) == 3


def test_ids_above_20_are_kept_through_to_the_files(clip, tmp_path):
    labels = prompt(0, probe(clip).size_hw).mask * np.uint8(38)
    write_png(tmp_path / "m.png", labels)
    out = tmp_path / "out"
    assert run_segment(clip, "--prompt", f"0:{tmp_path}/m.png", "--out", out, "--no-cache") == 0
    assert set(np.unique(np.asarray(Image.open(out / "masks" / "00005.png")))) == {0, 38}
    assert json.loads((out / "result.json").read_text())["objects"] == [38]


def test_black_and_white_masks_of_one_frame_are_several_objects(clip, tmp_path):
    height, width = probe(clip).size_hw
    for name, top in (("a", 2), ("b", height - 12)):
        mask = np.zeros((height, width), np.uint8)
        mask[top : top + 10, 4:30] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    prompts = ["--prompt", f"0:{tmp_path}/a.png", "--prompt", f"0:{tmp_path}/b.png"]
    out = tmp_path / "out"
    assert run_segment(clip, *prompts, "--out", out, "--no-cache") == 0
    first = np.asarray(Image.open(out / "masks" / "00000.png"))
    assert (first[5, 10], first[height - 5, 10]) == (1, 2)


def test_a_request_of_more_than_20_objects_is_refused():
    prompts = [Prompt(f, np.arange(1, 13, dtype=np.uint8)[None] + 12 * f) for f in range(2)]
    with pytest.raises(InvalidInput, match="the prompts mark 24 objects; 1 to 20 are allowed"):
        Job(Path("clip.mp4"), "flow", tuple(prompts), flow.Options())


def test_what_the_system_refuses_is_one_sentence_and_exit_code_2(clip, mask, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VOS_CACHE", str(mask))  # a file
    given = [
        ["segment", clip, "--engine", "flow", "--prompt", mask, "--out", tmp_path / "out"],
        ["segment", clip, "--engine", "flow", "--prompt", mask, "--out", mask / "out"],
        ["evaluate", "davis", "--root", tmp_path, "--masks", tmp_path, "--out", mask / "out"],
        ["convert", "davis", tmp_path / "gone", "tianchi", mask / "out"],
        ["weights", "pack", tmp_path / "gone", tmp_path / "out"],
    ]
    for words in given:
        assert main([str(word) for word in words]) == 2, words
        error = capsys.readouterr().err
        assert error.startswith("vos: "), words
        assert len(error.splitlines()) == 1, words


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "x", "/a/b"), "/a/b cannot be read or written: the disk is full"),
        (PermissionError(errno.EACCES, "x", "/a"), "/a cannot be read or written: permission denied"),
        (OSError(errno.ENOSPC, "x"), "a file cannot be read or written: the disk is full"),
        (OSError("odd"), "a file cannot be read or written: odd"),
    ],
)
def test_an_error_of_the_system_is_explained(error, sentence):
    assert explain(error) == sentence


def test_help_imports_no_command():
    code = "import sys; from vos.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('LOADED', sorted({'torch', 'matplotlib', 'cv2', 'av', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("LOADED []\n")
    assert "measure speed and memory" in done.stdout


def test_a_command_that_cannot_be_imported_harms_no_other(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "vos.commands.bench", None)
    assert main(["bench"]) == 2
    assert "the command bench cannot run here" in capsys.readouterr().err
    assert main(["weights", "list"]) == 0


@pytest.mark.parametrize("stage", ["segmenting", "writing"])
def test_an_interrupt_leaves_no_partial_file_and_the_next_run_goes_through(
    clip, mask, tmp_path, monkeypatch, capsys, stage
):
    """Ctrl+C comes while frames are segmented, or while the files are written; it is the real signal."""
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    run = segment.run

    def interrupted(*args, **options):
        for step in run(*args, **options):
            yield step
            if getattr(step, "done", 0) == 5:
                signal.raise_signal(signal.SIGINT)

    def write_some(path, picture):
        write_png(path, picture)
        if path.name == "00005.png":
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        if stage == "segmenting":
            patch.setattr(segment, "run", interrupted)
        else:
            patch.setattr(_runs, "write_png", write_some)
        assert run_segment(clip, "--prompt", mask, "--out", tmp_path / "out") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "vos: stopped"
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in left if "part" in path.name or path.name.startswith(".")]
    for path in left:
        if path.suffix == ".png":
            Image.open(path).load()
    if left:
        assert json.loads((tmp_path / "out" / "result.json").read_text())["complete"] is False
    assert not list((tmp_path / "cache" / "work").iterdir())
    assert run_segment(clip, "--prompt", mask, "--out", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["complete"] is True
    assert len(list((tmp_path / "out" / "masks").iterdir())) == COUNT
