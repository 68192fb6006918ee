"""The cache of adapted weights: what goes in comes out, or is made again."""

import os

import numpy as np
import pytest
import torch

from vos.net.online.learnt import Adapted, key_of

TENSORS = {"a": torch.arange(5, dtype=torch.float16), "b": torch.tensor(3)}


@pytest.fixture
def cache(tmp_path):
    return Adapted(tmp_path / "adapted")


def test_what_was_put_comes_back_exactly(cache):
    assert cache.get("k") is None
    cache.put("k", TENSORS)
    got = cache.get("k")
    assert set(got) == set(TENSORS)
    assert all(
        torch.equal(got[name], tensor) and got[name].dtype == tensor.dtype for name, tensor in TENSORS.items()
    )
    assert [path.name for path in cache.folder.iterdir()] == ["k.safetensors"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_a_miss_and_goes(cache, damage):
    cache.put("k", TENSORS)
    path = cache.folder / "k.safetensors"
    content = path.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes({"cut": content[:-3], "flip": flipped, "empty": b""}[damage])
    assert cache.get("k") is None
    assert not path.exists()


def test_those_not_used_for_longest_make_room(tmp_path):
    cache = Adapted(tmp_path)
    for age, key in enumerate("cba"):
        cache.put(key, TENSORS)
        os.utime(tmp_path / f"{key}.safetensors", (age, age))
    size = (tmp_path / "a.safetensors").stat().st_size
    assert cache.get("c")  # is now the newest
    Adapted(tmp_path, limit_bytes=3 * size).put("d", TENSORS)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "c", "d"]
    Adapted(tmp_path, limit_bytes=1).put("e", TENSORS)
    assert [path.stem for path in tmp_path.iterdir()] == ["e"]


def test_where_nothing_can_be_kept_it_is_a_miss_and_no_mistake(tmp_path, caplog):
    (tmp_path / "adapted").write_text("a file where the folder should be")
    cache = Adapted(tmp_path / "adapted")
    cache.put("k", TENSORS)
    assert cache.get("k") is None
    assert "cannot be kept" in caplog.text


def test_it_lies_in_the_folder_of_the_results(monkeypatch, tmp_path):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    assert Adapted().folder == tmp_path / "adapted"


def test_every_part_of_a_key_counts():
    mask = np.zeros((2, 3), np.uint8)
    parts = [
        ("x", mask, TENSORS),
        ("y", mask, TENSORS),
        ("x", mask + 1, TENSORS),
        ("x", mask.reshape(3, 2), TENSORS),
        ("x", mask.astype(np.int8), TENSORS),
        ("x", mask, TENSORS | {"a": TENSORS["a"] + 1}),
        ("x", mask, {"b": TENSORS["a"], "a": TENSORS["b"]}),
        ("x", mask, {"a": TENSORS["a"]}),
    ]
    assert len({key_of(*part) for part in parts}) == len(parts)
    assert key_of(*parts[0]) == key_of("x", mask.copy(), dict(reversed(TENSORS.items())))
