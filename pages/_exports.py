"""The menu of exports on a result's page: what for, options, progress, the file."""

from __future__ import annotations

import dataclasses
import io
import typing
from urllib.parse import urlencode

import streamlit as st

from pages import _acts, _parts, _words, progress
from vos import downloads, uploads
from vos.jobs import JobRunner
from vos.jobs.export_options import read_browser_options
from vos.jobs.exports import ExportStatus
from vos.store import Store
from vos.types import OptionValue, Result
from vos.video.finish import Finish

FIRST = "overlay"


def menu(result: Result, store: Store, jobs: JobRunner, finish: Finish = downloads.UNTOUCHED) -> None:
    """Show the formats a result can leave in, the options of the chosen one, and how its export stands."""
    known = downloads.exports()
    names = sorted(known, key=lambda name: known[name].LABEL)
    with st.expander("Export", icon=":material/ios_share:"):
        name = st.selectbox(
            "Format",
            names,
            index=names.index(FIRST),
            format_func=lambda name: known[name].LABEL,
            key=f"export_{result.id}",
        )
        st.caption(_words.plain(known[name].WHO))
        given: dict[str, OptionValue] = {}
        types = typing.get_type_hints(known[name].Options)
        for option in dataclasses.fields(known[name].Options):
            value = _option(option, types[option.name], f"export_{result.id}_{name}_{option.name}", store)
            if value not in (None, option.default):
                given[option.name] = value
        _acts.button(
            "Export",
            _start,
            jobs,
            result.id,
            name,
            given,
            finish,
            changes=True,
            icon=":material/play_arrow:",
            key="start_export",
        )
        if export_id := st.session_state.get(f"exported_{result.id}"):
            _standing(jobs, export_id)


def _option(option: dataclasses.Field[typing.Any], kind: type, key: str, store: Store) -> OptionValue | None:
    """Show one option and return what is chosen."""
    label, meta, more = option.name.replace("_", " ").capitalize(), option.metadata, {"key": key}
    value: OptionValue | None
    if meta.get("file"):
        return _picture(label, meta["help"], key, store)
    more["help"] = meta["help"]
    if kind is bool:
        value = st.toggle(label, option.default, **more)
    elif "choices" in meta:
        choices = list(meta["choices"])
        value = st.selectbox(label, choices, choices.index(option.default), filter_mode=None, **more)
    elif kind is str:
        value = st.text_input(label, option.default, **more)
    else:
        value = st.number_input(label, meta.get("min"), meta.get("max"), option.default, **more)
    return value


def _picture(label: str, explained: str, key: str, store: Store) -> str:
    """Show a chooser of a picture's file; return its sha256 once it is kept on disk."""
    kinds = ["png", "jpg", "jpeg", "webp"]
    chosen = st.file_uploader(label, kinds, help=explained, key=key, max_upload_size=32)
    if chosen is None:
        return ""
    with _parts.mistakes():
        return uploads.keep(io.BytesIO(chosen.getbuffer()), chosen.name, store.folder / "uploads").digest


def _start(jobs: JobRunner, result_id: str, name: str, given: dict[str, OptionValue], finish: Finish) -> None:
    options = read_browser_options(jobs.store, name, given)
    st.session_state[f"exported_{result_id}"] = jobs.exports.submit(result_id, name, options, finish)


def _standing(jobs: JobRunner, export_id: str) -> None:
    """Show how an export stands, alive while it runs, then a link to its file."""
    status = jobs.exports.status(export_id)
    if status is None:
        return
    if not status.active:
        _ended(status)
        return
    progress.show(export_id, key=f"progress_{export_id}")
    _acts.button(
        "Cancel",
        jobs.exports.cancel,
        export_id,
        changes=True,
        icon=":material/stop_circle:",
        key="cancel_export",
    )


def _ended(status: ExportStatus) -> None:
    if status.state == "failed":
        st.error(_words.plain(f"The export failed: {status.error}."), icon=":material/error:")
    elif status.state == "cancelled":
        st.info("The export was cancelled; nothing was kept.", icon=":material/stop_circle:")
    else:
        address = f"api/results/{status.result_id}/exports/{status.name}?{urlencode({'key': status.key})}"
        st.html(
            f'<a class="dl" href="{_words.escape(address)}" download>'
            f"Save {_words.escape(status.file_name)}</a>"
        )
