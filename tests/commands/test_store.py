"""python -m vos store check: what is wrong is said, and mended when asked for."""

import os
import zipfile

import pytest

from tests.rolling import make_job
from tests.stored import make_result
from vos import folders, segment
from vos.cli import main
from vos.errors import DiskFull, StorageUnavailable
from vos.folders import explaining
from vos.store import Marks, Store, facts


@pytest.fixture
def folder(tmp_path, files):
    with Store(tmp_path / "cache") as store:
        for name in "ab":
            store.put(make_result(name, digest=name), files)
        yield store.folder


def test_a_sound_store_is_sound(folder, capsys):
    assert main(["store", "check", "--cache", str(folder)]) == 0
    assert capsys.readouterr().out == f"2 results, 0.1 MB in {folder}: sound\n"


def test_what_is_wrong_is_named_and_then_repaired_without_deleting_it(folder, capsys):
    (masks,) = (folder / "kept").glob("a*/masks")
    os.truncate(masks, 7)
    (folder / "work" / "dead").mkdir()
    (folder / "work" / "dead" / "half").write_text("made")
    assert main(["store", "check", "--cache", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "wrong: dead: work whose process is dead" in out
    assert "wrong: result aaaaaaaaaaaa does not read back: its file masks has 5000 bytes; got 7 bytes" in out
    assert masks.exists()
    assert main(["store", "check", "--repair", "--cache", str(folder)]) == 0
    assert "set aside: result aaaaaaaaaaaa is damaged" in capsys.readouterr().out
    assert not (folder / "work" / "dead").exists()
    assert [path.read_bytes() for path in (folder / "set_aside").glob("a*/overlay.mp4")] == [
        b"overlay" * 1000
    ]
    assert main(["store", "check", "--cache", str(folder)]) == 0
    assert "1 results" in capsys.readouterr().out


def test_a_store_that_is_not_there_is_one_sentence_and_is_not_made(tmp_path, capsys):
    assert main(["store", "check", "--cache", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"vos: there is no store of results in {tmp_path / 'none'}\n"
    assert not (tmp_path / "none").exists()


def test_the_folder_of_results_is_the_chosen_one_or_the_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "set"))
    assert folders.results() == tmp_path / "set"
    folders.choose(tmp_path / "chosen")
    assert folders.results() == tmp_path / "chosen"


def test_only_what_concerns_the_folder_is_explained(tmp_path):
    with pytest.raises(DiskFull, match="is full"), explaining(tmp_path):
        raise OSError(28, "No space left on device")
    with pytest.raises(StorageUnavailable, match="it is read-only"), explaining(tmp_path):
        raise OSError(30, "Read-only", str(tmp_path / "x"))
    with pytest.raises(PermissionError), explaining(tmp_path):
        raise PermissionError(13, "Permission denied", "/elsewhere/clip.mp4")
    with pytest.raises(StorageUnavailable, match="does not exist"), explaining(tmp_path / "gone"):
        (tmp_path / "gone" / "file").write_text("x")


def test_a_result_leaves_as_one_file_and_comes_into_another_store(clip, tmp_path, capsys):
    with Store(tmp_path / "one") as store:
        list(segment.run(make_job(clip, 0, title="A disk"), store))
        result = store.newest()
        store.marking.change(result.id, lambda marks: Marks(True, ("wanted",)))
        wanted = {name: path.read_bytes() for name, path in result.files.items()}
    file = tmp_path / "disk.zip"
    command = ["store", "export", result.id[:8], "--out", str(file), "--cache", str(tmp_path / "one")]
    assert main(command) == 0
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    for _ in range(2):
        assert main(["store", "import", str(file), "--cache", str(tmp_path / "two")]) == 0
    with Store(tmp_path / "two") as store:
        (brought,) = store.results()
        assert {name: path.read_bytes() for name, path in brought.files.items()} == wanted
        assert facts(brought) == facts(result)
        assert store.marking.of(brought.id) == Marks(True, ("wanted",))
        assert store.check() == []


def test_the_limit_is_shown_and_set_and_says_what_it_means(folder, capsys, monkeypatch):
    command = ["store", "limit", "--cache", str(folder)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"0.00 of 20 GB used in {folder}\n"
    assert main([*command, "0.25"]) == 0
    assert main(command) == 0
    assert capsys.readouterr().out == f"0.00 of 0.25 GB used in {folder}\n" * 2
    assert main([*command, "-3"]) == 2
    monkeypatch.setattr("vos.store.room.LEAST_GB", 0.0)
    assert main([*command, "0.00001"]) == 0
    assert "the 2 least recently used results go when the next one comes" in capsys.readouterr().out
    with Store(folder) as store:
        assert store.count() == 2


@pytest.mark.parametrize("damage", ["cut", "foreign", "text"])
def test_what_is_no_packed_result_is_refused_and_leaves_nothing(clip, tmp_path, capsys, damage):
    file, store = tmp_path / "disk.zip", tmp_path / "two"
    if damage == "foreign":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../evil", "x")
    else:
        file.write_bytes(b"PK\3\4" * 99 if damage == "cut" else b"words")
    assert main(["store", "import", str(file), "--cache", str(store)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.rglob("*evil*"))
    assert [*(store / "kept").iterdir()] == [*(store / "work").iterdir()] == []
