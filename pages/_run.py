"""The bottom bar of the upload page: Fast or Accurate, the time it takes, Track; then how the job goes."""

from __future__ import annotations

import dataclasses
import typing

import streamlit as st

from pages import _acts, _drafts, _parts, _words, progress
from vos import plugins, segment
from vos.drafts import Draft
from vos.errors import VosError
from vos.jobs import JobRunner, rates
from vos.options import changed, read_options
from vos.types import Options, VideoInfo


def bar(draft: Draft, info: VideoInfo, jobs: JobRunner) -> None:
    """Show what starts the job, always in sight."""
    with st.bottom, st.container(key="bar"):
        _drafts.messages(draft)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            engines = {n: e for n, e in _parts.engines().items() if draft.by_hand == e.NEEDS_PROMPT}
            names = sorted(engines, key=lambda name: (name != _drafts.DEFAULT_ENGINE, name))
            if draft.engine not in engines:
                draft = _drafts.edit(draft, jobs.store, lambda newest: newest.take_engine(names[0]))
            kind = engines[draft.engine].Options
            _options(kind, draft, shown=True)
            more = st.popover("More", icon=":material/tune:", key="more", on_change="rerun")
            if more.open:  # a widget that mounts later than it is made tells its default as if it were chosen
                with more:
                    _engine(draft, names, engines)
                    _options(kind, draft, shown=False)
            ready = not draft.by_hand or bool(draft.prompts())
            with st.container(key="time", width="stretch"):
                st.caption(_time(draft, info, jobs) if ready else "Click on the object first")
            _acts.button(
                "Track object",
                _start,
                draft.token,
                info,
                changes=True,
                type="primary",
                icon=":material/play_arrow:",
                disabled=not ready,
                key="run",
            )


@st.cache_data(show_spinner=False, ttl=20)
def _seconds(newest: str, engine: str, options: Options, frames: int) -> float | None:
    """Return the expected time; `newest` tells apart what was known before and after another result."""
    return rates.expected_seconds(_parts.runner().store, engine, options, frames)


def _time(draft: Draft, info: VideoInfo, jobs: JobRunner) -> str:
    first, last = draft.span or (0, info.frames - 1)
    count = max(1, min(last, info.frames - 1) - first + 1)
    newest = jobs.store.newest()
    seconds = _seconds(newest.id if newest else "", draft.engine, draft.options, count)
    what = f"{count} frame{'s' if count > 1 else ''}"
    return f"{what}, {rates.in_words(seconds)}" if seconds else what


def _engine(draft: Draft, names: list[str], engines: dict[str, typing.Any]) -> None:
    key = f"engine_{draft.token}_{draft.by_hand}"
    _drafts.hold(key, draft.engine)
    st.selectbox(
        "Engine",
        names,
        format_func=lambda name: f"{engines[name].TITLE}",
        key=key,
        filter_mode=None,
        on_change=_acts.whole(_choose_engine),
        args=(draft.token, key),
    )
    st.caption(engines[draft.engine].SUMMARY)


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
    _drafts.hold(key, getattr(draft.options, option.name))
    change = {
        "key": key,
        "on_change": _acts.whole(_choose_option),
        "args": (draft.token, option.name, key),
    }
    if kind is bool:
        st.toggle(label, help=meta.get("help"), **change)
    elif "captions" in meta:
        lines = (f"{c.capitalize()}: {text}" for c, text in zip(choices, meta["captions"], strict=True))
        look = {"required": True, "label_visibility": "collapsed", "help": "  \n".join(lines)}
        st.segmented_control(label, choices, format_func=str.capitalize, **look, **change)
    elif choices:
        st.selectbox(label, choices, help=meta.get("help"), filter_mode=None, **change)
    elif kind is str:
        st.text_input(label, help=meta.get("help"), **change)
    else:
        st.number_input(label, meta.get("min"), meta.get("max"), help=meta.get("help"), **change)


def _choose_engine(token: str, key: str) -> None:
    engine = st.session_state.get(key)
    if engine in _parts.engines():
        _drafts.change(token, lambda draft: draft.take_engine(engine))


def _choose_option(token: str, name: str, key: str) -> None:
    value = st.session_state.get(key)

    def choose(draft: Draft) -> None:
        chosen = changed(draft.options)
        chosen.pop(name, None)
        if value is not None:
            chosen[name] = value
        draft.options = read_options(plugins.ENGINES, draft.engine, chosen)

    _drafts.change(token, choose)


def _start(token: str, info: VideoInfo) -> None:
    jobs = _parts.runner()
    draft = _drafts.current(jobs.store)
    if draft is None or draft.token != token:
        return
    try:
        segment.check(draft.job(), info)
        _drafts.submit(draft, jobs)
    except VosError as error:
        st.session_state["mistake"] = _words.sentence(error)


def running(jobs: JobRunner, job_id: str, still: bytes = b"") -> None:
    """Show a job that waits or runs: its newest frame, at first `still`; the bottom bar says how it goes."""
    with st.container(key="running"):
        progress.show_newest(job_id, still, key=f"newest_{job_id}")
    bar = {"horizontal": True, "vertical_alignment": "center", "gap": "small"}
    with st.bottom, st.container(key="bar"), st.container(**bar):
        with st.container(width="stretch"):
            progress.show(job_id, key=f"progress_{job_id}")
        for label, act, icon in (("Stop", jobs.stop, "stop"), ("Cancel", jobs.cancel, "close")):
            look = {"icon": f":material/{icon}:", "key": f"{label.lower()}_{job_id}"}
            _acts.button(label, act, job_id, changes=True, **look)


def show_frame(jpeg: bytes, alt: str) -> None:
    """Show a frame where the canvas is otherwise, as large as there is room."""
    st.html(
        f'<img src="{_words.image_url(jpeg)}" alt="{_words.escape(alt)}" style="display:block;'
        'width:100%;max-height:calc(100vh - 16rem);object-fit:contain;object-position:left top">'
    )
