"""Every page without a browser: empty states, a result, mistakes."""

import io
import shutil
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages import _acts, _parts
from tests.rolling import make_job
from vos import downloads, uploads
from vos.drafts import DEFAULT_ENGINE, Draft
from vos.drafts import files as draft_files
from vos.errors import InvalidInput
from vos.jobs import JobRunner
from vos.jobs.files import JobFiles
from vos.net.engines import cosnet, flow, memory
from vos.store import Marks, Store
from vos.tracks.files import to_csv, to_json, to_txt
from vos.types import Job, Prompt
from vos.video.masks import MaskReader, encode_png
from vos.video.read import probe
from vos.video.write import thumbnail

PAGES = ("home", "upload", "video", "trajectory", "gallery", "compare")
ROOT = Path(__file__).parents[1]
LONG = "A very long name " * 10


@pytest.fixture
def runner(tmp_path, monkeypatch):
    with Store(tmp_path / "cache") as store:
        runner = JobRunner(store)
        monkeypatch.setattr(_parts, "runner", lambda: runner)
        yield runner
        runner.close()


@pytest.fixture
def filled(runner, clip):
    for frame, title in ((0, LONG), (3, "[Odd] *name* <b>$x$</b>")):
        runner.wait(runner.submit(make_job(clip, frame, title=title, names={1: LONG}), "d"), 60)
    return runner


@pytest.fixture
def draft(runner, clip):
    with clip.open("rb") as file:
        upload = uploads.keep(file, clip.name, runner.store.folder / "uploads")
    draft = Draft("token", str(upload.path), upload.digest, "A clip", probe(clip).size_hw)
    draft.options = memory.Options(short_side=64)
    return draft_files.edit(runner.store, draft, lambda _: None)


def unprompted(runner, clip):
    job = Job(clip=clip, engine="cosnet", prompts=(), options=cosnet.Options(short_side=64), title="Found")
    return runner.wait(runner.submit(job, "d"), 60)


