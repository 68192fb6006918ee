"""What a person does is done whole, though the browser sends something else meanwhile."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

PAGES = Path(__file__).parents[1] / "pages"


def app():
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from pages import _acts

    def act():
        """An act in the middle of which the browser asks for another run."""
        st.session_state["first"] = True
        context = get_script_run_ctx()
        context.script_requests.request_rerun(
            RerunData(query_string="", page_script_hash=context.page_script_hash)
        )
        st.session_state["second"] = True
        st.query_params["touched"] = "yes"
        st.session_state["third"] = True

    st.button("bare", on_click=act)
    st.button("whole", on_click=_acts.whole(act))
    _acts.button("ours", act)
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1


@pytest.mark.parametrize("label", ["whole", "ours"])
def test_an_act_is_done_to_its_end_though_another_run_is_asked_for_in_the_middle(label):
    tab = AppTest.from_function(app).run()
    next(button for button in tab.button if button.label == label).click().run()
    assert all(name in tab.session_state for name in ("first", "second", "third"))
    assert tab.session_state["runs"] == 2  # what was asked for is run, once


def test_streamlit_ends_a_bare_callback_in_the_middle():
    """Why there is `whole`; should this fail one day, it can go."""
    tab = AppTest.from_function(app).run()
    tab.button[0].click().run()
    assert "second" not in tab.session_state


def _bare_callbacks(file):
    """Yield the lines on which Streamlit or a component is given a callback that is not whole."""
    for node in ast.walk(ast.parse(file.read_text())):
        given = []
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Attribute) and node.func.attr in ("show", "choose")
        ):  # those hand it on
            given = [(word.arg or "", word.value) for word in node.keywords]
        elif isinstance(node, ast.Dict):
            given = [(getattr(k, "value", ""), v) for k, v in zip(node.keys, node.values, strict=True)]
        for name, value in given:
            is_whole = isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "whole"
            if str(name).startswith("on_") and not is_whole and not isinstance(value, ast.Constant):
                yield value.lineno


def test_every_callback_of_the_pages_is_whole():
    files = list(PAGES.glob("**/*.py"))
    assert len(files) > 15
    assert {file.name: lines for file in files if (lines := list(_bare_callbacks(file)))} == {}


def test_no_page_runs_by_a_clock():
    """A late request of a page that was left empties the page that came after it."""
    assert [file.name for file in PAGES.glob("**/*.py") if "run_every" in file.read_text()] == []
