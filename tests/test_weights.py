"""Weight files are found, fetched and checked, or one sentence says what to do."""

import hashlib
from pathlib import Path

import pytest

from vos import weights
from vos.errors import MissingWeights
from vos.types import Weight

CONTENT = b"numbers"
HASH = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_with_the_right_hash_is_found(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(CONTENT)
    assert weights.locate(Weight("a.safetensors", HASH), tmp_path) == tmp_path / "a.safetensors"


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(CONTENT)
    weights.locate(Weight("a.safetensors", HASH), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
        weights.locate(Weight("a.safetensors", HASH), tmp_path)
    path.write_bytes(b"other numbers")
    with pytest.raises(MissingWeights, match="is not the file it should be"):
        weights.locate(Weight("a.safetensors", HASH), tmp_path)


def test_a_missing_file_without_an_address_says_where_its_command_is(tmp_path):
    with pytest.raises(MissingWeights, match=r"README\.md says which command makes it"):
        weights.locate(Weight("a.safetensors", HASH), tmp_path)


def test_a_missing_file_is_fetched_and_checked(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    folder = tmp_path / "weights"
    path = weights.locate(Weight("a.safetensors", HASH, source.as_uri()), folder)
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("sent", [b"something else", None])
def test_nothing_is_left_of_a_fetch_that_fails(tmp_path, sent):
    source = tmp_path / "source"
    if sent is not None:
        source.write_bytes(sent)
    folder = tmp_path / "weights"
    with pytest.raises(MissingWeights, match="sent something else" if sent else "cannot be fetched"):
        weights.locate(Weight("a.safetensors", HASH, source.as_uri()), folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../a.safetensors", "a.pth", "/etc/passwd"])
def test_only_safetensors_in_the_folder_are_weights(tmp_path, name):
    with pytest.raises(MissingWeights, match=r"weights are \.safetensors files"):
        weights.locate(Weight(name, HASH), Path(tmp_path))
