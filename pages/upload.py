"""One screen from a clip to its masks: point at the object, track it, see it come."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages import _acts, _clip, _drafts, _objects, _parts, _pointing, _prompt, _run, _sample, _theme, _words
from pages._drafts import Draft
from vos.types import VideoInfo
from vos.video.read import probe

jobs = _parts.runner()
store = jobs.store

COMPACT = """<style>
.stMainBlockContainer{padding:3.6rem 2.5rem 1rem}
.stMainBlockContainer>.stVerticalBlock,.st-key-left,.st-key-right{gap:.5rem}
[data-testid="stBottom"]>div{background:BACKGROUND;border-top:1px solid BORDER}
[data-testid="stBottomBlockContainer"]{padding:.5rem 2.5rem .6rem}
.st-key-clip_line p{margin:0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.st-key-tools .stHorizontalBlock,.st-key-bar .stHorizontalBlock{row-gap:.4rem}
@media(max-width:660px){
.stMainBlockContainer{padding:3.2rem .8rem .5rem}
[data-testid="stBottomBlockContainer"]{padding:.4rem .8rem}
.st-key-tools .stHorizontalBlock{column-gap:.3rem}
:is(.st-key-zoom_in,.st-key-zoom_out) button{padding:.25rem .5rem;min-width:2.4rem}
.st-key-time{order:-1;flex:1 0 100%}
}</style>"""  # everything in sight at 1400x900, and on a phone


def main() -> None:
    """Choose a clip, or work on the draft of one."""
    draft = _drafts.current(store)
    job_id = _parts.remembered("job")
    if draft is None:
        st.title("Upload")
        _choose_clip(job_id)
        return
    with _parts.mistakes():
        info = _info(draft.digest, draft.path)
    status = jobs.status(job_id) if job_id else None
    if status and status.state == "done":
        _outcome(job_id)  # before a canvas comes whose first word would bring this page back
    background, border = _theme.colour("backgroundColor"), _theme.colour("borderColor")
    st.html(COMPACT.replace("BACKGROUND", background).replace("BORDER", border))
    _clip_line(draft, info)
    left, right = st.columns([13, 5], gap="medium")
    if status and status.active:
        with left.container(key="left"):
            _run.running(jobs, job_id, _prompt.still(draft))
        with right.container(key="right"):
            st.caption("The newest frame is shown as it comes. You may leave this page; the work goes on.")
        return
    with left.container(key="left"):  # first: a mask is in sight before the rest is drawn
        points = _prompt.show(draft, info)
    with right.container(key="right"):
        _objects.show(draft)
        if job_id:
            _outcome(job_id)
    _run.bar(draft, info, jobs)
    if points:
        _pointing.prepare(draft)


@st.cache_data(show_spinner=False, max_entries=32)
def _info(digest: str, path: str) -> VideoInfo:
    return probe(Path(path))


def _choose_clip(job_id: str) -> None:
    if st.query_params.get("draft"):
        st.warning(
            "The draft of this address is not there any more; drafts and their clips are kept for a month."
        )
    _clip.choose(store)
    _acts.button("Use the sample clip", _use_sample, changes=True, icon=":material/movie:", key="use_sample")
    st.caption("Then click on the object in one of its frames, or let it be found.")
    if job_id and not _outcome(job_id):
        return
    if job_id:
        _run.running(jobs, job_id)


def _use_sample() -> None:
    with st.spinner("Drawing the sample clip (first time only)…"):
        draft = _drafts.new(_sample.upload(jobs), store)
    draft.title = _sample.NAME
    _drafts.save(draft, store)


def _clip_line(draft: Draft, info: VideoInfo) -> None:
    with st.container(key="clip_line", horizontal=True, vertical_alignment="center", wrap=False):
        rate = f"{float(info.fps):.2f}".rstrip("0").rstrip(".")
        st.markdown(
            f"**{_words.plain(_words.short(draft.title, 60))}** · {info.width}x{info.height} · "
            f"{info.frames} frames at {rate} fps · {_words.duration(info.duration_s)}"
            f"{' · sound' if info.audio_codec else ''}",
            width="stretch",
        )
        _acts.button(
            "Another clip", _drafts.drop, type="tertiary", icon=":material/swap_horiz:", key="another_clip"
        )


def _outcome(job_id: str) -> bool:
    """Say how a job stands; return whether it is still active. A finished one leads to its result.

    The address keeps the job until the result's page drops it: a rerun may stop this one anywhere.
    """
    status = jobs.status(job_id)
    if status is None:
        if store.get(job_id):
            _parts.open_result(job_id)
            st.rerun()
        st.warning("That job is not known any more: the dashboard was started anew. Please run it again.")
        return False
    if status.state == "done":
        st.session_state["from_cache"] = job_id if status.cached else ""
        _parts.open_result(status.result_id or job_id)
        st.rerun()
    elif status.state == "failed":
        st.error(_words.plain(f"The job failed: {status.error}."), icon=":material/error:")
    elif status.state == "interrupted":
        st.warning("The dashboard was stopped while this job ran.", icon=":material/power_off:")
        _acts.button(
            "Run again", jobs.resume, job_id, changes=True, icon=":material/replay:", key="run_again"
        )
    elif status.state == "cancelled":
        st.info("The job was cancelled; nothing was kept.", icon=":material/stop_circle:")
    return status.active


main()
