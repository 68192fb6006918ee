"""Uploads: the same bytes are kept once, whatever the file is called."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vos import uploads
from vos.errors import InvalidInput, StorageUnavailable


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


def test_pieces_that_never_finish_leave_nothing(tmp_path):
    with uploads.Incoming("a.mp4", tmp_path) as incoming:
        incoming.write(b"half")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_part_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from vos.uploads import Incoming
incoming = Incoming("a.mp4", Path(sys.argv[1]))
incoming.write(bytes(100))
os.kill(os.getpid(), signal.SIGKILL)
"""
    with uploads.Incoming("live.mp4", tmp_path) as live:
        live.write(b"live")
        subprocess.run([sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[1])
        assert len(uploads.broken_off(tmp_path, remove=False)) == 1
        uploads.keep(io.BytesIO(b"film"), "b.mp4", tmp_path)
        assert uploads.broken_off(tmp_path, remove=False) == []
        assert live.finish().path.read_bytes() == b"live"


def test_many_threads_upload_and_find_while_old_clips_go(tmp_path):
    wrong = []

    def work(number):
        try:
            for turn in range(25):
                content = f"film {(number + turn) % 5}".encode()
                kept = uploads.keep(io.BytesIO(content), "a.mp4", tmp_path)
                assert kept.path.read_bytes() == content
                assert uploads.find(kept.digest, tmp_path) == kept.path
                old = uploads.keep(io.BytesIO(f"old {number}".encode()), "old.mp4", tmp_path)
                os.utime(old.path, (1, 1))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageUnavailable, match="a file is in the way"):
        uploads.keep(io.BytesIO(b"film"), "a.mp4", tmp_path / "file" / "uploads")
