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
    if not (status and status.active):
        _prompt.step(draft, info)
    _drafts.messages(draft)
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
    st.button("Use the sample clip", icon=":material/movie:", key="use_sample", on_click=_want_sample)
    if st.session_state.get("wants_sample"):
        with st.spinner("Drawing the sample clip (first time only)…"), _parts.mistakes():
            _drafts.new(_sample.upload(jobs), store, title=_sample.NAME)
        del st.session_state["wants_sample"]
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
        st.button("Another clip", icon=":material/swap_horiz:", key="another_clip", on_click=_drafts.drop)


def _run_step(draft: Draft, info: VideoInfo, job_id: str) -> None:
    st.subheader("3 · Run")
    if job_id and _outcome(job_id):
        return
    engines = {n: e for n, e in _parts.engines().items() if draft.by_hand == e.NEEDS_PROMPT}
    names = sorted(engines, key=lambda name: (name != _drafts.DEFAULT_ENGINE, name))
    if draft.engine not in engines:
        draft = _drafts.edit(draft, store, lambda newest: _take_engine(newest, names[0]))
    engine, key = engines[draft.engine], f"engine_{draft.token}_{draft.by_hand}"
    _drafts.hold(key, draft.engine)
    st.selectbox(
        "Engine",
        names,
        format_func=lambda name: f"{engines[name].TITLE}",
        key=key,
        filter_mode=None,
        help=engine.SUMMARY,
        on_change=_choose_engine,
        args=(draft.token, key),
    )
    st.caption(engine.SUMMARY)
    _options(engine.Options, draft, shown=True)
    with st.expander("Options", key="options"):
        _options(engine.Options, draft, shown=False)
    reason = "paint the object first" if engine.NEEDS_PROMPT and not draft.prompts() else ""
    label = f"Run ({reason})" if reason else "Run"
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(reason),
        key="run",
        on_click=_start,
        args=(draft.token, info),
    )


def _options(kind: typing.Any, draft: Draft, *, shown: bool) -> None:
    """Show a widget for the fields of an engine's Options.

    shown: those that everybody should see, or the others.
    """
    types = typing.get_type_hints(kind)
    for option in dataclasses.fields(kind):
        if shown == ("captions" in option.metadata):
            _option(draft, option, types[option.name])


def _option(draft: Draft, option: dataclasses.Field[typing.Any], kind: type) -> None:
    """Show one option, as the draft has it; what is chosen goes to the draft before the page runs."""
    label, meta = option.name.replace("_", " ").capitalize(), option.metadata
    key, choices = f"option_{draft.token}_{draft.engine}_{option.name}", list(meta.get("choices", ()))
    value = draft.options.get(option.name, option.default)
    _drafts.hold(key, value if not choices or value in choices else option.default)
    change = {
        "key": key,
        "on_change": _choose_option,
        "args": (draft.token, option.name, option.default, key),
    }
    if kind is bool:
        st.toggle(label, help=meta.get("help"), **change)
    elif "captions" in meta:
        st.radio(label, choices, captions=meta["captions"], horizontal=True, **change)
    elif choices:
        st.selectbox(label, choices, help=meta.get("help"), filter_mode=None, **change)
    elif kind is str:
        st.text_input(label, help=meta.get("help"), **change)
    else:
        st.number_input(label, meta.get("min"), meta.get("max"), help=meta.get("help"), **change)


# Callbacks: they run before the page does, so that no other click can interrupt them.


def _want_sample() -> None:
    st.session_state["wants_sample"] = True


def _take_engine(draft: Draft, engine: str) -> None:
    draft.engine, draft.options = engine, {}


def _choose_engine(token: str, key: str) -> None:
    engine = st.session_state.get(key)
    if engine in _parts.engines():
        _drafts.change(token, lambda draft: _take_engine(draft, engine))


def _choose_option(token: str, name: str, default: typing.Any, key: str) -> None:
    value = st.session_state.get(key)

    def choose(draft: Draft) -> None:
        draft.options = {other: given for other, given in draft.options.items() if other != name}
        if value is not None and value != default:
            segment.read_options(draft.engine, {name: value})
            draft.options[name] = value

    _drafts.change(token, choose)


def _start(token: str, info: VideoInfo) -> None:
    draft = _drafts.current(store)
    if draft is None or draft.token != token:
        return
    try:
        segment.check(draft.job(), info)
        _drafts.submit(draft, jobs)
    except VosError as error:
        st.session_state["mistake"] = _parts.sentence(error)


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
    elif status.state == "cancelled":
        st.info("The job was cancelled; nothing was kept.", icon=":material/stop_circle:")
    return status.active


main()