def open_page(name, **query):
    app = AppTest.from_file(ROOT / "pages" / f"{name}.py", default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def texts(app):
    boxes = [*app.info, *app.markdown, *app.caption, *app.title, *app.warning, *app.success, *app.error]
    return " ".join(box.value for box in boxes)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_something_to_say_when_there_is_nothing(runner, name, monkeypatch):
    monkeypatch.setattr("pages._sample.picture", lambda: thumbnail(np.zeros((4, 4, 3), np.uint8), 4))
    app = open_page(name)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_results_with_long_and_odd_names(filled, name):
    app = open_page(name)
    assert app.title
    assert not app.error


def test_the_video_page_shows_the_result_of_its_address(filled):
    oldest = filled.store.results()[-1]
    app = open_page("video", result=oldest.id)
    assert app.selectbox[0].value == oldest.id
    assert "Rendering: success" in texts(app)


def test_a_result_that_is_gone_says_so(filled):
    for name in ("video", "trajectory", "compare"):
        app = open_page(name, result="f" * 64)
        assert "ffffffffffff is not there any more" in texts(app).replace("\\", "")
        assert (len(app.selectbox), len(app.metric), len(app.markdown)) == (0, 0, 0)  # and nothing else
        assert app.query_params["result"] == "f" * 64  # the address is left alone


def test_a_job_that_nobody_knows_says_so(runner):
    assert "not known any more" in texts(open_page("upload", job="f" * 64))


def test_the_video_page_lets_go_of_the_job_also_when_its_result_is_gone(runner):
    app = open_page("video", job="finished")
    assert app.session_state["kept_job"] == ""


def test_a_draft_that_is_gone_says_so_and_leads_to_a_fresh_upload(runner):
    app = open_page("upload", draft="nothing")
    assert "The draft of this address is not there any more" in texts(app)
    assert app.button(key="use_sample")


def test_the_gallery_finds_by_title_and_engine(filled):
    app = open_page("gallery")
    assert "2 of 2 results" in texts(app)
    app.text_input(key="search").set_value("odd").run()
    assert "1 of 2 results" in texts(app)
    app.text_input(key="search").set_value("nothing like it").run()
    assert "No result matches" in texts(app)


def test_the_gallery_deletes_what_is_picked_and_undoes_it(filled):
    app = open_page("gallery")
    gone, left = (row.id for row in filled.store.page().rows)
    app.checkbox(key=f"pick_{gone}").check().run()
    app.button(key="delete_picked").click().run()
    assert [row.id for row in filled.store.page().rows] == [left]
    app.button(key="undo_delete").click().run()
    assert not app.exception
    assert {row.id for row in filled.store.page().rows} == {gone, left}
    app.checkbox(key=f"pick_{gone}").check().run()
    app.button(key="delete_picked").click().run()
    app.button(key="dismiss_undo").click().run()
    app.button(key=f"back_{gone}").click().run()
    assert {row.id for row in filled.store.page().rows} == {gone, left}


def test_the_gallery_pins_and_tags_what_is_picked_and_shows_it_alone(filled):
    app = open_page("gallery")
    first = filled.store.page().rows[0].id
    app.checkbox(key=f"pick_{first}").check().run()
    app.button(key="pin_picked").click().run()
    app.session_state["tags_picked"] = ["dogs"]
    app.button(key="add_tags").click().run()
    assert filled.store.marking.of(first) == Marks(True, ("dogs",))
    for shown in ("Pinned", "#dogs"):
        app = open_page("gallery", show=shown)
        assert "1 of 2 results" in texts(app)
        assert [box.key for box in app.checkbox] == [f"pick_{first}"]
    app.checkbox(key=f"pick_{first}").check().run()
    app.session_state["tags_picked"] = ["dogs"]
    app.button(key="drop_tags").click().run()
    assert not app.exception
    assert "2 of 2 results" in texts(app)  # nothing has the tag that was shown
    app.button(key="pick_all").click().run()
    assert "2 picked" in texts(app)
    app.button(key="pick_none").click().run()
    assert "picked" not in texts(app)


def test_the_gallery_shows_and_sets_the_limit(filled, monkeypatch):
    app = open_page("gallery")
    assert "of 20 GB used" in texts(app)
    app.number_input(key="limit_gb").set_value(3.5)
    app.button(key="set_limit").click().run()
    assert "of 3.5 GB used" in texts(app)
    assert filled.store.room.limit_bytes == 3.5 * 2**30
    monkeypatch.setenv("VOS_CACHE_GB", "7")
    app = open_page("gallery")
    assert "of 7 GB used" in texts(app)
    assert not app.number_input


def test_guests_look_at_the_gallery_and_take_along_but_change_nothing(filled, monkeypatch):
    monkeypatch.setenv("VOS_SHARE_TOKEN", "the-token")
    monkeypatch.setattr(type(st.context), "cookies", {})
    app = open_page("gallery")
    app.checkbox[0].check().run()
    assert {button.key for button in app.button} == {"pick_all", "pick_none"}
    assert not app.number_input


def test_a_result_can_be_renamed_on_its_page(filled):
    app = open_page("video")
    shown = app.selectbox[0].value
    app.text_input(key=f"title_{shown}").set_value("Better")
    app.button(key="save_names").click().run()
    assert filled.store.get(shown).title == "Better"


def test_two_results_of_a_clip_can_be_compared(filled):
    app = open_page("compare")
    labels = [metric.label for metric in app.metric]
    assert labels[:3] == ["J&F", "J mean", "F mean"]
    assert float(app.metric[1].value) > 50


def test_without_a_mask_one_click_runs_the_engine_that_finds_the_object(runner, draft):
    app = open_page("upload", draft="token")
    assert app.button(key="run").disabled
    app.segmented_control(key="way_token").set_value("find").run()
    assert not app.exception
    app.session_state["more"] = True
    app.run()
    assert app.selectbox(key="engine_token_False").options == [cosnet.TITLE]
    assert not app.button(key="run").disabled
    app.button(key="run").click().run()
    kept = draft_files.load(runner.store, "token")
    assert (kept.engine, kept.by_hand) == ("cosnet", False)
    result = runner.store.get(kept.job_id) or runner.wait(kept.job_id, 60)
    assert runner.store.get(kept.job_id).prompt_frames == (), result


def test_back_to_painting_the_engine_is_one_that_follows_masks(draft):
    app = open_page("upload", draft="token")
    app.segmented_control(key="way_token").set_value("find").run()
    app.segmented_control(key="way_token").set_value("paint").run()
    assert not app.exception
    app.session_state["more"] = True
    app.run()
    assert app.selectbox(key="engine_token_True").value == DEFAULT_ENGINE
    assert app.button(key="run").disabled


def test_the_mode_is_in_sight_and_counts(draft):
    app = open_page("upload", draft="token")
    app.segmented_control(key="option_token_memory_mode").set_value("accurate").run()
    assert not app.exception
    assert app.session_state["draft"].options == memory.Options(mode="accurate", short_side=64)
    app.session_state["more"] = True
    app.run()
    app.selectbox(key="engine_token_True").set_value("flow").run()
    assert not app.exception
    assert not [control for control in app.segmented_control if "_mode" in (control.key or "")]


def test_attention_is_shown_where_the_engine_has_such(filled, clip):
    unprompted(filled, clip)
    prompted = next(result for result in filled.store.results() if result.engine == "flow")
    found = next(result for result in filled.store.results() if result.engine == "cosnet")
    assert "Attention" not in texts(open_page("video", result=prompted.id))
    assert "Attention" in texts(open_page("video", result=found.id))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_a_result_in_which_nothing_was_found(runner, clip, name, monkeypatch):
    monkeypatch.setattr(cosnet, "THRESHOLD", 2)
    unprompted(runner, clip)
    assert runner.store.results()[0].objects == ()
    app = open_page(name)
    assert not app.error
    if name == "video":
        assert "No object was found" in texts(app)


def test_the_mask_of_a_result_becomes_the_prompt_of_a_new_draft(filled):
    result = next(result for result in filled.store.results() if result.prompt_frames == (3,))

    def correct(result, store):
        from pages import _drafts

        _drafts.from_result(result, 5, store)

    app = AppTest.from_function(correct, args=(result, filled.store)).run()
    draft = draft_files.load(filled.store, app.session_state["kept_draft"])
    first, added = draft.prompts()
    with MaskReader(result.files["masks"]) as masks:
        assert np.array_equal(first.mask, masks[3])
        assert np.array_equal(added.mask, masks[5])
    assert (first.frame, added.frame, draft.frame) == (3, 5, 5)
    assert (draft.title, draft.names[1], draft.engine) == (result.title, result.name(1), result.engine)
    assert Path(draft.path).read_bytes() == result.files["source"].read_bytes()
    upload = open_page("upload", draft=draft.token)
    assert upload.session_state["draft"].frame == 5
    assert not upload.error
    assert not upload.button(key="run").disabled


def size_job(tmp_path, size_hw, frame):
    """A job on a still clip of any size, as a zip, its object a square."""
    path = tmp_path / "still.zip"
    frames = np.random.default_rng(1).integers(0, 255, (*size_hw, 3), np.uint8)
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(4):
            data = io.BytesIO()
            Image.fromarray(frames).save(data, "PNG")
            archive.writestr(f"{index}.png", data.getvalue())
    mask = np.zeros(size_hw, np.uint8)
    mask[5:15, 5:15] = 1
    return Job(clip=path, engine="flow", prompts=(Prompt(frame, mask),), options=flow.Options(), title="Odd")


def test_a_clip_of_odd_size_is_shown_compared_and_exported_at_its_true_size(runner, tmp_path):
    for frame in (0, 2):
        runner.wait(runner.submit(size_job(tmp_path, (39, 51), frame), "d"), 60)
    result = runner.store.newest()
    assert [downloads.frame_at(result, index).shape for index in (0, 1, 3)] == [(39, 51, 3)] * 3
    for name in ("video", "trajectory", "compare"):
        assert not open_page(name, result=result.id).error
    assert float(open_page("compare", result=result.id).metric[1].value) > 90


def test_two_results_without_any_object_are_no_mistake(runner, clip, monkeypatch):
    monkeypatch.setattr(cosnet, "THRESHOLD", 2)
    unprompted(runner, clip)
    job = Job(clip=clip, engine="cosnet", prompts=(), options=cosnet.Options(short_side=96), title="Again")
    runner.wait(runner.submit(job, "d"), 60)
    assert "Neither side has an object" in texts(open_page("compare"))


def test_select_boxes_tell_results_of_one_name_apart(filled):
    for row in filled.store.page().rows:
        filled.store.rename(row.id, title="Same")
    app = open_page("video")
    assert len(set(app.selectbox[0].options)) == 2
    other = next(row.id for row in filled.store.page().rows if row.id != app.selectbox[0].value)
    app.selectbox[0].set_value(other).run()
    assert not app.exception
    assert app.query_params["result"] == other
    assert app.selectbox[0].value == other


def test_with_many_results_the_box_is_short_and_a_search_finds_the_rest(filled, monkeypatch):
    monkeypatch.setattr(_parts, "LISTED", 1)
    app = open_page("video")
    assert len(app.selectbox[0].options) == 1
    app.text_input[0].set_value("odd").run()
    assert len(app.selectbox[0].options) == 1
    assert "Odd" in app.title[0].value


def test_the_gallery_is_where_its_address_says(filled):
    app = open_page("gallery", search="odd", sort="Oldest first")
    assert app.text_input(key="search").value == "odd"
    assert app.selectbox(key="sort").value == "Oldest first"
    assert "1 of 2 results" in texts(app)


def test_the_gallery_has_sheets(filled, monkeypatch):
    monkeypatch.setattr(_parts, "PER_SHEET", 1)
    app = open_page("gallery", sheet="2")
    (shown,) = [box.key for box in app.checkbox]
    assert shown == f"pick_{filled.store.page(1, 1).rows[0].id}"


def test_an_interrupted_job_is_on_the_home_page_where_it_runs_again(tmp_path, clip, monkeypatch):
    with Store(tmp_path / "cache") as store:
        files = JobFiles(store.folder / "jobs")
        files.save("first", make_job(clip, 0, title="Killed"), "d")
        files.save("second", make_job(clip, 3, title="Unwanted"), "d")
        (kept,) = {path.parent for path in (store.folder / "jobs").rglob("*.json")}
        shutil.copytree(kept, kept.with_name("dead"))  # whose owner holds no lock
        files.close()
        with closing(JobRunner(store)) as runner:
            monkeypatch.setattr(_parts, "runner", lambda: runner)
            app = open_page("home")
            assert "Killed" in texts(app)
            app.button(key="dismiss_second").click().run()
            assert [status.title for status in runner.jobs()] == ["Killed"]
            app.button(key="again_first").click().run()
            (status,) = runner.jobs()
            assert runner.wait(status.id, 60).state == "done"
            assert store.get(status.id).prompt_frames == (0,)


def truth_zip(masks, name="{:05d}.png"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for frame, mask in masks.items():
            archive.writestr(name.format(frame), encode_png(mask))
    return packed.getvalue()


def against(result, *files):
    app = open_page("compare", result=result.id)
    app.selectbox(key=f"kind_{result.id}").set_value("Ground truth file").run()
    app.file_uploader(key=f"truth_{result.id}").set_value(list(files)).run()
    assert not app.exception
    return app


def test_a_result_is_compared_with_uploaded_truth(filled):
    result = filled.store.newest()
    with MaskReader(result.files["masks"]) as masks:
        exact = {frame: masks[frame].copy() for frame in range(result.frames)}
    app = against(result, ("truth.zip", truth_zip(exact), "application/zip"))
    assert [metric.value for metric in app.metric[:3]] == ["100.0", "100.0", "100.0"]
    few = {frame: np.roll(exact[frame], 400, axis=1) for frame in (2, 5, 7)}
    pictures = [(f"mask_{frame}.png", encode_png(mask), "image/png") for frame, mask in few.items()]
    app = against(result, *pictures)
    assert float(app.metric[1].value) < 100
    assert list(app.select_slider[0].options) == ["2", "5", "7"]


def test_truth_that_does_not_fit_is_one_sentence(filled):
    result = filled.store.newest()
    app = against(result, ("t.zip", truth_zip({99: np.ones((4, 4), np.uint8)}), "application/zip"))
    assert "up to frame 99; the clip has 12 frames" in app.error[0].value.replace("\\", "")
    assert not app.metric


def test_uploaded_trajectory_tables_are_drawn(filled):
    result = filled.store.newest()
    (track,) = downloads.tracks(result)
    for suffix, write in (("csv", to_csv), ("txt", to_txt), ("json", to_json)):
        app = open_page("trajectory")
        table = write((track,)).encode()
        app.file_uploader(key="table").set_value((f"track.{suffix}", table, "text/plain")).run()
        assert not app.exception
        assert not app.error
        app.slider[0].set_value(5).run()
        x, y = (track.column(name)[5] for name in ("centre_x", "centre_y"))
        assert f"x {x:.1f}, y {y:.1f}" in texts(app)
    app = open_page("trajectory")
    app.file_uploader(key="table").set_value(("no.csv", b"frame,what\n1,2\n", "text/csv")).run()
    assert len(app.error) == 1


def test_guests_of_a_shared_dashboard_see_nothing_that_changes(filled, monkeypatch):
    monkeypatch.setenv("VOS_SHARE_TOKEN", "the-token")
    monkeypatch.setattr(type(st.context), "cookies", {})
    for name in ("home", "gallery", "video", "compare", "trajectory"):
        app = open_page(name)
        for button in app.button:
            changes = ("delete", "save_", "try_", "go_upload", "to_prompt", "use_sample", "cancel")
            assert button.disabled or not button.key.startswith(changes), (name, button.key)
    with pytest.raises(InvalidInput, match="token"):
        _acts.allow_change()
