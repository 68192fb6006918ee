"""Every page without a browser: empty states, a result, mistakes."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages import _parts
from tests.test_segment import clip, make_job  # noqa: F401 (a fixture)
from vos.jobs import JobRunner
from vos.store import Store
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
def filled(runner, clip):  # noqa: F811
    for frame, title in ((0, LONG), (3, "[Odd] *name* <b>$x$</b>")):
        runner.wait(runner.submit(make_job(clip, frame, title=title, names={1: LONG}), "d"), 60)
    return runner


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
    assert "not there any more" in texts(open_page("video", result="f" * 64))


def test_a_job_that_nobody_knows_says_so(runner):
    assert "not known any more" in texts(open_page("upload", job="f" * 64))


def test_a_draft_that_is_gone_leads_to_a_fresh_upload(runner):
    app = open_page("upload", draft="nothing")
    assert app.button(key="use_sample")


def test_the_gallery_finds_by_title_and_engine(filled):
    app = open_page("gallery")
    assert "2 of 2 results" in texts(app)
    app.text_input(key="search").set_value("odd").run()
    assert "1 of 2 results" in texts(app)
    app.text_input(key="search").set_value("nothing like it").run()
    assert "No result matches" in texts(app)


def test_the_gallery_deletes_one_result(filled):
    app = open_page("gallery")
    gone = filled.store.results()[0].id
    app.button(key=f"delete_{gone}").click().run()
    assert [result.id for result in filled.store.results()] != [gone]
    assert len(filled.store.results()) == 1


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
