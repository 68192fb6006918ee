import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.net.train.pictures import training_folder, write
from vos.commands._pack import pack
from vos.net.models.memory import MemoryNetwork
from vos.net.train.checkpoint import load_weights
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


def test_the_script_trains_and_goes_on_where_it_stopped(tmp_path):
    root = training_folder(tmp_path / "data", frames=12)
    env = {**os.environ, "PYTHON": sys.executable, "DEVICE": "cpu", "PRECISION": "float32"}
    small = ["--clips", "1", "--frames", "2", "--size", "32", "--workers", "0", "--hold-out", "none"]
    for minutes in ("0.001", "0.1"):
        command = [ROOT / "scripts/train-on-card", root, tmp_path / "out", minutes, *small]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    load_weights(MemoryNetwork(), tmp_path / "out/memory.safetensors")
    assert (tmp_path / "out/memory.png").exists()
    assert (tmp_path / "out/memory.jsonl").read_text().count("step") >= 2
