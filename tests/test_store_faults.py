"""The store when the disk is full, a process is killed, several work at once, or bytes are damaged."""

import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from tests.stored import make_result
from vos.errors import DiskFull, StorageUnavailable
from vos.store import FILES, Store
from vos.types import Result

ROOT = Path(__file__).parents[1]


@pytest.fixture
def filled(tmp_path, files):
    """A store of three results, a, b and c."""
    with Store(tmp_path / "cache") as store:
        for name in "abc":
            store.put(make_result(name, digest=name), files)
        yield store


@pytest.fixture
def small_disk(tmp_path):
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def tree(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def ids(store):
    return "".join(sorted(row.id[0] for row in store.page().rows))


def run_and_expect_kill(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL


def test_a_put_onto_a_full_disk_leaves_nothing_however_often(small_disk, files):
    with Store(small_disk / "cache") as store:
        store.put(make_result("a"), files)
        before = tree(store.folder / "kept"), store.size_bytes()
        files["masks"].write_bytes(bytes(8 << 20))
        for _ in range(3):
            with pytest.raises(DiskFull, match=r"the disk that holds .*cache is full"):
                store.put(make_result("b"), files)
            assert (tree(store.folder / "kept"), store.size_bytes()) == before
            assert not tree(store.folder / "work")
        assert store.get("a" * 64).files["masks"].stat().st_size == 5000


def test_on_a_full_disk_results_are_read_and_can_be_deleted_and_then_put(small_disk, files):
    files["masks"].write_bytes(bytes(1 << 20))
    with Store(small_disk / "cache") as store:
        store.put(make_result("a"), files)
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    with Store(small_disk / "cache") as store:
        assert store.get("a" * 64).files["overlay"].read_bytes() == b"overlay" * 1000
        assert (ids(store), store.count()) == ("a", 1)
        with pytest.raises(StorageUnavailable):
            store.put(make_result("b", digest="b"), files)
        store.delete("a" * 64)
        assert store.get("a" * 64) is None
        files["masks"].write_bytes(b"small")
        store.put(make_result("b", digest="b"), files)
        assert ids(store) == "b"


@contextlib.contextmanager
def read_only(folder):
    """Make a folder read-only: by a mount for root, who may write anywhere, or by its mode."""
    if os.access(folder, os.W_OK) and os.geteuid() == 0:
        mounts = [["--bind", folder, folder], ["-o", "remount,ro,bind", folder]]
        if any(subprocess.run(["mount", *map(str, m)], capture_output=True).returncode for m in mounts):
            pytest.skip("needs the right to mount")
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & 0o555)
    yield
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX modes")
def test_a_folder_that_can_only_be_read_is_read(filled):
    filled.close()
    with read_only(filled.folder), Store(filled.folder) as store:
        assert not store.writable
        assert ids(store) == "abc"
        assert store.get("b" * 64).files["masks"].read_bytes() == b"masks" * 1000
        for attempt in (
            lambda: store.delete("a" * 64),
            lambda: store.save_draft("token", "text", revision=1),
            lambda: store.rename("a" * 64, title="x"),
            store.workspace,
        ):
            with pytest.raises(StorageUnavailable, match=r"the folder .* cannot be"):
                attempt()
    assert (ids(filled), filled.get("a" * 64).title) == ("abc", "clip a")


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path):
    (tmp_path / "cache").write_text("a file")
    for folder in (tmp_path / "cache", tmp_path / "cache" / "inner"):
        with pytest.raises(StorageUnavailable, match="cannot be used: a file is in the way"):
            Store(folder)
    assert (tmp_path / "cache").read_text() == "a file"


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.stored import make_result
from dataclasses import replace
from vos.store import FILES, Store

class Deadly(dict):
    def items(self):
        os.kill(os.getpid(), signal.SIGKILL)
    __iter__ = items

