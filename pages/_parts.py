"""What several pages share: the runner, links to results, players, the job panel, the picker."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from vos import jobs as work
from vos import plugins, sharing
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
        st.error(sentence(error), icon=":material/error:")
        st.stop()


def sentence(error: VosError) -> str:
    """Return an error's text as a sentence, safe to show as Markdown."""
    text = str(error).rstrip(".") + "."
    first = text.partition(" ")[0]
    return plain(text if "." in first else text[:1].upper() + text[1:])  # a file's name stays as it is


def plain(text: str) -> str:
    """Return text with nothing in it that Markdown would take for a sign."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>$~:" else c for c in text)


def escape(text: str) -> str:
    """Return text safe inside HTML."""
    return html.escape(text, quote=True)


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


def may_change() -> bool:
    """Say whether this browser may upload, run, rename and delete, or only look (a shared dashboard)."""
    return sharing.may_change(st.context.cookies)


def allow_change() -> None:
    """Stop what a guest of a shared dashboard may not do.

    Raises:
        InvalidInput: this browser has no token.
    """
    if not may_change():
        raise InvalidInput("this dashboard is shared for looking; changing it needs the link with its token")


def button(label: str, act: Callable[..., object], *args: Any, changes: bool = False, **look: Any) -> None:
    """Show a button whose act is a callback: unlike `if st.button(...)`, no interrupted rerun loses it.

    What the act says in a VosError is shown. One that `changes` something is off for guests.
    """
    if changes and not may_change():
        look |= {"disabled": True, "help": "Shared for looking: this needs the link with the token"}
    st.button(label, on_click=_do, args=(act, changes, args), **look)


def _do(act: Callable[..., object], changes: bool, args: tuple[Any, ...]) -> None:
    try:
        if changes:
            allow_change()
        act(*args)
    except VosError as error:
        st.error(sentence(error), icon=":material/error:")


def go(page: str, **query: str) -> None:
    """Go to a page; `arrive` goes on where another run stops this one before it is there."""
    st.session_state["going"] = page, query
    st.switch_page(page, query_params=query)


def arrive(page: str) -> None:
    """Say which page runs, as its file is called; it is left at once where `go` has named another."""
    wanted, query = st.session_state.get("going", ("", {}))
    if wanted == page:
        del st.session_state["going"]
    elif wanted:
        st.switch_page(wanted, query_params=query)


def open_result(result_id: str, page: str = "video.py") -> None:
    """Go to a page that shows this result."""
    st.session_state["kept_result"] = result_id
    go(page, result=result_id)


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
                f"The result {plain(named[:12])} is not there any more; "
                "it was deleted or made room for newer ones."
            )
            button("Open the gallery", go, "gallery.py", icon=":material/grid_view:", key="to_gallery")
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
    if may_change():
        button("Upload a clip", go, "upload.py", type="primary", icon=":material/upload:", key="go_upload")


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
        f'<img src="{file_url(result, "thumbnail.jpg")}" alt="{escape(result.title)}" '
        'loading="lazy" style="width:100%;aspect-ratio:16/9;object-fit:cover;border-radius:.6rem">'
    )


def picture(jpeg: bytes, alt: str) -> None:
    """Show a JPEG that comes with the page: st.image's own files may be gone before they are fetched."""
    data = base64.b64encode(jpeg).decode()
    st.html(
        f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt)}" '
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
    return f"{short(row.title)} · {row.engine} · {made} · {row.id[:6]}"


def copy_link(result_id: str, frame: int) -> None:
    """Show a button that copies the address of a frame of a result."""
    st.html(
        f'<button class="dl copy" data-link="video?result={result_id}&amp;frame={frame}" '
        f'style="background:none;cursor:pointer;font:inherit;font-size:.9rem">'
        f"Copy link to frame {frame}</button>"
        "<script>if (!window.vosCopies) { window.vosCopies = true;"
        'document.addEventListener("click", async (event) => {'
        'const button = event.target.closest?.("button.copy"); if (!button) return;'
        "const link = new URL(button.dataset.link, location.href).href;"
        "try { await navigator.clipboard.writeText(link); button.textContent = 'Copied'; }"
        "catch { window.prompt('The link', link); } }); }</script>",
        unsafe_allow_javascript=True,
        width="content",
    )


def describe(result: Row | Result) -> str:
    """Return a result in a line: title, engine, when."""
    return f"{short(result.title)} · {result.engine} · {ago(result.created)}"


def short(text: str, most: int = 40) -> str:
    """Return text with its middle left out when it is long."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def ago(then: float) -> str:
    """Return how long ago a moment was, in words."""
    seconds = max(0.0, time.time() - then)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Return a length of time as 8 s, 1:23 min or 1:02:03 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
