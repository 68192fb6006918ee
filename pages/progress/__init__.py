"""How a job goes: a component in HTML and JavaScript that asks the server itself, without runs of the page.

A fragment that runs every half second would ask for a page that may just have been left, and that empties
the new one: the browser takes the late answer for another page with nothing on it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._acts import whole
from pages._words import image_url

FOLDER = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    texts = {kind: (FOLDER / f"progress.{kind}").read_text() for kind in ("html", "css", "js")}
    return st.components.v2.component("vos_progress", **texts)


def show(job_id: str, *, key: str) -> None:
    """Show how far a job is, alive; the page runs once more when it is over."""
    data = {"url": f"/api/jobs/{job_id}/progress.json", "bar": True}
    _component()(key=key, data=data, on_over_change=whole(lambda: None))


def show_newest(job_id: str, still: bytes, *, key: str) -> None:
    """Show a job's newest frame with its mask as it comes, before the first `still`, a JPEG."""
    data = {
        "url": f"/api/jobs/{job_id}/progress.json",
        "bar": False,
        "still": image_url(still) if still else "",
    }
    _component()(key=key, data=data)
