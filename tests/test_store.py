"""The result store: whole or not at all, no pickles, safe under threads."""

import os
import pickle
import sqlite3
import threading
from dataclasses import replace
from fractions import Fraction

import pytest

from vos.errors import InvalidInput
from vos.store import FILES, Store
from vos.types import Device, Result, VideoInfo

INFO = VideoInfo("mp4", "h264", 64, 48, Fraction(30000, 1001), 5, 0.1668)


def make_result(name="a", digest="d1", created=1.0):
    return Result(
        id=name * 64,
        title=f"clip {name}",
        created=created,
        engine="flow",
        options={"sharp": True},
        device=Device(),
        digest=digest,
        info=INFO,
        frames=5,
        names={1: "dog"},
        prompt_frames=(0, 3),
        visible={1: 0.8, 2: 1.0},
        seconds={"total": 1.5},
        warnings=("one frame is damaged",),
    )


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    paths = {}
    for name in (*FILES, "source"):
        paths[name] = folder / name
        paths[name].write_bytes(name.encode() * 1000)
    return paths


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "cache") as opened:
        yield opened
        assert opened.check() == []


def test_a_result_comes_back_as_it_was_put(store, files):
    result = make_result()
    store.put(result, files)
    back = store.get(result.id)
    assert replace(back, files={}) == result
    assert {name: path.read_bytes() for name, path in back.files.items()} == {
        name: path.read_bytes() for name, path in files.items()
    }


def test_a_picture_of_attention_is_kept_where_there_is_one(store, files):
    store.put(make_result("a"), files)
    assert "attention" not in store.get("a" * 64).files
    files["attention"] = files["overlay"].with_name("attention")
    files["attention"].write_bytes(b"picture")
    store.put(make_result("b"), files)
    assert store.get("b" * 64).files["attention"].read_bytes() == b"picture"


def test_what_was_never_put_is_none(store):
    assert store.get("b" * 64) is None
    assert store.results() == []


def test_results_come_newest_first(store, files):
    for name, created in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        store.put(make_result(name, created=created), files)
    assert [result.id[0] for result in store.results()] == ["b", "c", "a"]


def test_the_clip_is_kept_once_and_goes_with_its_last_result(store, files):
    store.put(make_result("a"), files)
    without_source = {name: path for name, path in files.items() if name != "source"}
    store.put(make_result("b"), without_source)
    assert store.get("a" * 64).files["source"] == store.get("b" * 64).files["source"]
    store.delete("a" * 64)
    assert store.get("b" * 64).files["source"].exists()
    store.delete("b" * 64)
    assert not store.has_clip("d1")
    assert store.size_bytes() < 100_000


def test_a_put_that_breaks_off_leaves_nothing(store, files):
    files["prompts"].unlink()
    with pytest.raises(FileNotFoundError):
        store.put(make_result(), files)
    assert store.get("a" * 64) is None
    assert not store.has_clip("d1")


def test_a_result_with_a_lost_file_is_dropped(store, files):
    store.put(make_result(), files)
    store.get("a" * 64).files["masks"].unlink()
    assert store.get("a" * 64) is None
    assert store.results() == []


def test_the_oldest_results_make_room_for_new_ones(tmp_path, files):
    with Store(tmp_path / "small", limit_bytes=400_000) as store:
        for path in files.values():
            path.write_bytes(os.urandom(20_000))
        for n, name in enumerate("abc"):
            store.put(make_result(name, digest=name, created=float(n)), files)
        assert [result.id[0] for result in store.results()] == ["c", "b"]


def test_a_planted_pickle_is_refused_and_does_not_run(store, files, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    store.put(make_result(), files)
    database = sqlite3.connect(store.folder / "results" / "cache.db")
    with database:
        database.execute(
            "UPDATE Cache SET mode = 4, value = ?, filename = NULL WHERE key = ?",
            (pickle.dumps(Bomb()), "a" * 64 + "/meta"),
        )
        database.execute(
            "INSERT INTO Cache (key, raw, store_time, access_time, mode, value) VALUES (?, 0, 0, 0, 1, 'x')",
            (pickle.dumps(Bomb()),),
        )
    database.close()
    assert store.get("a" * 64) is None
    assert store.results() == []
    assert not (tmp_path / "ran").exists()
    database = sqlite3.connect(store.folder / "results" / "cache.db")
    with database:
        database.execute("DELETE FROM Cache WHERE raw = 0")
    database.close()


def test_a_pickle_is_never_written(store):
    with pytest.raises(TypeError, match="got list"):
        store._cache.set("key", [1, 2])
    with pytest.raises(TypeError, match="keys are str"):
        store._cache.set(("a", "tuple"), "value")


def test_the_folder_is_for_its_owner_alone(store):
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_result_can_be_renamed(store, files):
    store.put(make_result(), files)
    store.rename("a" * 64, title="my dog", names={1: "Rex"})
    assert store.get("a" * 64).title == "my dog"
    assert store.get("a" * 64).name(1) == "Rex"
    with pytest.raises(InvalidInput, match="there is no result"):
        store.rename("f" * 64, title="nobody")


def test_drafts_are_kept_as_text(store):
    store.save_draft("token", '{"a": 1}', revision=1)
    assert store.draft("token") == '{"a": 1}'
    assert store.draft("other") is None


def test_many_threads_put_and_get_whole_results(store, files):
    seen = []

    def work(number):
        for _ in range(5):
            store.put(make_result("abcd"[number], digest="abcd"[number]), files)
            seen.append("abcd"[number] in {result.id[0] for result in store.results()})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20
    assert len(store.results()) == 4
