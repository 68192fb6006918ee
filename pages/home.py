"""What this is; one click runs the sample clip; the newest results."""

from __future__ import annotations

import streamlit as st

from pages import _acts, _cards, _parts, _sample, _words
from vos.jobs import JobStatus
from vos.net.device import choose
from vos.types import Result

jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Say what this is, and show what there is."""
    newest = store.newest()
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        _introduce()
    with right:
        _show(newest)
    for trouble in store.set_aside():
        st.warning(_words.plain(trouble))
    known = jobs.jobs()
    _numbers([job for job in known if job.active])
    for job in known:
        if job.active or job.state == "interrupted":
            _line(job)
    _engines()
    if newest:
        _recent()


def _introduce() -> None:
    st.title("One object out of a video")
    st.markdown(
        "Upload a clip, paint the object on one frame, get its mask on every frame: as a rendered video, "
        "as PNG masks and as a 3D trajectory. It runs on this computer: no GPU, no account, no download."
    )
    if _acts.may_change():
        with st.container(horizontal=True):
            _acts.button(
                "Try the sample",
                _try_sample,
                changes=True,
                type="primary",
                icon=":material/play_arrow:",
                key="try_sample",
            )
            _acts.button("Upload a clip", _acts.go, "upload.py", icon=":material/upload:", key="go_upload")


def _try_sample() -> None:
    with st.spinner("Drawing the sample clip (first time only)…"):
        _sample.start(jobs)
    _acts.go("upload.py")


def _show(newest: Result | None) -> None:
    if newest:
        _parts.player(newest, "overlay.mp4")
        st.caption(f"Newest: {_words.plain(_parts.describe(newest))}")
    else:
        _parts.picture(_sample.picture(), "The sample clip's first frame with its mask")
        st.caption("The sample clip's first frame with its mask")


def _numbers(active: list[JobStatus]) -> None:
    device, plain = choose(), {"delta_color": "off", "delta_arrow": "off"}
    columns = st.columns(4)
    columns[0].metric("Device", device.name.upper(), device.precision, **plain)
    columns[1].metric("Engines", len(_parts.engines()), help=", ".join(_parts.engines()))
    columns[2].metric("Jobs", len(active), "at work" if active else "idle", **plain)
    columns[3].metric("Results", store.count(), f"{store.size_bytes() / 2**20:.0f} MB", **plain)


def _line(job: JobStatus) -> None:
    """Show a job that is not over, or one that ran when the dashboard was stopped."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_words.plain(_words.short(job.title))}** · {job.engine} · {job.state}")
        if job.active and _acts.may_change():
            _acts.button("Watch", _watch, job.id, key=f"watch_{job.id}")
        elif not job.active:
            icon, key = ":material/replay:", f"again_{job.id}"
            _acts.button("Run again", _run_again, job.id, changes=True, icon=icon, key=key)
            _acts.button("Dismiss", jobs.forget, job.id, changes=True, key=f"dismiss_{job.id}")


def _run_again(job_id: str) -> None:
    _watch(jobs.resume(job_id))


def _watch(job_id: str) -> None:
    _acts.go("upload.py", job=job_id)


def _engines() -> None:
    st.subheader("Engines")
    engines = _parts.engines()
    for column, (name, engine) in zip(st.columns(max(2, len(engines))), engines.items(), strict=False):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{engine.TITLE}** `{name}`")
            st.caption(engine.SUMMARY)


def _recent() -> None:
    st.subheader("Recent results")
    with _cards.grid():
        for row in store.page(0, 4).rows:
            with _cards.card(row):
                pass
    _acts.button("Open the gallery", _acts.go, "gallery.py", icon=":material/grid_view:", key="open_gallery")


main()
