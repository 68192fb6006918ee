"""The draft of this tab: which one it is, and edits to it, kept at once so that a reload loses nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from pages import _acts, _parts, _words
from vos import plugins, sharing, uploads
from vos.correct import can_correct
from vos.drafts import DEFAULT_ENGINE, Draft
from vos.drafts import files as draft_files
from vos.errors import VosError
from vos.jobs import JobRunner
from vos.options import read_kept_options
from vos.prompts.stored import prompts_of
from vos.store import Store
from vos.types import Mask, Result, object_ids
from vos.uploads import Upload
from vos.video.masks import MaskReader
from vos.video.read import probe

__all__ = ["DEFAULT_ENGINE", "Draft"]


def new(upload: Upload, store: Store, *, title: str = "") -> Draft:
    """Begin a draft with a clip and make it the current one."""
    draft = Draft(
        token=secrets.token_urlsafe(9),
        path=str(upload.path),
        digest=upload.digest,
        title=title or Path(upload.name).stem,
        size_hw=probe(upload.path).size_hw,
    )
    draft = save(draft, store)
    _parts.remember("draft", draft.token)
    _parts.remember("job", "")
    return draft


def from_result(result: Result, frame: int, store: Store) -> Draft:
    """Add a result's mask of one frame to the prompts that the result was made from, and open that frame.

    That is in the very draft of the result where this tab has it; otherwise in a new one with all its
    prompts, names and options. What is tracked next corrects the result.
    """
    with MaskReader(result.files["masks"]) as masks:
        mask = masks[frame]
    draft = current(store)
    if draft is None or result.id not in (draft.base, _result_of(draft)):
        draft = _again(result, store)

    def add(draft: Draft) -> None:
        draft.by_hand, new = True, set(object_ids(mask)) - set(draft.names)
        if new or object_ids(mask):
            draft.set_mask(frame, _fit(mask, draft.size_hw))
        for object_id in new:
            draft.rename(object_id, result.name(object_id))
        draft.turn_to(frame, next(iter(object_ids(mask)), draft.object_id))
        draft.job_id, draft.base = "", result.id

    draft = edit(draft, store, add)
    _parts.remember("draft", draft.token)
    _parts.remember("job", "")
    return draft


def _result_of(draft: Draft) -> str:
    """Return the id of the result of a draft's job: the job's own, unless it was stopped."""
    status = _parts.runner().status(draft.job_id)
    return status.result_id if status and status.result_id else draft.job_id


def _again(result: Result, store: Store) -> Draft:
    """Begin a draft that is the request which a result answers."""
    folder = store.folder / "uploads"
    kept = uploads.find(result.digest, folder)
    if kept:
        upload = Upload(kept, result.digest, kept.name)
    else:
        with result.files["source"].open("rb") as file:
            upload = uploads.keep(file, f"{result.title}.mp4", folder)
    draft = new(upload, store, title=result.title)
    prompts = prompts_of(result)

    def fill(draft: Draft) -> None:
        for prompt in prompts:
            draft.set_mask(prompt.frame, _fit(prompt.mask, draft.size_hw))
        for frame, object_id in ((prompt.frame, i) for prompt in prompts for i in prompt.gone):
            draft.set_gone(frame, object_id)
        for object_id in draft.names:
            draft.rename(object_id, result.name(object_id))
        if prompts and result.engine in plugins.names(plugins.ENGINES):
            draft.engine = result.engine
            draft.options = read_kept_options(plugins.ENGINES, result.engine, result.options)
        draft.span = result.span
        draft.done = ()  # this is where it begins

    return edit(draft, store, fill)


def _fit(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    """Return a mask at the size of a clip that is the same but for an even width and height."""
    rows, columns = (max(0, most - n) for most, n in zip(size_hw, mask.shape, strict=True))
    return np.pad(mask, ((0, rows), (0, columns)), "edge")[: size_hw[0], : size_hw[1]]


def save(draft: Draft, store: Store) -> Draft:
    """Keep a draft as it is, in this tab and on disk."""
    return edit(draft, store, lambda _: None)


def edit(draft: Draft, store: Store, change: Callable[[Draft], object]) -> Draft:
    """Change a draft, in this tab and on disk, and return it as it is now."""
    edited = draft_files.edit(store, draft, change)
    _note_others(draft, edited.revision - 1)
    st.session_state["draft"] = edited
    return edited


def change(token: str, change: Callable[[Draft], object]) -> None:
    """Change this tab's draft, from a callback; a mistake becomes `mistake` of the session."""
    store = _parts.runner().store
    draft = st.session_state.get("draft")
    if not isinstance(draft, Draft) or draft.token != token:
        draft = draft_files.load(store, token)
    if draft is None:
        return
    try:
        _acts.allow_change()
        edit(draft, store, change)
    except VosError as error:
        st.session_state["mistake"] = _words.sentence(error)


def hold(key: str, value: object) -> None:
    """Let a widget that comes next show what the draft has; one that does so already is left alone."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def messages(draft: Draft | None) -> None:
    """Say what a callback ran into, and what other tabs did."""
    if mistake := st.session_state.pop("mistake", ""):
        st.error(mistake, icon=":material/error:")
    if draft and st.session_state.pop("others", "") == draft.token:
        st.info("This draft was changed in another tab, too; what was drawn there is here now.")


def current(store: Store) -> Draft | None:
    """Return the draft that the address or this tab names, if its clip is still there."""
    token = _parts.remembered("draft")
    if not token:
        return None
    draft = st.session_state.get("draft")
    if isinstance(draft, Draft) and draft.token == token:
        newest = draft_files.refresh(store, draft)
        _note_others(draft, newest.revision)
        draft = newest
    else:
        draft = draft_files.load(store, token)
    if draft is None or uploads.find(draft.digest, store.folder / "uploads") is None:
        return None
    st.session_state["draft"] = draft
    return draft


def _note_others(mine: Draft, revision: int) -> None:
    """Remember for the page that another tab changed the draft."""
    if mine.revision and revision > mine.revision:
        st.session_state["others"] = mine.token


def drop() -> None:
    """Let go of the current draft in this tab."""
    st.session_state.pop("draft", None)
    _parts.remember("draft", "")
    _parts.remember("job", "")


def submit(draft: Draft, jobs: JobRunner) -> str:
    """Start the draft's job, remember it in the draft and in the address, and return its id."""
    job, base = draft.job(), jobs.store.get(draft.base) if draft.base else None
    if base and can_correct(base, job, draft.digest):
        job = replace(job, base=base.id)
    job_id = jobs.submit(job, draft.digest, sharing.visitor(st.context.ip_address))
    edit(draft, jobs.store, lambda newest: setattr(newest, "job_id", job_id))
    _parts.remember("job", job_id)
    return job_id
