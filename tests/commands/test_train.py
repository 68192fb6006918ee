import json
from argparse import ArgumentParser

import numpy as np
import pytest
import torch

from tests.net.train.pictures import training_folder, write
from vos.commands import train
from vos.commands._train import osvos as osvos_glue
from vos.errors import InvalidInput
from vos.net.models.cosnet import CompactCOSNet
from vos.net.models.memory import MemoryNetwork
from vos.net.models.osvos import NETWORKS
from vos.net.models.s2s_compact import CompactS2S
from vos.net.train.backbone import start_trunk
from vos.net.train.checkpoint import load_weights, read_tensors
from vos.weights import FOLDER

SMALL = ["--clips", "1", "--frames", "2", "--size", "32", "--workers", "0", "--device", "cpu"]
SMALL += ["--validations", "1"]


def command(*words):
    parser = ArgumentParser()
    train.arguments(parser)
    return train.run(parser.parse_args([str(word) for word in words]))


def test_train_memory_writes_weights_that_load_with_scores_and_a_picture(tmp_path):
    data, out = training_folder(tmp_path / "data", frames=4), tmp_path / "new/memory.safetensors"
    assert command("memory", "--data", data, "--steps", 2, "--hold-out", "run", "--out", out, *SMALL) == 0
    load_weights(MemoryNetwork(), out)
    entries = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    scores = [entry["score"] for entry in entries if "score" in entry]
    assert len(scores) == 1
    assert all(0 <= score <= 1 for score in scores)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "memory.jsonl",
        "memory.png",
        "memory.run.safetensors",
        "memory.safetensors",
    ]
    with pytest.raises(InvalidInput, match="go on with --resume"):
        command("memory", "--data", data, "--steps", 2, "--hold-out", "run", "--out", out, *SMALL)


def test_the_same_seed_gives_the_same_weights_with_and_without_workers(tmp_path):
    data, files = training_folder(tmp_path / "data", frames=4), []
    for workers in (0, 1):
        files.append(tmp_path / f"{workers}.safetensors")
        words = [*SMALL, "--hold-out", "none", "--seed", 3, "--workers", workers]
        command("memory", "--data", data, "--steps", 1, "--out", files[-1], *words)
    one, other = (read_tensors(file) for file in files)
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_train_backbone_gives_the_sequence_to_sequence_network_a_start(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat/images", "dog"):
        for i in range(12):
            write(tmp_path / f"photos/{name}/{i}.png", rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    trunk = tmp_path / "trunk.safetensors"
    words = ["--size", 32, "--photos", 4, "--workers", 0, "--device", "cpu"]
    assert command("backbone", "--data", tmp_path / "photos", "--steps", 2, "--out", trunk, *words) == 0
    assert read_tensors(trunk)["head.weight"].shape == (2, 160)
    network = CompactS2S()
    start_trunk(network.trunk, trunk)
    assert np.array_equal(
        network.trunk.stage16[2].conv1.conv.weight.detach(),
        read_tensors(trunk)["trunk.stage16.2.conv1.conv.weight"],
    )


def test_train_cosnet_writes_weights_for_its_engine(tmp_path):
    data, out = training_folder(tmp_path / "data", frames=4), tmp_path / "cosnet.safetensors"
    words = ["--pairs", 1, "--size", 32, "--workers", 0, "--device", "cpu", "--validations", 1]
    assert command("cosnet", "--data", data, "--steps", 1, "--hold-out", "run", "--out", out, *words) == 0
    load_weights(CompactCOSNet(), out)
    out = tmp_path / "other.safetensors"
    words += ["--variant", "resnet50", "--backbone", out]
    with torch.device("meta"), pytest.raises(InvalidInput, match="--backbone is for the compact network"):
        command("cosnet", "--data", data, "--steps", 1, "--out", out, *words)


def test_train_s2s_starts_from_what_the_memory_network_has_too(tmp_path):
    data, out = training_folder(tmp_path / "data", frames=6), tmp_path / "s2s.safetensors"
    start, trunk = FOLDER / "memory.safetensors", FOLDER / "trunk.safetensors"
    words = ["--clips", 1, "--size", 32, "--workers", 0, "--device", "cpu", "--validations", 1]
    words += ["--layers", start, "--backbone", trunk, "--rate", 1e-9]
    assert command("s2s", "--data", data, "--steps", 1, "--hold-out", "run", "--out", out, *words) == 0
    load_weights(CompactS2S(), out)
    got, given = read_tensors(out), read_tensors(start) | read_tensors(trunk)
    for key in (
        "trunk.stem.0.conv.weight",
        "mask.0.0.conv.weight",
        "decode16.conv1.conv.weight",
        "logit.bias",
    ):
        assert np.allclose(got[key], given[key].float(), atol=1e-6)
    words += ["--network", "full", "--data", data, "--out", tmp_path / "b.safetensors"]
    with torch.device("meta"), pytest.raises(InvalidInput, match="--backbone is for the compact network"):
        command("s2s", "--steps", 1, *words)


def test_a_folder_without_training_data_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="holds no masks to train on"):
        command("memory", "--data", tmp_path, "--steps", 1, "--out", tmp_path / "a.safetensors")


def test_a_sitting_ends_early_and_resume_finishes_the_run(tmp_path):
    data, out = training_folder(tmp_path / "data", frames=4), tmp_path / "a.safetensors"
    words = ["memory", "--data", data, "--steps", 2, "--hold-out", "none", "--out", out, *SMALL]
    assert command(*words, "--sitting", 0) == 0
    assert not out.exists()
    assert command(*words, "--resume") == 0
    load_weights(MemoryNetwork(), out)


@pytest.mark.parametrize("kind", ["compact", "vgg16"])
def test_train_osvos_writes_parent_weights_that_load(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(osvos_glue, "ITERATIONS", 1)
    data, out = training_folder(tmp_path / "data", frames=4), tmp_path / "a.safetensors"
    words = ["osvos", "--data", data, "--steps", 1, "--out", out, "--pictures", 1, *SMALL[4:]]
    words += ["--network", kind, "--hold-out", "run" if kind == "compact" else "none"]
    if kind == "compact":
        words += ["--backbone", FOLDER / "memory.safetensors"]
    assert command(*words) == 0
    load_weights(NETWORKS[kind](), out)


def test_the_vgg16_network_takes_no_compact_trunk(tmp_path):
    data = training_folder(tmp_path / "data", frames=4)
    words = ["osvos", "--data", data, "--steps", 1, "--out", tmp_path / "a.safetensors", *SMALL[4:]]
    with torch.device("meta"), pytest.raises(InvalidInput, match="--backbone is for the compact network"):
        command(*words, "--hold-out", "none", "--network", "vgg16", "--backbone", "b.safetensors")
