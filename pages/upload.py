"""Clip, prompt, run: three steps to a job, its live progress, and the result."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import streamlit as st

from pages import _drafts, _parts, _prompt, _sample
from pages._drafts import Draft
from vos import segment, uploads
from vos.errors import VosError
from vos.types import VideoInfo
from vos.video.read import probe

TYPES = ["mp4", "mov", "m4v", "mkv", "webm", "avi", "gif", "zip"]
jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the three steps."""
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
    _clip_step(draft, info)
    if status and status.active:
        st.session_state.pop("opened", None)  # the canvas goes; when it comes back it starts anew
    else:
        _prompt.step(draft, info)
    _run_step(draft, info, job_id)


@st.cache_data(show_spinner=False, max_entries=32)
def _info(digest: str, path: str) -> VideoInfo:
    return probe(Path(path))


def _choose_clip(job_id: str) -> None:
    st.subheader("1 · Clip")
    generation = st.session_state.setdefault("uploader", 0)
    file = st.file_uploader(
        "A video (MP4, MOV, MKV, WebM, AVI), a GIF, or a zip of numbered images, up to 2 GB",
        type=TYPES,
        key=f"clip_{generation}",
    )
    if st.button("Use the sample clip", icon=":material/movie:", key="use_sample"):
        with st.spinner("Drawing the sample clip (first time only)…"), _parts.mistakes():
            _drafts.new(_sample.upload(jobs), store).title = _sample.NAME
        st.rerun()
    if file is not None:
        with st.spinner("Reading the clip…"):
            _begin(file)
    if job_id:
        st.subheader("3 · Run")
        _outcome(job_id)
    st.subheader("2 · Prompt", text_alignment="left")
    st.caption("Then paint the object on one of its frames, or let it be found.")


def _begin(file: typing.Any) -> None:
    try:
        upload = uploads.keep(file, file.name, store.folder / "uploads")
        try:
            _drafts.new(upload, store)
        except VosError as error:
            upload.path.unlink(missing_ok=True)
            raise type(error)(str(error).replace(upload.path.name, file.name)) from error
    except VosError as error:
        st.error(_parts.sentence(error), icon=":material/error:")
    else:
        st.session_state["uploader"] += 1  # a new uploader lets the old one's memory go
        st.rerun()


def _clip_step(draft: Draft, info: VideoInfo) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        rate = f"{float(info.fps):.2f}".rstrip("0").rstrip(".")
        st.markdown(
            f"### 1 · Clip\n**{_parts.plain(_parts.short(draft.title, 60))}** · {info.width}x{info.height} · "
            f"{info.codec} · {info.frames} frames at {rate} fps · {_parts.duration(info.duration_s)}"
            f"{' · sound' if info.audio_codec else ''}"
        )
        if st.button("Another clip", icon=":material/swap_horiz:", key="another_clip"):
            _drafts.drop()
            st.rerun()


def _run_step(draft: Draft, info: VideoInfo, job_id: str) -> None:
    st.subheader("3 · Run")
    if job_id and _outcome(job_id):
        return
    engines = {n: e for n, e in _parts.engines().items() if draft.by_hand == e.NEEDS_PROMPT}
    names = sorted(engines, key=lambda name: (name != _drafts.DEFAULT_ENGINE, name))
    draft.engine = st.selectbox(
        "Engine",
        names,
        index=names.index(draft.engine) if draft.engine in names else 0,
        format_func=lambda name: f"{engines[name].TITLE}",
        key=f"engine_{draft.token}_{draft.by_hand}",
        filter_mode=None,
        help=engines[draft.engine].SUMMARY if draft.engine in engines else None,
    )
    st.caption(engines[draft.engine].SUMMARY)
    options = engines[draft.engine].Options
    given = _options(options, draft, shown=True)
    with st.expander("Options"):
        draft.options = given | _options(options, draft, shown=False)
    reason = ""
    with _parts.mistakes():
        job = draft.job()
        if engines[draft.engine].NEEDS_PROMPT and not job.prompts:
            reason = "paint the object first"
    label = f"Run ({reason})" if reason else "Run"
    if st.button(label, type="primary", icon=":material/play_arrow:", disabled=bool(reason), key="run"):
        with _parts.mistakes():
            segment.check(job, info)
            _drafts.submit(draft, jobs)
        st.rerun()


def _options(kind: typing.Any, draft: Draft, *, shown: bool) -> dict[str, typing.Any]:
    """Show a widget for the fields of an engine's Options; return what differs from the defaults.

    shown: those that everybody should see, or the others.
    """
    given = {}
    types = typing.get_type_hints(kind)
    for option in dataclasses.fields(kind):
        if shown != ("captions" in option.metadata):
            continue
        label = option.name.replace("_", " ").capitalize()
        value = draft.options.get(option.name, option.default)
        meta, key = option.metadata, f"option_{draft.token}_{draft.engine}_{option.name}"
        if types[option.name] is bool:
            value = st.toggle(label, value, help=meta.get("help"), key=key)
        elif shown:
            choices, captions = list(meta["choices"]), meta["captions"]
            value = st.radio(
                label, choices, choices.index(value), captions=captions, horizontal=True, key=key
            )
        elif "choices" in meta:
            choices = list(meta["choices"])
            value = st.selectbox(
                label, choices, choices.index(value), help=meta.get("help"), key=key, filter_mode=None
            )
        elif types[option.name] is str:
            value = st.text_input(label, value, help=meta.get("help"), key=key)
        else:
            value = st.number_input(
                label, meta.get("min"), meta.get("max"), value, help=meta.get("help"), key=key
            )
        if value != option.default:
            given[option.name] = value
    return given


def _outcome(job_id: str) -> bool:
    """Show how a job stands; say whether it is still active. A finished one leads to its result.

    The address keeps the job until the result's page drops it: a rerun may stop this one anywhere.
    """
    status = _parts.job_panel(jobs, job_id)
    if status is None:
        if store.get(job_id):
            _parts.open_result(job_id)
        st.warning("That job is not known any more: the dashboard was started anew. Please run it again.")
        return False
    if status.state == "done":
        st.session_state["from_cache"] = job_id if status.cached else ""
        _parts.open_result(job_id)
    elif status.state == "failed":
        st.error(_parts.plain(f"The job failed: {status.error}."), icon=":material/error:")
    elif status.state == "interrupted":
        st.warning("The dashboard was stopped while this job ran.", icon=":material/power_off:")
        if st.button("Run again", icon=":material/replay:", key="run_again"):
            with _parts.mistakes():
                jobs.resume(job_id)
            st.rerun()
    elif status.state == "cancelled":
        st.info("The job was cancelled; nothing was kept.", icon=":material/stop_circle:")
    return status.active


main()
