"""What several pages share: the runner, links to results, players, the job panel, the picker."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from vos import plugins
from vos.errors import VosError
from vos.jobs import JobRunner, JobStatus, runner
from vos.types import Result

__all__ = ["runner"]


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


def open_result(result_id: str, page: str = "video.py") -> None:
    """Go to a page that shows this result."""
    st.session_state["kept_result"] = result_id
    st.switch_page(page, query_params={"result": result_id})


def engines() -> dict[str, Any]:
    """Return the engines' modules by name."""
    return {name: plugins.load(plugins.ENGINES, name) for name in plugins.names(plugins.ENGINES)}


def file_url(result: Result, file: str) -> str:
    """Return the address of a result's file; the time keeps browsers from showing an older run."""
    return f"/api/results/{result.id}/{file}?v={int(result.created)}"


def player(result: Result, file: str) -> None:
    """Show a result's video; the browser asks for the parts it needs."""
    st.html(
        f'<video controls loop playsinline preload="metadata" src="{file_url(result, file)}" '
        f'poster="{file_url(result, "thumbnail.jpg")}" '
        'style="width:100%;max-height:70vh;border-radius:.6rem;background:#000"></video>'
    )


def thumbnail(result: Result) -> None:
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


def pick_result(results: list[Result], label: str, chosen: str, key: str) -> Result:
    """Show a select box of results and return the chosen one, at first the one of id `chosen`."""
    ids = [result.id for result in results]
    by_id = dict(zip(ids, results, strict=True))
    index = ids.index(chosen) if chosen in ids else 0
    picked = st.selectbox(label, ids, index=index, format_func=lambda i: describe(by_id[i]), key=key)
    return by_id[picked]


def describe(result: Result) -> str:
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


def job_panel(jobs: JobRunner, job_id: str) -> JobStatus | None:
    """Show a job that waits or runs, alive, with a cancel button; rerun the page when it ends."""
    status = jobs.status(job_id)
    if status is None or not status.active:
        return status

    @st.fragment(run_every=0.5)
    def alive() -> None:
        now = jobs.status(job_id)
        if now is None or not now.active:
            st.rerun()
            return
        _progress(jobs, now)

    alive()
    return status


def _progress(jobs: JobRunner, status: JobStatus) -> None:
    if status.state == "queued":
        st.progress(0.0, f"Waiting: number {status.position} in the queue")
    else:
        share = status.done / max(status.total, 1) if status.done else status.prepared
        text = status.note[:1].upper() + status.note[1:]
        if status.done:
            text = f"{text} · frame {status.done} of {status.total}"
        if status.fps:
            text += f" · {status.fps:.1f} fps · {duration(status.seconds_left)} left"
        st.progress(min(1.0, share), text)
    if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel_{status.id}"):
        jobs.cancel(status.id)
    if preview := jobs.preview(status.id):
        picture(preview, "The newest frame with its mask")
