"""What this is; one click runs the sample clip; the newest results."""

from __future__ import annotations

import streamlit as st

from pages import _parts, _sample
from vos.net.device import choose

jobs = _parts.runner()

left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
with left:
    st.title("One object out of a video")
    st.markdown(
        "Upload a clip, paint the object on one frame, get its mask on every frame: as a rendered video, "
        "as PNG masks and as a 3D trajectory. It runs on this computer: no GPU, no account, no download."
    )
    with st.container(horizontal=True):
        if st.button("Try the sample", type="primary", icon=":material/play_arrow:", key="try_sample"):
            with st.spinner("Drawing the sample clip (first time only)…"), _parts.mistakes():
                _sample.start(jobs)
            st.switch_page("upload.py")
        if st.button("Upload a clip", icon=":material/upload:", key="go_upload"):
            st.switch_page("upload.py")
results = jobs.store.results()
with right:
    if results:
        _parts.player(results[0], "overlay.mp4")
        st.caption(f"Newest: {_parts.plain(_parts.describe(results[0]))}")
    else:
        _parts.picture(_sample.picture(), "The sample clip's first frame with its mask")
        st.caption("The sample clip's first frame with its mask")

active = [job for job in jobs.jobs() if job.active]
device = choose()
columns = st.columns(4)
columns[0].metric("Device", device.name.upper(), device.precision, delta_color="off", delta_arrow="off")
columns[1].metric("Engines", len(_parts.engines()), help=", ".join(_parts.engines()))
columns[2].metric("Jobs", len(active), "at work" if active else "idle", delta_color="off", delta_arrow="off")
columns[3].metric(
    "Results", len(results), f"{jobs.store.size_bytes() / 2**20:.0f} MB", delta_color="off", delta_arrow="off"
)
for job in active:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_parts.plain(_parts.short(job.title))}** · {job.engine} · {job.state}")
        if st.button("Watch", key=f"watch_{job.id}"):
            st.switch_page("upload.py", query_params={"job": job.id})

st.subheader("Engines")
for column, (name, engine) in zip(
    st.columns(max(2, len(_parts.engines()))), _parts.engines().items(), strict=False
):
    with column.container(border=True, height="stretch"):
        st.markdown(f"**{engine.TITLE}** `{name}`")
        st.caption(engine.SUMMARY)

if results:
    st.subheader("Recent results")
    for column, result in zip(st.columns(4), results, strict=False):
        with column.container(border=True):
            _parts.thumbnail(result)
            st.markdown(f"**{_parts.plain(_parts.short(result.title, 28))}**")
            st.caption(f"{result.engine} · {result.frames} frames · {_parts.ago(result.created)}")
            if st.button("Open", key=f"open_{result.id}"):
                _parts.open_result(result.id)
    if st.button("Open the gallery", icon=":material/grid_view:"):
        st.switch_page("gallery.py")
