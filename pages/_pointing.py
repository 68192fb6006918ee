"""What the pages point with: one picker a process, and the frames that were looked at last."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

import streamlit as st

from pages._canvas import Said
from vos.drafts import Draft
from vos.drafts.pointing import Pointer
from vos.errors import VosError
from vos.net import device
from vos.prompts import clicks
from vos.types import Frame
from vos.video.read import open_clip

log = logging.getLogger(__name__)

PICKER = "click"


@functools.lru_cache(maxsize=4)
def frame(digest: str, path: str, index: int) -> Frame:
    """Return a frame of a clip, which nobody may write on."""
    pixels = open_clip(Path(path)).frame_at(index)
    pixels.flags.writeable = False
    return pixels


@st.cache_resource(show_spinner=False)
def _pointer() -> Pointer:
    return Pointer(clicks.build(PICKER, device.choose()))


def take(draft: Draft, said: Said) -> None:
    """Do what a click or a box says, on the frame and for the object that it was made for.

    Raises:
        VosError: it says nothing that can be done; the draft is as it was.
    """
    if said.object_id not in draft.names:
        return  # it was removed meanwhile
    at = draft.frame, draft.object_id
    pixels = frame(draft.digest, draft.path, said.frame)
    if said.point:
        _pointer().click(draft, said.frame, said.object_id, said.point, pixels)
    elif said.box:
        _pointer().box(draft, said.frame, said.object_id, said.box, pixels)
    draft.turn_to(*at)


def prepare(draft: Draft) -> None:
    """Let the picker see the frame that is shown, so that the first click on it is quick."""
    try:
        _pointer().picker.see(frame(draft.digest, draft.path, draft.frame))
    except VosError as error:  # a click will say it
        log.warning("clicks are not prepared: %s", error)
