"""python -m vos export, and segment --export: files of results by id, prefix or folder."""

import dataclasses
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.rolling import COUNT, finish, make_job, run_segment
from vos import downloads, plugins
from vos.cli import main
from vos.downloads import Exported
from vos.errors import InvalidInput
from vos.options import read_options
from vos.store import Store
from vos.tracks.files import read_table
from vos.video.exports import background, coco, matte_png, prores, trajectory
from vos.video.finish import Finish


@pytest.fixture
def result(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    with Store(tmp_path / "cache") as store:
        yield finish(make_job(clip, 0, names={1: "ball"}, title="My clip"), store).result


def test_a_result_is_exported_by_the_beginning_of_its_id(result, tmp_path, capsys):
    out = tmp_path / "x.zip"
    assert (
        main(["export", result.id[:8], "--format", "davis_png", "--option", "every=5", "--out", str(out)])
        == 0
    )
    assert zipfile.ZipFile(out).namelist() == ["00000.png", "00005.png", "00010.png"]
    assert "x.zip (0.0 MB)" in capsys.readouterr().out


def test_without_out_the_file_is_called_after_the_title(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", result.id, "--format", "coco"]) == 0
    assert json.loads((tmp_path / "My clip_coco.json").read_text())["categories"][0]["name"] == "ball"


def test_segment_writes_exports_beside_its_files_and_its_folder_names_the_result(clip, mask, tmp_path):
    out = tmp_path / "out"
    assert run_segment(clip, "--prompt", mask, "--out", out, "--export", "coco", "--export", "mots_txt") == 0
    assert len(json.loads((out / "coco.json").read_text())["images"]) == COUNT
    assert len((out / "mots_txt.txt").read_text().splitlines()) == COUNT
    again = tmp_path / "again.json"
    assert main(["export", str(out), "--format", "coco", "--out", str(again)]) == 0
    assert again.read_bytes() == (out / "coco.json").read_bytes()


def test_the_list_has_every_format_and_its_options(capsys):
    assert main(["export", "--list"]) == 0
    listing = capsys.readouterr().out
    for name in plugins.names(plugins.EXPORTS):
        assert f"\n{name}  " in f"\n{listing}"
    assert "    bits=8  Bits of a pixel (8|16)" in listing


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["RESULT"], "RESULT and --format NAME are needed"),
        (["ffff", "--format", "coco"], "no result in the store begin"),
        (["what?", "--format", "coco"], "'what?' is neither a folder that `segment` wrote nor"),
        (["FOLDER", "--format", "coco"], "has no result.json of `segment`"),
        (["RESULT", "--format", "coco", "--option", "x=1"], "export coco has no option 'x'; it has: shape"),
        (["RESULT", "--format", "coco", "--option", "every=0"], "every is 0; 1 to 100000 are allowed"),
        (["RESULT", "--format", "coco", "--out", "THERE"], "exists already; name another file, or allow it"),
        (["RESULT", "--format", "coco", "--out", "FOLDER"], "is a folder or in a folder that is not there"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(result, tmp_path, capsys, arguments, sentence):
    known = {"RESULT": result.id, "FOLDER": str(tmp_path), "THERE": str(tmp_path / "there")}
    (tmp_path / "there").write_text("mine")
    assert main(["export", *(known.get(word, word) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert (tmp_path / "there").read_text() == "mine"


def test_a_file_is_replaced_only_when_that_is_allowed(result, tmp_path):
    out = tmp_path / "x.txt"
    out.write_text("mine")
    assert main(["export", result.id, "--format", "mots_txt", "--out", str(out), "--overwrite"]) == 0
    assert out.read_text() != "mine"


def test_a_folder_whose_result_was_not_kept_is_told_so(clip, mask, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "empty"))
    assert run_segment(clip, "--prompt", mask, "--out", tmp_path / "out", "--no-cache") == 0
    assert main(["export", str(tmp_path / "out"), "--format", "coco"]) == 2
    assert "is not in the store; was it made with --no-cache?" in capsys.readouterr().err


class KeepingStore:
    """A store that keeps files of results, as far as exports ask for it."""

    def __init__(self):
        self.kept = {}

    def add_file(self, result_id, name, path):
        self.kept[result_id, name] = path
        return path


def test_an_export_becomes_a_file_of_the_result_under_a_name_that_knows_its_options(result, tmp_path):
    store, names = KeepingStore(), []
    for given in ({}, {"every": 2}, {"every": "2"}):
        options = read_options(plugins.EXPORTS, "mots_txt", given)
        *steps, last = downloads.run_export(store, result, "mots_txt", options, tmp_path)
        assert isinstance(last, Exported)
        assert len(steps) == len(range(0, COUNT, int(given.get("every", 1))))
        names.append(list(store.kept)[-1])
    assert len(set(names)) == 2
    assert all(result_id == result.id and name.startswith("export-mots_txt-") for result_id, name in names)


def test_a_closed_export_leaves_no_file(result, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    steps = downloads.run_export(KeepingStore(), result, "prores", prores.Options(), folder)
    next(steps)
    steps.close()
    assert not list(folder.iterdir())


def test_a_picture_that_is_not_there_is_one_sentence(result, tmp_path):
    options = background.Options(behind="picture", picture="gone.png")
    with pytest.raises(InvalidInput, match=r"gone.png cannot be read"):
        next(downloads.run_export(KeepingStore(), result, "background", options, tmp_path))


@pytest.mark.parametrize("name", plugins.names(plugins.EXPORTS))
def test_every_export_makes_a_file_of_a_real_result(result, tmp_path, name):
    *steps, last = downloads.run_export(
        KeepingStore(), result, name, read_options(plugins.EXPORTS, name), tmp_path
    )
    assert last.path.stat().st_size > 50
    assert last.file_name == f"My clip_{name}{plugins.load(plugins.EXPORTS, name).SUFFIX}"
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert steps[-1].done <= steps[-1].total


def test_finishing_touches_reach_the_masks_the_tracks_and_the_name_of_the_file(result, tmp_path):
    """Grown by 3 pixels: masks are larger, and so are areas in tables; the store keeps it as another file."""
    store, areas, tables = KeepingStore(), [], []
    for touches in (Finish(), Finish(grow=3)):
        *_, last = downloads.run_export(store, result, "coco", coco.Options(), tmp_path, touches)
        areas.append([a["area"] for a in json.loads(last.path.read_text())["annotations"]])
        *_, last = downloads.run_export(store, result, "trajectory", trajectory.Options(), tmp_path, touches)
        (track,) = read_table(last.path.read_bytes(), "t.csv")
        tables.append(track.column("area").tolist())
    assert areas == tables
    assert all(grown > plain + 100 for plain, grown in zip(*areas, strict=True))
    assert len(store.kept) == 4


def test_feathering_softens_the_matte_and_leaves_label_maps(result, tmp_path):
    mattes = []
    for touches in (Finish(), Finish(feather=8)):
        *_, last = downloads.run_export(
            KeepingStore(), result, "matte_png", matte_png.Options(edges="hard", every=99), tmp_path, touches
        )
        with zipfile.ZipFile(last.path) as archive:
            mattes.append(cv2.imdecode(np.frombuffer(archive.read("00000.png"), np.uint8), -1))
    soft = cv2.GaussianBlur(mattes[0], (0, 0), 4)
    assert set(np.unique(mattes[0])) == {0, 255}
    assert np.abs(mattes[1].astype(int) - soft).max() <= 2


def test_the_command_line_takes_finishing_touches(result, tmp_path, capsys):
    out = tmp_path / "c.json"
    words = ["export", result.id, "--format", "coco", "--out", str(out)]
    assert main([*words, "--finish", "grow=99"]) == 2
    assert "grow is 99; -50 to 50 are allowed" in capsys.readouterr().err
    assert main([*words, "--finish", "grow=-50"]) == 0
    assert json.loads(out.read_text())["annotations"] == []


def test_frames_keep_the_names_of_their_files_unless_two_are_alike(result, tmp_path):
    for names, first in ((["shot.7", *map(str, range(1, COUNT))], "shot.7"), (["a"] * COUNT, "00000")):
        (tmp_path / "names").write_text(json.dumps(names))
        named = dataclasses.replace(result, files={**result.files, "frame_names": tmp_path / "names"})
        *_, last = downloads.run_export(KeepingStore(), named, "coco", coco.Options(), tmp_path)
        assert json.loads(last.path.read_text())["images"][0]["file_name"] == f"{first}.jpg"


def test_the_documentation_names_every_export_and_who_uses_it():
    text = (Path(__file__).parents[2] / "docs/exports.md").read_text()
    for name, module in downloads.exports().items():
        assert f"| `{name}` | {module.LABEL} | {module.WHO} |" in text
