"""Unfinished requests: clip, drawings, names, engine; kept on disk so that a reload loses nothing."""

from __future__ import annotations

import functools
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from pages import _canvas, _parts
from vos import uploads
from vos.errors import InvalidInput
from vos.jobs import JobRunner
from vos.store import Store
from vos.types import MAX_OBJECTS, Job, Mask, OptionValue, Prompt, Result, object_ids
from vos.uploads import Upload
from vos.video.masks import MaskReader

DEFAULT_ENGINE = "memory"


@dataclass
class Draft:
    """What the user has put together so far; `drawings` by frame, as Fabric.js JSON."""

    token: str
    path: str
    digest: str
    title: str
    size_hw: tuple[int, int] = (0, 0)
    frame: int = 0
    object_id: int = 1
    names: dict[int, str] = field(default_factory=lambda: {1: "Object 1"})
    drawings: dict[int, _canvas.Drawing] = field(default_factory=dict)
    by_hand: bool = True  # or no mask: an engine finds the object
    engine: str = DEFAULT_ENGINE
    options: dict[str, OptionValue] = field(default_factory=dict)
    job_id: str = ""
    version: int = 0  # of the canvas: raised whenever the drawing is replaced from here

    def mask(self, frame: int) -> Mask:
        """Return what is drawn on a frame as a label map at the clip's size."""
        return _mask(json.dumps(self.drawings.get(frame)), tuple(self.size_hw)).copy()

    def set_mask(self, frame: int, mask: Mask) -> None:
        """Replace what is drawn on a frame by a mask; objects it names join the list.

        Ids beyond the 20 that can be painted become the lowest that the mask leaves free.
        """
        self.size_hw = (mask.shape[0], mask.shape[1])
        ids = object_ids(mask)
        free = iter(i for i in range(1, MAX_OBJECTS + 1) if i not in ids)
        for high in (i for i in ids if i > MAX_OBJECTS):
            mask = np.where(mask == high, np.uint8(next(free)), mask)
        self.drawings[frame] = _canvas.from_mask(mask)
        for object_id in object_ids(mask):
            self.names.setdefault(object_id, f"Object {object_id}")
        self.version += 1

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the frames that have something painted, as prompts; none where no mask is wanted."""
        if not self.by_hand:
            return ()
        masks = ((frame, self.mask(frame)) for frame in sorted(self.drawings))
        return tuple(Prompt(frame, mask) for frame, mask in masks if mask.any())

    def job(self) -> Job:
        """Return the request as it stands."""
        return Job(
            clip=Path(self.path),
            engine=self.engine,
            prompts=self.prompts(),
            options=self.options,
            title=self.title,
            names=self.names,
        )


def new(upload: Upload, store: Store) -> Draft:
    """Begin a draft with a clip and make it the current one."""
    from vos.video.read import probe

    draft = Draft(
        token=secrets.token_urlsafe(9),
        path=str(upload.path),
        digest=upload.digest,
        title=Path(upload.name).stem,
        size_hw=probe(upload.path).size_hw,
    )
    save(draft, store)
    _parts.remember("draft", draft.token)
    _parts.remember("job", "")
    return draft


def from_result(result: Result, frame: int, store: Store) -> Draft:
    """Begin a draft with a result's clip and its mask of one frame, to be edited and used as a prompt.

    Raises:
        InvalidInput: nothing was found on that frame.
    """
    with MaskReader(result.files["masks"]) as masks:
        mask = masks[frame]
    if not object_ids(mask):
        raise InvalidInput(f"nothing was found on frame {frame}; a frame with an object is needed")
    with result.files["source"].open("rb") as file:
        upload = uploads.keep(file, f"{result.title}.mp4", store.folder / "uploads")
    draft = new(upload, store)
    (height, width), (h, w) = draft.size_hw, mask.shape  # stored clips have even sizes
    draft.set_mask(frame, np.pad(mask, ((0, height - h), (0, width - w)), "edge"))
    draft.title, draft.frame, draft.object_id = result.title, frame, min(object_ids(draft.mask(frame)))
    draft.names = {i: result.name(i) for i in object_ids(draft.mask(frame))}
    save(draft, store)
    return draft


def save(draft: Draft, store: Store) -> None:
    """Keep a draft, in this tab and on disk."""
    st.session_state["draft"] = draft
    store.save_draft(draft.token, json.dumps(asdict(draft)))


def current(store: Store) -> Draft | None:
    """Return the draft that the address or this tab names, if its clip is still there."""
    token = _parts.remembered("draft")
    if not token:
        return None
    draft = st.session_state.get("draft")
    if not isinstance(draft, Draft) or draft.token != token:
        text = store.draft(token)
        if text is None:
            return None
        draft = _read(text)
        st.session_state["draft"] = draft
    if uploads.find(draft.digest, store.folder / "uploads") is None:
        return None
    return draft


def drop() -> None:
    """Let go of the current draft in this tab."""
    st.session_state.pop("draft", None)
    _parts.remember("draft", "")
    _parts.remember("job", "")


def submit(draft: Draft, jobs: JobRunner) -> str:
    """Start the draft's job, remember it in the draft and in the address, and return its id."""
    draft.job_id = jobs.submit(draft.job(), draft.digest)
    save(draft, jobs.store)
    _parts.remember("job", draft.job_id)
    return draft.job_id


def _read(text: str) -> Draft:
    fields = json.loads(text)
    for name in ("names", "drawings"):
        fields[name] = {int(key): value for key, value in fields[name].items()}
    fields["size_hw"] = tuple(fields["size_hw"])
    return Draft(**fields)


@functools.lru_cache(maxsize=64)
def _mask(drawing: str, size_hw: tuple[int, int]) -> Mask:
    return _canvas.rasterise(json.loads(drawing), size_hw)
