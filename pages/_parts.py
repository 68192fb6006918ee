"""What several pages share: the runner, links to results, players, the job panel, the picker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from pages import _acts, _words
from vos import jobs as work
from vos import plugins
from vos.errors import InvalidInput, VosError
from vos.jobs import JobRunner
from vos.store import Row, Store
from vos.types import Result

LISTED = 24  # results in a select box
PER_SHEET = 24  # results on a sheet of the gallery


def runner() -> JobRunner:
    """Return the process's job runner; a page without a usable folder for results says so and stops."""
    with mistakes():
        return work.runner()


@contextmanager
def mistakes() -> Iterator[None]:
    """Show a user's mistake as one sentence and stop the page."""
    try:
        yield
    except VosError as error:
        st.error(_words.sentence(error), icon=":material/error:")
        st.stop()


def remembered(name: str) -> str:
    """Return a query parameter, kept across page switches, which drop the query."""
    value = st.query_params.get(name) or st.session_state.get(f"kept_{name}", "")
    if value:
        remember(name, value)
    return value


def remember(name: str, value: str) -> None:
    """Set a query parameter, or drop it when the value is empty, and keep it across pages."""
    st.session_state[f"kept_{name}"] = value
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def open_result(result_id: str, page: str = "video.py", **query: str) -> None:
    """Lead to a page that shows this result (as `_acts.go` does)."""
    st.session_state["kept_result"] = result_id
    _acts.go(page, result=result_id, **query)


def asked_result(store: Store, title: str) -> Result | None:
    """Return the result that the address names, else the one last seen in this tab, else the newest.

    None when there is none; then the page has said so, under its title, and shows nothing else.
    """
    named = st.query_params.get("result", "")
    result = store.get(named or st.session_state.get("kept_result", "")) or (
        None if named else store.newest()
    )
    if result is None:
        st.title(title)
        if named:
            st.warning(
                f"The result {_words.plain(named[:12])} is not there any more; "
                "it was deleted or made room for newer ones."
            )
            _acts.button(
                "Open the gallery", _acts.go, "gallery.py", icon=":material/grid_view:", key="to_gallery"
            )
        else:
            st.info("There are no results yet. Upload a clip, or try the sample on the home page.")
            upload_button()
        return None
    st.session_state["kept_result"] = result.id
    if not named:  # the address names what it shows, without a step of its own on the way back
        st.html(
            f"<script>history.replaceState(history.state, '', '?result={result.id}')</script>",
            unsafe_allow_javascript=True,
        )
    return result


def asked_frame(result: Result) -> int:
    """Return the frame of a result that the address names, or the first."""
    asked = st.query_params.get("frame", "")[:9]
    return min(int(asked), result.frames - 1) if asked.isdecimal() and asked.isascii() else 0


def still_there(store: Store, result_id: str) -> Result:
    """Return a result that was shown a moment ago.

    Raises:
        InvalidInput: it was deleted since.
    """
    result = store.get(result_id)
    if result is None:
        raise InvalidInput("this result was deleted a moment ago")
    return result


def upload_button() -> None:
    """Show the way to the upload page, to those who may use it."""
    if _acts.may_change():
        _acts.button(
            "Upload a clip", _acts.go, "upload.py", type="primary", icon=":material/upload:", key="go_upload"
        )


def engines() -> dict[str, Any]:
    """Return the engines' modules by name."""
    return {name: plugins.load(plugins.ENGINES, name) for name in plugins.names(plugins.ENGINES)}


def file_url(result: Row | Result, file: str) -> str:
    """Return the address of a result's file; the time keeps browsers from showing an older run."""
    return f"/api/results/{result.id}/{file}?v={int(result.created)}"


def player(result: Row | Result, file: str) -> None:
    """Show a result's video; the browser asks for the parts it needs."""
    st.html(
        f'<video controls loop playsinline preload="metadata" src="{file_url(result, file)}" '
        f'poster="{file_url(result, "thumbnail.jpg")}" '
        'style="width:100%;max-height:70vh;border-radius:.6rem;background:#000"></video>'
    )


def thumbnail(result: Row | Result) -> None:
    """Show a result's picture."""
    st.html(
        f'<img src="{file_url(result, "thumbnail.jpg")}" alt="{_words.escape(result.title)}" '
        'loading="lazy" style="width:100%;aspect-ratio:16/9;object-fit:cover;border-radius:.6rem">'
    )


def picture(jpeg: bytes, alt: str) -> None:
    """Show a JPEG as wide as there is room."""
    st.html(
        f'<img src="{_words.image_url(jpeg)}" alt="{_words.escape(alt)}" '
        'style="display:block;width:100%;border-radius:.6rem">'
    )


def pick_result(
    store: Store, label: str, shown: Result | None, key: str, *, without: str = "", digest: str = ""
) -> str:
    """Show a select box of results, the newest or what a search finds, and return the chosen id or "".

    `digest` narrows it to one clip, `without` leaves one out. However many there are, the box holds few.
    """
    page = store.page(0, LISTED, digest=digest)
    words = ""
    if page.total > LISTED:
        words = st.text_input(
            f"{label}: search {page.total:,}", key=f"{key}_words", placeholder="part of a title"
        )
        page = store.page(0, LISTED, search=words, digest=digest) if words else page
    rows: dict[str, Row | Result] = {row.id: row for row in page.rows if row.id != without}
    if shown and not words:
        rows = {shown.id: shown} | rows
    if not rows:
        st.caption("No result has these words in its title.")
        return ""
    index = list(rows).index(shown.id) if shown and shown.id in rows else 0
    picked = st.selectbox(
        label, list(rows), index=index, format_func=lambda i: _in_list(rows[i]), key=f"{key}_{index}_{words}"
    )
    return picked if picked in rows else list(rows)[index]


def result_picker(store: Store, result: Result, key: str) -> None:
    """Show the select box that leads to another result; the address follows."""
    picked = pick_result(store, "Result", result, f"{key}_{result.id}")
    if picked and picked != result.id:
        remember("result", picked)
        st.rerun()


def _in_list(row: Row | Result) -> str:
    """Return a result in a line that stays and that no other has: a select box goes by its labels."""
    made = time.strftime("%d %b %Y %H:%M:%S", time.localtime(row.created))
    return f"{_words.short(row.title)} · {row.engine} · {made} · {row.id[:6]}"


def describe(result: Row | Result) -> str:
    """Return a result in a line: title, engine, when."""
    return f"{_words.short(result.title)} · {result.engine} · {_words.ago(result.created)}"
