"""The result store: whole or not at all, no pickles, safe under threads."""

import os
import pickle
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stored import make_result
from vos.errors import DamagedResult, InvalidInput
from vos.store import FILES, Store
from vos.store.room import Room


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
    assert os.path.samefile(*(store.get(name * 64).files["source"] for name in "ab"))
    assert store.size_bytes() == 2 * 44_000 + 6_000
    store.delete("a" * 64)
    assert store.get("b" * 64).files["source"].exists()
    store.delete("b" * 64)
    assert store.shelf.clip("d1") is None
    assert store.size_bytes() == 0


def test_a_put_that_breaks_off_leaves_nothing(store, files):
    files["prompts"].unlink()
    with pytest.raises(FileNotFoundError):
        store.put(make_result(), files)
    assert store.get("a" * 64) is None
    assert store.shelf.clip("d1") is None


def test_the_oldest_results_make_room_for_new_ones(tmp_path, files):
    with Store(tmp_path / "small", limit_bytes=300_000) as store:
        for path in files.values():
            path.write_bytes(os.urandom(20_000))
        for n, name in enumerate("abc"):
            store.put(make_result(name, digest=name, created=float(n)), files)
        assert [result.id[0] for result in store.results()] == ["c", "b"]


def test_files_of_results_that_made_room_are_deleted_for_a_moment_only(store, files, monkeypatch):
    monkeypatch.setattr("vos.store.SWEEP_S", 0.0)
    monkeypatch.setattr("vos.store.shelf.SWEEP_S", 0.0)
    for n in range(20):
        store.put(replace(make_result(), id=f"{n:064x}", digest=str(n)), files)
    store.room = Room(store.folder, store.shelf, store.size_bytes() // 2)
    store.put(make_result("f", digest="f"), files)
    assert store.count() == 10
    assert len(list((store.folder / "kept").iterdir())) == 20  # one of eleven was deleted at once
    assert store.check() == []
    store.workspace().cleanup()
    assert len(list((store.folder / "kept").iterdir())) == 19
    with Store(store.folder):
        assert len(list((store.folder / "kept").iterdir())) == 10


def test_a_planted_pickle_is_refused_and_does_not_run(store, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    store.save_draft("token", "text", revision=1)
    plant = "UPDATE Cache SET mode = 4, value = ?, filename = NULL WHERE key = 'draft/token'"
    row = "INSERT INTO Cache (key, raw, store_time, access_time, mode, value) VALUES (?, 0, 0, 0, 1, 'x')"
    with closing(sqlite3.connect(store.folder / "results" / "cache.db")) as database, database:
        database.execute(plant, (pickle.dumps(Bomb()),))
        database.execute(row, (pickle.dumps(Bomb()),))
    with pytest.raises(DamagedResult, match="pickled row"):
        store.draft("token")
    with Store(store.folder) as again:  # reads all keys
        assert again.count() == 0
    assert not (tmp_path / "ran").exists()
    with closing(sqlite3.connect(store.folder / "results" / "cache.db")) as database, database:
        database.execute("DELETE FROM Cache")
    store.check(repair=True)


def test_a_pickle_is_never_written(store):
    with pytest.raises(TypeError, match="got list"):
        store._drafts.cache.set("key", [1, 2])
    with pytest.raises(TypeError, match="keys are str"):
        store._drafts.cache.set(("a", "tuple"), "value")


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


def test_a_draft_that_is_looked_at_is_kept_for_another_month(store):
    store.save_draft("seen", "one", revision=1)
    store.save_draft("forgotten", "two", revision=1)
    store._drafts.cache._sql("UPDATE Cache SET expire_time = expire_time - 29 * 86400")
    assert store.draft("seen") == "one"
    store._drafts.cache._sql("UPDATE Cache SET expire_time = expire_time - 2 * 86400")
    assert (store.draft("seen"), store.draft_revision("seen")) == ("one", 1)
    assert (store.draft("forgotten"), store.draft_revision("forgotten")) == (None, 0)


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


def test_putting_what_is_there_whole_keeps_the_first(store, files):
    first = store.put(make_result(), files)
    before = first.files["overlay"].stat().st_ino
    files["overlay"].write_bytes(b"other")
    again = store.put(make_result(), files)
    assert again.files == first.files
    assert again.files["overlay"].stat().st_ino == before


def test_an_open_file_reads_to_its_end_though_the_result_is_deleted_and_put_anew(store, files):
    store.put(make_result(), files)
    with store.open_file("a" * 64, "overlay") as handle:
        start = handle.read(10)
        store.delete("a" * 64)
        assert store.open_file("a" * 64, "overlay") is None
        files["overlay"].write_bytes(b"changed")
        store.put(make_result(), files)
        assert start + handle.read() == b"overlay" * 1000
    with store.open_file("a" * 64, "overlay") as handle:
        assert handle.read() == b"changed"


def test_what_is_borrowed_survives_deletion(store, files):
    store.put(make_result(), files)
    with store.workspace() as folder:
        borrowed = store.borrow("a" * 64, Path(folder))
        assert store.link_clip("d1", Path(folder) / "clip")
        store.delete("a" * 64)
        assert borrowed.files["masks"].read_bytes() == b"masks" * 1000
        assert (Path(folder) / "clip").read_bytes() == b"source" * 1000
        without = {name: path for name, path in files.items() if name != "source"}
        store.put(make_result("b"), without | {"source": Path(folder) / "clip"})
    assert store.get("b" * 64).files["source"].read_bytes() == b"source" * 1000
    assert store.borrow("a" * 64, store.folder) is None


def test_pages_search_sort_and_count(store, files):
    for n, name in enumerate("abcde"):
        engine = "flow" if n % 2 else "memory"
        store.put(replace(make_result(name, digest=name, created=float(n)), engine=engine), files)
    page = store.page(1, 2)
    assert ([row.id[0] for row in page.rows], page.total) == (["d", "c"], 5)
    assert [row.id[0] for row in store.page(sort="oldest").rows] == list("abcde")
    assert [row.id[0] for row in store.page(search="CLIP B").rows] == ["b"]
    store.rename("c" * 64, title="Clip c", names={1: "Red Panda"})
    assert [row.id[0] for row in store.page(search="red panda").rows] == ["c"]
    assert [row.id[0] for row in store.page(engine="flow", sort="title").rows] == ["b", "d"]
    assert [row.id[0] for row in store.page(digest="c").rows] == ["c"]
    assert (store.count(), store.newest().id[0], store.engines()) == (5, "e", ("flow", "memory"))
    row = store.page(0, 1).rows[0]
    assert (row.frames, row.objects, row.bytes) == (5, 2, sum(len(name) * 1000 for name in FILES))
    with pytest.raises(InvalidInput, match="sorted by newest, oldest, title, largest; got 'x'"):
        store.page(sort="x")


def test_a_file_made_of_a_result_is_kept_with_it_in_place_of_earlier_ones_of_its_kind(store, files, tmp_path):
    store.put(make_result(), files)
    before = store.size_bytes()
    for name, content in (("export-coco-1", b"a" * 70), ("export-coco-2", b"b" * 50), ("export-gif-1", b"c")):
        (tmp_path / name).write_bytes(content)
        kept = store.add_file("a" * 64, name, tmp_path / name)
        assert kept.read_bytes() == content
    result = store.get("a" * 64)
    assert {name for name in result.files if name.startswith("export")} == {"export-coco-2", "export-gif-1"}
    assert store.size_bytes() - before == 51
    assert store.page(0, 1).rows[0].bytes == sum(len(name) * 1000 for name in FILES) + 51
    assert store.check() == []
    store.delete("a" * 64)
    assert not kept.exists()
    with pytest.raises(InvalidInput, match="there is no result aaaaaaaaaaaa"):
        store.add_file("a" * 64, "export-gif-1", tmp_path / "export-gif-1")


def test_what_was_used_last_stays_longest(tmp_path, files):
    with Store(tmp_path / "small", limit_bytes=110_000) as store:
        for name in "ab":
            store.put(make_result(name, digest=name), files)
        with closing(sqlite3.connect(store.folder / "index.db")) as database, database:
            database.execute("UPDATE results SET used = 1000 + (id > ?)", ("a" * 64,))
        store.get("a" * 64)
        store.put(make_result("c", digest="c"), files)
        assert sorted(row.id[0] for row in store.page().rows) == ["a", "c"]


def test_listing_and_eviction_cost_the_same_number_of_statements_however_many_there_are(tmp_path, files):
    def statements(count):
        """Return how many statements a page and a put that evicts half of `count` results run."""
        with Store(tmp_path / str(count)) as store:
            for n in range(count):
                store.put(replace(make_result(), id=f"{n:064x}", digest=str(n)), files)
            store.room = Room(store.folder, store.shelf, store.size_bytes() // 2)
            ran, connect = [], sqlite3.connect

            def traced(*args, **options):
                connection = connect(*args, **options)
                connection.set_trace_callback(ran.append)
                return connection

            sqlite3.connect = traced
            try:
                store.page(0, 10)
                listed = len(ran)
                store.put(make_result("f", digest="f"), files)
            finally:
                sqlite3.connect = connect
            assert store.count() <= count // 2 + 1
            selects = [text for text in ran if not text.startswith("DELETE")]
            return listed, len(selects)

    assert statements(8) == statements(32)


def test_what_was_deleted_can_be_brought_back_for_a_day(store, files, monkeypatch):
    for name in "ab":
        store.put(make_result(name), files)
    stored = store.get("a" * 64)
    contents = {name: path.read_bytes() for name, path in stored.files.items()}
    store.discard("a" * 64)
    assert store.get("a" * 64) is None
    assert ([row.id[0] for row in store.page().rows], store.check()) == (["b"], [])
    assert [(one.id, one.title) for one in store.deleted.all()] == [("a" * 64, stored.title)]
    assert {n: p.read_bytes() for n, p in store.deleted.bring_back("a" * 64).files.items()} == contents
    assert (store.count(), store.deleted.all(), store.check()) == (2, [], [])
    store.discard("a" * 64)
    later = time.time() + 90_000
    monkeypatch.setattr(time, "time", lambda: later)
    assert store.deleted.all() == []
    with pytest.raises(InvalidInput, match="a day has gone by"):
        store.deleted.bring_back("a" * 64)


def test_the_same_result_made_again_stays_when_the_deleted_one_is_brought_back(store, files):
    store.put(make_result(), files)
    store.discard("a" * 64)
    again = store.put(make_result(), files)
    assert store.deleted.bring_back("a" * 64) == again
    assert store.count() == 1


def test_what_was_deleted_goes_for_good_before_other_results_make_room(store, files, tmp_path):
    store.put(make_result("x", digest="x"), files)
    one = store.size_bytes()
    with Store(tmp_path / "small", limit_bytes=int(2.5 * one)) as small:
        for name in "ab":
            small.put(make_result(name, digest=name), files)
        small.discard("a" * 64)
        assert small.size_bytes() == pytest.approx(2 * one, rel=0.1)
        small.put(make_result("c", digest="c"), files)
        small.put(make_result("d", digest="d"), files)
        assert small.deleted.all() == []
        assert {row.id[0] for row in small.page().rows} == {"c", "d"}
