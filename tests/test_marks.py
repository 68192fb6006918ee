"""Pins, tags and the limit: kept beside a result, whatever is made anew."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from tests.stored import make_result
from vos.errors import InvalidInput, StorageUnavailable
from vos.store import Marks, Store
from vos.store.room import GB, Room


def fill(store, files, count):
    for n in range(count):
        store.put(replace(make_result(), id=f"{n:064x}", digest=str(n), created=float(n)), files)


def limit_to(store, limit_bytes):
    store.room = Room(store.folder, store.shelf, limit_bytes)


def pin(marks):
    return replace(marks, pinned=True)


def test_what_is_pinned_never_makes_room_for_others(store, files):
    fill(store, files, 4)
    store.marking.change(f"{0:064x}", pin)
    limit_to(store, store.size_bytes() // 2)
    for name in "abc":
        store.put(make_result(name, digest=name), files)
    left = {row.id for row in store.page().rows}
    assert f"{0:064x}" in left
    assert len(left) == 2
    store.marking.change(f"{0:064x}", lambda marks: replace(marks, pinned=False))
    for name in "de":
        store.put(make_result(name, digest=name), files)
    assert f"{0:064x}" not in {row.id for row in store.page().rows}


def test_a_result_comes_in_though_pinned_ones_take_more_than_the_limit(store, files):
    fill(store, files, 2)
    for n in range(2):
        store.marking.change(f"{n:064x}", pin)
    limit_to(store, 1)
    store.put(make_result("a", digest="a"), files)
    assert store.count() == 3
    usage = store.room.usage()
    assert (usage.leaving, usage.pinned_bytes * 3) == (1, usage.used_bytes * 2)


def test_marks_are_found_searched_and_listed(store, files):
    fill(store, files, 4)
    store.marking.change(f"{1:064x}", lambda marks: marks.with_tags(["Street  dogs", "b"]))
    store.marking.change(f"{2:064x}", lambda marks: pin(marks.with_tags(["street", "b"])))
    assert store.marking.tags() == ("b", "street", "Street dogs")
    assert [row.id for row in store.page(tag="street").rows] == [f"{2:064x}"]
    assert [row.id for row in store.page(search="STREET D").rows] == [f"{1:064x}"]
    assert store.page(tag="b").total == 2
    assert [(row.id, row.tags) for row in store.page(pinned=True).rows] == [(f"{2:064x}", ("b", "street"))]
    store.marking.change(f"{2:064x}", lambda marks: marks.with_tags(drop=["b"]))
    assert store.marking.of(f"{2:064x}") == Marks(True, ("street",))
    with pytest.raises(InvalidInput, match="there is no result ffffffffffff"):
        store.marking.change("f" * 64, pin)


@pytest.mark.parametrize("tags", [[""], ["a" * 41], ["\0"], [str(n) for n in range(21)]])
def test_tags_that_cannot_be_are_a_sentence_and_change_nothing(store, files, tags):
    store.put(make_result(), files)
    with pytest.raises(InvalidInput, match="allowed"):
        store.marking.change("a" * 64, lambda marks: marks.with_tags(tags))
    assert store.marking.of("a" * 64) == Marks()


def test_marks_stay_through_renaming_exports_deletion_and_a_new_index(store, files, tmp_path):
    marks = Marks(True, ("keep",))
    store.put(make_result(), files)
    assert store.marking.change("a" * 64, lambda old: marks) == marks
    store.rename("a" * 64, title="another")
    (tmp_path / "file").write_bytes(b"x")
    store.add_file("a" * 64, "export-gif-1", tmp_path / "file")
    assert store.marking.of("a" * 64) == marks
    store.discard("a" * 64)
    store.deleted.bring_back("a" * 64)
    assert store.marking.of("a" * 64) == marks
    assert store.get("a" * 64).title == "another"
    (store.folder / "index.db").unlink()
    store.check(repair=True)
    assert (store.marking.of("a" * 64), store.page(tag="keep").total) == (marks, 1)


def test_an_index_of_the_version_before_gets_its_columns_and_its_bin(store, files):
    fill(store, files, 2)
    store.discard(f"{1:064x}")
    store.close()
    with closing(sqlite3.connect(store.folder / "index.db")) as database, database:
        database.execute("ALTER TABLE results DROP COLUMN pinned")
        database.execute("ALTER TABLE results DROP COLUMN tags")
        database.execute("DROP TABLE deleted")
    with Store(store.folder) as again:
        assert again.page().rows[0].tags == ()
        again.marking.change(f"{0:064x}", pin)
        assert [one.id for one in again.deleted.all()] == [f"{1:064x}"]
        assert again.deleted.bring_back(f"{1:064x}").id == f"{1:064x}"


def test_neither_listing_nor_putting_walks_the_bin(store, files, monkeypatch):
    fill(store, files, 3)
    store.discard(f"{1:064x}")
    looked, listed, walked = [], os.listdir, os.walk
    monkeypatch.setattr(os, "listdir", lambda path: looked.append(str(path)) or listed(path))
    monkeypatch.setattr(os, "walk", lambda path: looked.append(str(path)) or walked(path))
    assert [one.title for one in store.deleted.all()] == ["clip a"]
    store.put(make_result("b", digest="b"), files)
    store.room.usage()
    store.page()
    assert looked
    assert not [path for path in looked if "deleted" in path]


def test_the_bin_counts_in_what_is_used_each_clip_once(store, files):
    store.put(make_result("a"), files)
    store.put(make_result("b"), files)
    before = store.size_bytes()
    store.discard("a" * 64)
    assert store.size_bytes() == store.room.usage().used_bytes == before
    store.deleted.empty()
    assert store.size_bytes() == before - 44_000
    assert not list((store.folder / "deleted").iterdir())


def test_the_limit_is_kept_in_the_store_for_all_who_use_it_and_nothing_goes_at_once(store, files):
    fill(store, files, 3)
    with Store(store.folder) as other:
        assert other.room.limit_bytes == 20 * GB
        store.room.set_limit(0.5)
        assert other.room.limit_bytes == GB // 2
    (store.folder / "limit.json").write_text(json.dumps({"limit_bytes": "much"}))
    assert store.room.limit_bytes == 20 * GB
    limit_to(store, 1)
    assert (store.count(), store.room.usage().leaving) == (3, 3)


@pytest.mark.parametrize("limit_gb", [0, -1, float("nan"), float("inf"), 0.01])
def test_a_limit_that_cannot_be_is_a_sentence(store, limit_gb):
    with pytest.raises(InvalidInput, match=r"the limit is .* GB; 0.1 to 1000000 GB are allowed"):
        store.room.set_limit(limit_gb)


def test_the_environment_sets_the_limit_for_all(store, monkeypatch, tmp_path):
    monkeypatch.setenv("VOS_CACHE_GB", "3")
    assert store.room.limit_bytes == 3 * GB
    with pytest.raises(InvalidInput, match="VOS_CACHE_GB sets the limit to 3 GB"):
        store.room.set_limit(5)
    monkeypatch.setenv("VOS_CACHE_GB", "lots")
    with pytest.raises(StorageUnavailable, match="VOS_CACHE_GB is 'lots'; a number of gigabytes"):
        Store(tmp_path / "new")
