"""Choosing a clip: our own component, which uploads by /api/uploads, and what happens when one arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages import _acts, _drafts
from vos import uploads
from vos.api.uploads import LIMIT_BYTES
from vos.errors import InvalidInput, VosError
from vos.store import Store
from vos.uploads import Upload
from vos.video.read import SUFFIXES

KINDS = "A video of any usual kind, an animated GIF, WebP or PNG, or a zip of images, up to 2 GB"
_HERE = Path(__file__).parent / "picker"
_picker = st.components.v2.component(
    "vos_picker",
    html=(_HERE / "picker.html").read_text(),
    css=(_HERE / "picker.css").read_text(),
    js=(_HERE / "picker.js").read_text(),
)


def choose(store: Store) -> None:
    """Show where a clip is chosen or dropped; one that has arrived becomes the current draft."""
    number, told = st.session_state.get("clip_trouble", (0, ""))
    _picker(
        key="clip",
        data={
            "types": list(SUFFIXES),
            "kinds": KINDS,
            "most": LIMIT_BYTES,
            "trouble": {"number": number, "sentence": told},
        },
        on_arrived_change=_acts.whole(lambda: _arrived(store)),
    )


def _arrived(store: Store) -> None:
    """Begin a draft with the clip that has arrived."""
    said: Any = st.session_state["clip"].get("arrived") or {}
    try:
        _acts.allow_change()
        begin(str(said.get("digest", "")), str(said.get("name", "")), store)
    except VosError as error:
        number, _ = st.session_state.get("clip_trouble", (0, ""))
        st.session_state["clip_trouble"] = number + 1, f"{error}".rstrip(".") + "."


def begin(digest: str, name: str, store: Store) -> None:
    """Make an uploaded clip the current draft; one that cannot be read is dropped.

    Raises:
        VosError: it is not there, or no clip.
    """
    path = uploads.find(digest, store.folder / "uploads")
    if path is None:
        raise InvalidInput(
            f"the upload of {name or 'the clip'} is not there any more; please choose it again"
        )
    try:
        _drafts.new(Upload(path, digest, name), store)
    except VosError as error:
        path.unlink(missing_ok=True)
        raise type(error)(str(error).replace(path.name, name)) from error
