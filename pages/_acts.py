"""What a person does is done to its end: callbacks that nothing cuts short, and ways to other pages."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._words import sentence
from vos import sharing
from vos.errors import InvalidInput, VosError

LATE_S = 3.0  # so long a browser may go on asking for the page that it was just led away from


def may_change() -> bool:
    """Say whether this browser may upload, run, rename and delete, or only look (a shared dashboard)."""
    return sharing.may_change(st.context.cookies)


def allow_change() -> None:
    """Stop what a guest of a shared dashboard may not do.

    Raises:
        InvalidInput: this browser has no token.
    """
    if not may_change():
        raise InvalidInput("this dashboard is shared for looking; changing it needs the link with its token")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put off what the browser asks meanwhile.

    Streamlit looks for newer requests whenever a script or a callback touches the page or session_state,
    and where one waits, ends it right there: half of an act would be lost, and the click with it. Within
    this it looks afterwards.
    """
    context = get_script_run_ctx()
    requests: Any = context.script_requests if context else None
    if requests is None or "on_scriptrunner_yield" in vars(requests):
        yield
        return
    requests.on_scriptrunner_yield = lambda: None
    try:
        yield
    finally:
        del requests.on_scriptrunner_yield


def whole(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return a callback that runs to its end whatever the browser sends meanwhile; every callback is one."""

    @functools.wraps(act)
    def run(*args: Any, **named: Any) -> Any:
        with undisturbed():
            return act(*args, **named)

    return run


def button(label: str, act: Callable[..., object], *args: Any, changes: bool = False, **look: Any) -> None:
    """Show a button whose act is a callback: unlike `if st.button(...)`, no interrupted rerun loses it.

    What the act says in a VosError is shown. One that `changes` something is off for guests.
    """
    if changes and not may_change():
        look |= {"disabled": True, "help": "Shared for looking: this needs the link with the token"}
    st.button(label, on_click=whole(_do), args=(act, changes, args), **look)


def attempt(act: Callable[..., object], *args: Any) -> None:
    """Do, in the callback of a widget that is no button, what changes something and may say why it cannot."""
    _do(act, True, args)


def _do(act: Callable[..., object], changes: bool, args: tuple[Any, ...]) -> None:
    try:
        if changes:
            allow_change()
        act(*args)
    except VosError as error:
        st.error(sentence(error), icon=":material/error:")


@dataclass
class _Way:
    """From one page with its query to another; `arrived` is the monotonic second in which it first ran."""

    origin: tuple[str, dict[str, str]]
    page: str
    query: dict[str, str]
    arrived: float | None = None

    def is_reached(self, page: str, query: dict[str, str]) -> bool:
        return page == self.page and self.query.items() <= query.items()

    def is_late(self, page: str, query: dict[str, str]) -> bool:
        """Say whether the browser asks for the old page because it did not know of the new one yet."""
        late = self.arrived is None or time.monotonic() - self.arrived < LATE_S
        return late and (page, _place(query)) == self.origin


def _place(query: dict[str, str]) -> dict[str, str]:
    """Return what of an address says where one is; the player writes its frame into it at any time."""
    return {name: value for name, value in query.items() if name != "frame"}


def go(page: str, **query: str) -> None:
    """Lead to a page, from a callback: the run that follows begins with `arrive`, which goes there."""
    origin = st.session_state.get("page", ""), _place(st.query_params.to_dict())
    st.session_state["way"] = _Way(origin, page, query)


def arrive(page: str) -> None:
    """Go where `go` leads, though the browser asks for `page`: it may have asked before it knew better."""
    way, query, context = st.session_state.get("way"), st.query_params.to_dict(), get_script_run_ctx()
    if way is None:
        return
    if way.is_reached(page, query):
        way.arrived = way.arrived or time.monotonic()
        return
    wanted = way.is_late(page, query) and not (context and context.is_history_navigation)
    if way.arrived or not wanted:
        del st.session_state["way"]  # led there a second time at most: who asks again means it
    if wanted:
        st.switch_page(way.page, query_params=way.query)
