"""Uploads: the same bytes are kept once, whatever the file is called."""

import hashlib
import io
import os
import time

import pytest

from vos import uploads
from vos.errors import InvalidInput


def test_the_same_bytes_are_kept_once(tmp_path):
    first = uploads.keep(io.BytesIO(b"film"), "a.MP4", tmp_path)
    second = uploads.keep(io.BytesIO(b"film"), "another name.mp4", tmp_path)
    assert first.path == second.path == tmp_path / (hashlib.sha256(b"film").hexdigest() + ".mp4")
    assert first.path.read_bytes() == b"film"
    assert uploads.find(first.digest, tmp_path) == first.path


def test_an_empty_file_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InvalidInput, match=r"the file a.mp4 is empty \(0 bytes\)"):
        uploads.keep(io.BytesIO(b""), "a.mp4", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "x.mp4/../../y", "a.b c", "nothing", "x.veryverylong"])
def test_a_name_never_leads_out_of_the_folder(tmp_path, name):
    kept = uploads.keep(io.BytesIO(b"film"), name, tmp_path)
    assert kept.path.parent == tmp_path


def test_only_a_sha256_finds_a_clip(tmp_path):
    (tmp_path / "secret").write_text("x")
    assert uploads.find("*", tmp_path) is None
    assert uploads.find("secret", tmp_path) is None


def test_clips_nobody_used_for_a_month_go(tmp_path):
    old = uploads.keep(io.BytesIO(b"old"), "old.mp4", tmp_path)
    used = uploads.keep(io.BytesIO(b"used"), "used.mp4", tmp_path)
    long_ago = time.time() - 40 * 86400
    os.utime(old.path, (long_ago, long_ago))
    os.utime(used.path, (long_ago, long_ago))
    uploads.find(used.digest, tmp_path)
    uploads.keep(io.BytesIO(b"new"), "new.mp4", tmp_path)
    assert not old.path.exists()
    assert used.path.exists()
