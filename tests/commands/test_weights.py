"""python -m vos weights: official checkpoints become safetensors, and the table says what is there."""

import hashlib
from argparse import Namespace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from vos import plugins, weights
from vos.cli import main
from vos.commands import weights as command
from vos.errors import InvalidInput
from vos.net.engines import osvos
from vos.types import Weight

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}


def from_official(variant, tensors):
    if "a.bias" not in tensors:
        raise InvalidInput("this is no small checkpoint: a.bias is missing")
    return {f"{variant}.{name}": tensor for name, tensor in tensors.items()}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Put a small engine in OSVOS's place, and weights/ in a new folder."""
    module = SimpleNamespace(
        OFFICIAL={"one": "small-one.safetensors", "two": "small-two.safetensors"},
        from_official=from_official,
        WEIGHTS=(Weight("small-one.safetensors"), Weight("other.safetensors", "0" * 64)),
    )
    names, load = plugins.names, plugins.load
    engines = plugins.ENGINES
    found = {engines: ("small",), plugins.PICKERS: ()}
    monkeypatch.setattr(plugins, "names", lambda p: found[p] if p in found else names(p))
    monkeypatch.setattr(plugins, "load", lambda p, name: module if p == engines else load(p, name))
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    return module


def saved(tmp_path, content):
    torch.save(content, tmp_path / "official.pth")
    return tmp_path / "official.pth"


@pytest.mark.parametrize("wrap", [dict, lambda t: {"epoch": 3, "model": t}, lambda t: {"state_dict": t}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_becomes_safetensors_under_the_engines_name(small, tmp_path, wrap, prefix):
    file = saved(tmp_path, wrap({prefix + name: tensor for name, tensor in TENSORS.items()}))
    target = command.import_checkpoint("small", file, "two")
    assert target == tmp_path / "weights/small-two.safetensors"
    got = load_file(target)
    assert set(got) == {"two.a.weight", "two.a.bias"}
    assert torch.equal(got["two.a.weight"], TENSORS["a.weight"])


def test_a_single_variant_need_not_be_named(small, tmp_path):
    small.OFFICIAL = {"one": "small-one.safetensors"}
    assert command.import_checkpoint("small", saved(tmp_path, TENSORS)).name == "small-one.safetensors"


@pytest.mark.parametrize(("variant", "got"), [(None, "none was named"), ("six", "got 'six'")])
def test_an_unknown_variant_is_refused(small, tmp_path, variant, got):
    with pytest.raises(InvalidInput, match=f"is one of: one, two; {got}"):
        command.import_checkpoint("small", saved(tmp_path, TENSORS), variant)


class Trap:
    """What a checkpoint that runs code holds."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": Trap()}, "is not a torch checkpoint of tensors alone"),
        ({"a.weight": 3}, "holds no tensors by name"),
        ([torch.ones(2)], "holds no tensors by name"),
        ({}, "holds no tensors by name"),
        ({"a.weight": torch.ones(2)}, r"a\.bias is missing"),
    ],
)
def test_other_checkpoints_are_refused_and_leave_nothing(small, tmp_path, capsys, content, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        command.import_checkpoint("small", saved(tmp_path, content), "one")
    assert not (tmp_path / "weights").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 a broken zip"])
def test_files_of_another_kind_are_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(InvalidInput, match="is not a torch checkpoint"):
        command.read_checkpoint(tmp_path / "a.pth")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"gone\.pth is not a file"):
        command.read_checkpoint(tmp_path / "gone.pth")


def table():
    return command.run(Namespace(action="list"))


def test_the_command_line_imports(small, tmp_path, capsys):
    file = saved(tmp_path, TENSORS)
    assert main(["weights", "import", "small", "--variant", "one", str(file)]) == 0
    assert "small-one.safetensors" in capsys.readouterr().out
    assert main(["weights", "import", "small", "--variant", "one", "gone.pth"]) == 2


def test_the_table_says_what_is_there(small, tmp_path, monkeypatch, capsys):
    assert table() == 0
    one, other = capsys.readouterr().out.splitlines()
    assert "missing: python -m vos weights import" in one
    assert "missing: see weights/README.md" in other
    command.import_checkpoint("small", saved(tmp_path, TENSORS), "one")
    (tmp_path / "weights/other.safetensors").write_bytes(b"damaged")
    capsys.readouterr()
    table()
    one, other = capsys.readouterr().out.splitlines()
    assert one.startswith("small       small-one.safetensors")
    assert "0.0 MB, present" in one
    assert "not the file it should be" in other
    small.WEIGHTS = (Weight("other.safetensors", hashlib.sha256(b"damaged").hexdigest()),)
    table()
    assert "present" in capsys.readouterr().out


def test_osvos_takes_the_authors_checkpoint_as_it_is_and_no_other():
    official = osvos.Vgg16Osvos().state_dict()
    got = osvos.from_official("parent", official)
    assert all(torch.equal(got[name], tensor) for name, tensor in official.items())
    renamed = dict(official)
    renamed["fuse2.bias"] = renamed.pop("fuse.bias")
    with pytest.raises(InvalidInput, match=r"fuse\.bias is none, expected \(1,\)"):
        osvos.from_official("parent", renamed)
    with pytest.raises(InvalidInput, match=r"fuse\.weight is \(1, 32, 1, 1\), expected \(1, 64, 1, 1\)"):
        osvos.from_official("parent", official | {"fuse.weight": torch.zeros(1, 32, 1, 1)})


def test_packed_weights_are_half_as_large_and_hold_no_counts(tmp_path, capsys):
    source, target = tmp_path / "a.safetensors", tmp_path / "new/b.safetensors"
    save_file({"b.weight": torch.full((3,), 0.1), "norm.num_batches_tracked": torch.tensor(7)}, source)
    assert main(["weights", "pack", str(source), str(target)]) == 0
    packed = load_file(target)
    assert list(packed) == ["b.weight"]
    assert packed["b.weight"].dtype == torch.float16
    assert hashlib.sha256(target.read_bytes()).hexdigest() in capsys.readouterr().out
