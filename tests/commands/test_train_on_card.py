import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open

from tests.net.train.pictures import training_folder, write
from vos.cli import main
from vos.commands._pack import pack
from vos.net.models.memory import MemoryNetwork
from vos.net.train.checkpoint import KEY, load_weights
from vos.net.train.data import find

ROOT = Path(__file__).parents[2]


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_what_is_packed_fits_and_is_laid_out_as_before(tmp_path):
    root = training_folder(tmp_path / "data", frames=24)
    used = pack(root, tmp_path / "small", 0.02)
    assert used == size_of(tmp_path / "small") <= 20_000
    small, whole = find(tmp_path / "small"), find(root)
    assert set(small.videos) == set(whole.videos)
    for name, video in small.videos.items():
        assert 2 <= len(video) < 24
        before = {picture.image.stem: picture for picture in whole.videos[name]}
        for picture in video:
            assert np.array_equal(picture.read_mask(), before[picture.image.stem].read_mask())


def test_large_pictures_are_made_smaller_with_their_masks(tmp_path):
    write(tmp_path / "data/stills/a/images/0.png", np.full((640, 960, 3), 90, np.uint8))
    write(tmp_path / "data/stills/a/masks/0.png", np.ones((640, 960), np.uint8))
    pack(tmp_path / "data", tmp_path / "small", 1)
    (picture,) = find(tmp_path / "small").cutouts
    assert picture.read_frame().shape == (320, 480, 3)
    assert picture.read_mask().shape == (320, 480)


def run_script(monkeypatch, tmp_path, *more):
    """Let the script run with an interpreter that notes what it is called with; run that here, at once."""
    note = tmp_path / "calls"
    note.unlink(missing_ok=True)
    python = tmp_path / "python"
    python.write_text(f"#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >> {note}\n")
    python.chmod(0o755)
    env = {**os.environ, "PYTHON": str(python), "DEVICE": "cpu", "PRECISION": "float32"}
    words = [ROOT / "scripts/train-on-card", tmp_path / "data", tmp_path / "out", *more]
    subprocess.run(words, env=env, cwd=tmp_path, check=True)
    monkeypatch.chdir(ROOT)
    calls = [line.split()[1:] for line in note.read_text().splitlines()]
    for module, *given in calls:
        monkeypatch.setattr(sys, "argv", [module, *given])
        if module == "vos":
            assert main(given) == 0
        else:
            sys.modules.pop(module)  # it runs as a program of its own
            runpy.run_module(module, run_name="__main__")
    return calls


def saved_step(out):
    with safe_open(out.with_suffix(".run.safetensors"), "numpy") as file:
        return json.loads(file.metadata()[KEY])["step"]


def test_the_script_packs_once_trains_and_goes_on_where_it_stopped(monkeypatch, tmp_path):
    training_folder(tmp_path / "data", frames=12)
    small = ["--clips", "1", "--frames", "2", "--size", "32", "--workers", "0", "--hold-out", "none"]
    packing, training = run_script(monkeypatch, tmp_path, "0.0001", *small)
    assert packing == ["vos.commands._pack", str(tmp_path / "data"), str(tmp_path / "out/data")]
    assert "--resume" not in training
    out = tmp_path / "out/memory.safetensors"
    load_weights(MemoryNetwork(), out)
    assert out.with_suffix(".png").exists()
    assert saved_step(out) == 1
    (training,) = run_script(monkeypatch, tmp_path, "99", *small, "--sitting", "0")
    assert training[training.index("--minutes") + 1] == "99"
    assert "--resume" in training
    assert saved_step(out) == 2
