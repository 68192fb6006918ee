import json
from argparse import ArgumentParser

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.net.train.pictures import training_folder
from vos.commands import evaluate, segment, train
from vos.commands._clicks import read_box, read_click
from vos.commands.weights import pack
from vos.errors import InvalidInput
from vos.net.train.checkpoint import read_tensors, write_tensors
from vos.prompts.clicks import Box, Click
from vos.types import Point
from vos.video import sample
from vos.weights import FOLDER


@pytest.mark.parametrize(
    ("text", "click"),
    [
        ("0:310,75", Click(0, Point(310, 75), 1)),
        ("12:310.5,0:3", Click(12, Point(310.5, 0), 3)),
        ("0:-310,75:2", Click(0, Point(310, 75, False), 2)),
        ("7:-0,12", Click(7, Point(0, 12, False), 1)),
    ],
)
def test_a_click_is_read(text, click):
    assert read_click(text) == click


def test_a_box_is_read():
    assert read_box("3:10,20,30.5,40") == Box(3, (10, 20, 30.5, 40), 1)
    assert read_box("3:10,20,30,40:9") == Box(3, (10, 20, 30, 40), 9)


@pytest.mark.parametrize(
    "text", ["310,75", "0:310", "0:310,-75", "-1:3,4", "0:3,4:", "0:3,4:x", "0:3;4", "٣:3,4", ""]
)
def test_a_malformed_click_is_told_the_form(text):
    with pytest.raises(InvalidInput, match=r"a click is FRAME:X,Y\[:OBJECT\]"):
        read_click(text)


@pytest.mark.parametrize("text", ["0:1,2,3", "1,2,3,4", "0:-1,2,3,4", "0:1,2,3,4,5"])
def test_a_malformed_box_is_told_the_form(text):
    with pytest.raises(InvalidInput, match=r"a box is FRAME:X1,Y1,X2,Y2\[:OBJECT\]"):
        read_box(text)


def test_segment_follows_what_is_clicked(tmp_path):
    pictures = tmp_path / "clip"
    pictures.mkdir()
    for index, (frame, mask) in enumerate(sample.frames(3, (240, 426))):
        Image.fromarray(frame).save(pictures / f"{index}.png")
        if index == 0:
            rows, columns = np.nonzero(mask == 1)
            box = f"0:{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}"
        truth = mask == 1
    parser = ArgumentParser()
    segment.arguments(parser)
    words = [
        str(pictures),
        "--box",
        box,
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
        "--precision",
        "float32",
    ]
    assert segment.run(parser.parse_args(words)) == 0
    got = cv2.imread(str(tmp_path / "out/masks/00002.png"), cv2.IMREAD_GRAYSCALE) > 0
    assert np.count_nonzero(got & truth) / np.count_nonzero(got | truth) > 0.6


def test_evaluate_clicks_writes_scores_and_pictures_of_the_worst(tmp_path):
    for index, (frame, mask) in enumerate(sample.frames(3, (120, 214), objects=2)):
        for folder, array in (("images/fish", frame), ("masks/fish", mask)):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / folder / f"{index}.png")
    parser = ArgumentParser()
    evaluate.arguments(parser)
    words = ["clicks", "--images", "images", "--masks", "masks", "--out", "out"]
    words = [str(tmp_path / word) if word in {"images", "masks", "out"} else word for word in words]
    words += ["--every", "2", "--most", "2", "--picker", "grabcut"]
    assert evaluate.run(parser.parse_args(words)) == 0
    found = json.loads((tmp_path / "out/clicks.json").read_text())
    assert set(found["overlaps"]) == {"fish/0:1", "fish/0:2", "fish/2:1", "fish/2:2"}
    assert found["objects"] == 4
    firsts = [overlaps[0] for overlaps in found["overlaps"].values()]
    assert found["mIoU@1"] == pytest.approx(100 * np.mean(firsts), abs=0.02)
    assert len(list((tmp_path / "out/worst").glob("*.jpg"))) == 4


def test_train_click_writes_weights_that_with_the_trunk_are_the_whole_network(tmp_path):
    data, out = training_folder(tmp_path / "data", frames=3), tmp_path / "click.safetensors"
    write = tmp_path / "deep.safetensors"
    deep = {
        name: t for name, t in read_tensors(FOLDER / "click.safetensors").items() if name.startswith("deep.")
    }
    write_tensors(deep, write, {})
    words = [
        "click",
        "--data",
        data,
        "--steps",
        1,
        "--out",
        out,
        "--crops",
        1,
        "--hold-out",
        "run",
        "--rate",
        1e-9,
    ]
    words += [
        "--workers",
        0,
        "--device",
        "cpu",
        "--validations",
        1,
        "--backbone",
        FOLDER / "lite0.safetensors",
    ]
    words += ["--layers", FOLDER / "memory.safetensors", "--deep", write, "--precision", "float32"]
    parser = ArgumentParser()
    train.arguments(parser)
    assert train.run(parser.parse_args([str(word) for word in words])) == 0
    trained, trunk = read_tensors(out), read_tensors(FOLDER / "lite0.safetensors")
    assert all(np.array_equal(trained[name], trunk[name].float()) for name in trunk)
    for name, start in (
        ("deep.2.project.weight", write),
        ("decode8.conv1.conv.weight", FOLDER / "memory.safetensors"),
    ):
        assert np.allclose(trained[name], read_tensors(start)[name].float(), atol=1e-5)
    pack(out, tmp_path / "small.safetensors", "trunk")
    assert set(read_tensors(tmp_path / "small.safetensors")) == set(
        read_tensors(FOLDER / "click.safetensors")
    )
