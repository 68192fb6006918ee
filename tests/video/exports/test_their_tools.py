"""Exports opened by datumaro (of CVAT) and by supervision; scripts/check-exports installs them."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.video.exports.scene import COUNT, HEIGHT, NAMES, WIDTH, labels_of, run, scene
from vos.video.exports import coco, cvat, frames, mots_png, yolo

PYTHON = Path(__file__).parents[3] / ".venv-exports/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="scripts/check-exports installs the tools")


def output(script, *words):
    """Return the JSON lines that a script here prints, run by the tools' own Python."""
    command = [str(PYTHON), str(Path(__file__).with_name(script)), *map(str, words)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def read(folder, kind):
    """Return what datumaro finds: (frame, name, track, mask's hash), in order."""
    found = output("read_datumaro.py", folder, kind, HEIGHT, WIDTH)
    return sorted((int(f["item"].split("_")[-1]), f["name"], f["track"], f["mask"]) for f in found)


def wanted(name_of, track_of):
    return sorted(
        (index, name_of(i), track_of(i), hashlib.sha256(np.packbits(labels_of(index) == i)).hexdigest())
        for index in range(COUNT)
        for i in NAMES
        if (labels_of(index) == i).any()
    )


def test_coco_is_read_with_names_and_exact_masks(tmp_path):
    (tmp_path / "d/annotations").mkdir(parents=True)
    with scene(tmp_path) as source:
        run(coco, source, tmp_path / "d/annotations/instances_default.json")
        path, _ = run(frames, source, tmp_path / "f.zip")
    zipfile.ZipFile(path).extractall(tmp_path / "d/images/default")
    assert [(f, n, m) for f, n, _, m in read(tmp_path / "d", "coco_instances")] == [
        (f, n, m) for f, n, _, m in wanted(NAMES.get, lambda i: i)
    ]


def test_cvat_is_read_with_names_tracks_and_exact_masks(tmp_path):
    (tmp_path / "d").mkdir()
    with scene(tmp_path) as source:
        run(cvat, source, tmp_path / "d/annotations.xml", tolerance=0)
    assert read(tmp_path / "d", "cvat") == wanted(NAMES.get, lambda i: i)


def test_mots_is_read_with_classes_tracks_and_exact_masks(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(mots_png, source, tmp_path / "m.zip", class_id=2)
    zipfile.ZipFile(path).extractall(tmp_path / "d")
    assert read(tmp_path / "d", "mots") == wanted(lambda _: "pedestrian", lambda i: i)


def test_yolo_is_read_with_names_and_masks(tmp_path):
    """supervision fills polygons with their outline, and draws cuts: at most one pixel more, and the cuts."""
    with scene(tmp_path) as source:
        path, _ = run(yolo, source, tmp_path / "y.zip", tolerance=0)
    zipfile.ZipFile(path).extractall(tmp_path / "d")
    found = output("read_supervision.py", tmp_path / "d")
    assert sorted((int(f["item"]), f["name"]) for f in found) == [
        (index, name) for index, name, *_ in wanted(NAMES.get, lambda i: i)
    ]
    for item in found:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[*item["places"]] = True
        own = labels_of(int(item["item"])) == {name: i for i, name in NAMES.items()}[item["name"]]
        assert not (own & ~mask).any()
        if item["name"] == NAMES[1]:  # one part without a hole: no cuts
            assert not (mask & ~(cv2.dilate(own.astype(np.uint8), np.ones((3, 3))) > 0)).any()
        assert own.sum() / mask.sum() > 0.7