store = Store(Path(sys.argv[1]))
files = {name: Path(sys.argv[2]) / name for name in (*FILES, "source")}
store.put(replace(make_result("b", digest="b"), options=Deadly(a=1)), files)
"""


def test_what_a_killed_put_left_goes_when_the_store_opens(tmp_path, files):
    with Store(tmp_path / "cache") as store:
        store.put(make_result("a"), files)
        before = store.size_bytes()
        with store.workspace() as live:
            (Path(live) / "live").write_bytes(b"live")
            os.utime(live, (1, 1))  # a job that runs for years keeps its folder
            run_and_expect_kill(KILLED, store.folder, files["masks"].parent)
            assert store.size_bytes() == before + 4 + 50_000
            assert [sentence for sentence in store.check() if "process is dead" in sentence]
            with Store(tmp_path / "cache") as again:
                assert tree(again.folder / "work") == {
                    Path(Path(live).name, "live"), Path(Path(live).name + ".lock")
                }  # fmt: skip
                assert (ids(again), again.size_bytes()) == ("a", before + 4)
        assert store.check() == []


def test_a_result_whose_row_was_not_written_any_more_is_listed(filled):
    with closing(sqlite3.connect(filled.folder / "index.db")) as database, database:
        database.execute("DELETE FROM results WHERE id = ?", ("b" * 64,))
    assert len(filled.check()) == 1
    with Store(filled.folder) as again:
        assert ids(again) == "abc"
        assert again.check() == []


def test_a_result_removed_by_half_goes_the_rest_of_the_way(filled):
    folder = filled.get("b" * 64).files["masks"].parent
    folder.rename(folder.with_name(f"{folder.name}.gone"))
    with Store(filled.folder) as again:
        assert ids(again) == "ac"
        assert len(list((again.folder / "kept").iterdir())) == 2


WRONG = [
    ("info", {"fps": "1/0"}),
    ("info", {"width": "wide"}),
    ("visible", [1, 2]),
    ("visible", {"one": 0.5}),
    ("created", None),
    ("warnings", "text"),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_damaged_row_is_made_anew_from_the_results_own_description(filled, field, value):
    with closing(sqlite3.connect(filled.folder / "index.db")) as database, database:
        (text,) = database.execute("SELECT text FROM texts WHERE id = ?", ("b" * 64,)).fetchone()
        database.execute("UPDATE texts SET text = ? WHERE id = ?", (damage(text, field, value), "b" * 64))
    assert filled.get("b" * 64).title == "clip b"
    assert filled.check() == []


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_damaged_result_is_set_aside_and_reported_and_the_others_stay(filled, field, value):
    meta = filled.get("b" * 64).files["masks"].with_name("meta.json")
    meta.write_text(damage(meta.read_text(), field, value))
    (filled.folder / "index.db").unlink()
    with Store(filled.folder) as again:
        assert ids(again) == "ac"
        (sentence,) = again.set_aside()
        assert sentence.startswith("result bbbbbbbbbbbb is damaged and was set aside: its description")
        (aside,) = (again.folder / "set_aside").iterdir()
        assert (aside / "overlay.mp4").read_bytes() == b"overlay" * 1000
        assert again.check() == []


def damage(text, field, value):
    content = json.loads(text)
    if isinstance(value, dict) and field == "info":
        content["result"][field] |= value
    else:
        content["result"][field] = value
    return json.dumps(content)


def test_a_row_of_the_list_that_holds_nonsense_costs_nothing(filled):
    with closing(sqlite3.connect(filled.folder / "index.db")) as database, database:
        database.execute("UPDATE results SET frames = 'many', created = x'00ff' WHERE id = ?", ("b" * 64,))
    assert ids(filled) == "abc"
    assert filled.page(sort="title").rows[1].frames == 5


def test_a_truncated_file_sets_its_result_aside(filled):
    os.truncate(filled.get("b" * 64).files["masks"], 10)
    assert filled.get("b" * 64) is None
    assert (ids(filled), filled.count()) == ("ac", 2)
    assert "its file masks has 5000 bytes; got 10 bytes" in filled.set_aside()[0]
    assert filled.check() == []


def garbage(path, at, size):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(size))


@pytest.mark.parametrize(("at", "size"), [(0, 4096), (4096, 4096), (0, 100_000)])
def test_a_garbage_index_is_moved_aside_and_made_anew_with_a_sentence(filled, at, size):
    filled.close()  # writes the log into the file
    garbage(filled.folder / "index.db", at, size)
    with Store(filled.folder) as again:
        assert ids(again) == "abc"
        assert again.get("b" * 64).title == "clip b"
        assert [s for s in again.set_aside() if "the index could not be read" in s]
        assert again.check() == []


@pytest.mark.parametrize("closed", [True, False])
def test_an_index_that_becomes_garbage_while_it_is_open_is_made_anew(filled, files, closed):
    if closed:
        filled.close()
    garbage(filled.folder / "index.db", 0, 8192)
    filled.put(make_result("d", digest="d"), files)
    assert ids(filled) == "abcd"


def test_a_garbage_database_of_drafts_is_moved_aside_and_its_texts_stay(filled):
    filled.save_draft("first", "one", revision=1)
    filled.save_draft("second/..", "two", revision=1)
    filled.save_draft("first", "three", revision=2)
    filled.close()
    garbage(filled.folder / "results" / "cache.db", 0, 20_000)
    with Store(filled.folder) as again:
        assert (again.draft("first"), again.draft("second/..")) == ("three", "two")
        assert ids(again) == "abc"
        assert len(again.set_aside()) == 1
        assert again.check() == []


def test_a_database_of_drafts_that_becomes_garbage_while_it_is_open_is_made_anew(filled):
    filled.save_draft("first", "one", revision=1)
    filled.close()  # writes the log into the file
    garbage(filled.folder / "results" / "cache.db", 0, 20_000)
    assert filled.draft("first") == "one"
    assert filled.save_draft("second", "two", revision=1)
    assert (filled.draft("second"), ids(filled)) == ("two", "abc")


def work(folder, made, number):
    """Put, read and delete what the other processes put, read and delete, too."""
    paths = {name: made / name for name in (*FILES, "source")}
    with Store(folder, limit_bytes=250_000) as store:
        for turn in range(15):
            name = "abcdef"[(number + turn) % 6]
            assert store.put(make_result(name), paths).id == name * 64
            for row in store.page().rows:
                if (handle := store.open_file(row.id, "overlay")) is not None:
                    with handle:
                        assert handle.read() == b"overlay" * 1000
            if turn % 3 == 0:
                store.delete("abcdef"[turn % 6] * 64)
            with store.workspace() as folder_name:
                assert Path(folder_name).is_dir()
    return True


def test_several_processes_put_read_and_delete_the_same_results(tmp_path, files):
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        jobs = [(tmp_path / "cache", files["masks"].parent, number) for number in range(3)]
        assert pool.starmap(work, jobs) == [True] * 3
    with Store(tmp_path / "cache") as store:
        assert store.check() == []
        assert store.set_aside() == []
        assert store.size_bytes() <= 250_000


def old_store(folder, results, paths):
    """Write results as the first version did: rows and files of diskcache."""
    rows = diskcache.Cache(str(folder / "results"), disk_min_file_size=2**16, tag_index=True)
    for result in results:
        meta = json.dumps(old_facts(result))
        for name in FILES:
            with paths[name].open("rb") as file:
                rows.set(f"{result.id}/{name}", file, read=True, tag=result.id)
        with paths["source"].open("rb") as file:
            rows.set(f"clip/{result.digest}", file, read=True, tag=f"clip/{result.digest}")
        rows.set(f"{result.id}/meta", meta, tag=result.id)
    rows.set("draft/token", "drawn", expire=86400, tag="draft")
    rows.close()


def old_facts(result: Result):
    from vos.store import facts

    return facts(result)


def test_results_of_the_first_version_are_taken_over(tmp_path, files):
    old_store(tmp_path / "cache", [make_result("a"), make_result("b")], files)
    with Store(tmp_path / "cache") as store:
        assert ids(store) == "ab"
        result = store.get("a" * 64)
        assert {name: path.read_bytes() for name, path in result.files.items()} == {
            name: path.read_bytes() for name, path in files.items()
        }
        assert store.draft("token") == "drawn"
        assert not list((store.folder / "results").glob("??/*"))
        assert store.check() == []


def test_a_damaged_result_of_the_first_version_costs_only_itself(tmp_path, files):
    old_store(tmp_path / "cache", [make_result("a"), make_result("b")], files)
    with closing(sqlite3.connect(tmp_path / "cache" / "results" / "cache.db")) as database, database:
        database.execute("UPDATE Cache SET value = '{' WHERE key = ?", ("b" * 64 + "/meta",))
    with Store(tmp_path / "cache") as store:
        assert ids(store) == "a"
        assert "result bbbbbbbbbbbb is damaged" in store.set_aside()[0]
        (aside,) = (store.folder / "set_aside").iterdir()
        assert (aside / "masks").read_bytes() == b"masks" * 1000
