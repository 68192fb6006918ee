"""Several results at once: ticked on their cards, then taken along, pinned, tagged or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages import _acts, _keep, _theme, _words
from vos.api.bundle import MOST
from vos.store import Row, Store

PICKED = "picked"  # the ids, in the order they were ticked


def _style() -> str:
    ground, border = _theme.colour("secondaryBackgroundColor"), _theme.colour("borderColor")
    return (
        "<style>[data-testid=stLayoutWrapper]:has(>.st-key-picked){position:sticky;bottom:.5rem;z-index:3}"
        f".st-key-picked{{gap:.4rem;padding:.6rem .9rem;border-radius:.6rem;background:{ground};"
        f"border:1px solid {border}}}"
        ".st-key-picked a.take{display:inline-flex;align-items:center;min-height:2.5rem;padding:0 .75rem;"
        f"border:1px solid {border};border-radius:.6rem;color:inherit!important;text-decoration:none;"
        f"font-size:.875rem;background:{_theme.colour('backgroundColor')}}}"
        ".st-key-picked a.take:hover{border-color:currentColor}"
        "@media(max-width:900px){.st-key-picked :is(a,button){min-height:2.1rem;padding:0 .5rem}}</style>"
    )


def tick(row: Row) -> None:
    """Show the box that picks a result."""
    key = f"pick_{row.id}"
    st.session_state[key] = row.id in _picked()
    label = f"Pick {_words.plain(_words.short(row.title))}"
    st.checkbox(
        label, key=key, on_change=_acts.whole(_turn), args=(row.id, key), label_visibility="collapsed"
    )


def _picked() -> list[str]:
    return list(st.session_state.get(PICKED, []))


def _turn(result_id: str, key: str) -> None:
    rest = [other for other in _picked() if other != result_id]
    st.session_state[PICKED] = [*rest, result_id] if st.session_state[key] else rest


def bar(store: Store, shown: list[str], which: dict[str, Any], total: int) -> None:
    """Show what can be done with the picked results, while there are any."""
    picked = _picked()
    if not picked:
        return
    st.html(_style())
    elsewhere = len(set(picked) - set(shown))
    with st.container(horizontal=True, vertical_alignment="center", key="picked"):
        more = f" ({elsewhere} not on this sheet)" if elsewhere else ""
        st.markdown(f"**{len(picked)} picked**{more}", width="content")
        if len(picked) <= MOST:
            address = f"/api/results.zip?{urlencode([('id', one) for one in picked])}"
            st.html(f'<a class="take" href="{address}" download>Download zip</a>', width="content")
        else:
            st.caption(f"A zip holds at most {MOST}", width="content")
        if _acts.may_change():
            _change(store, picked)
        _acts.button(f"Pick all {total}", _pick_all, store, which, key="pick_all")
        _acts.button("Pick none", _pick, [], key="pick_none")


def _change(store: Store, picked: list[str]) -> None:
    look = {"changes": True}
    _acts.button("Pin", _pin, store, picked, True, icon=":material/keep:", key="pin_picked", **look)
    _acts.button("Unpin", _pin, store, picked, False, icon=":material/keep_off:", key="unpin_picked", **look)
    with st.popover("Tag", icon=":material/label:"):
        _keep.ask_tags(store.marking.tags(), (), "tags_picked")
        add, drop = st.columns(2)
        with add:
            _acts.button("Add", _tag, store, picked, True, key="add_tags", width="stretch", **look)
        with drop:
            _acts.button("Take off", _tag, store, picked, False, key="drop_tags", width="stretch", **look)
    _acts.button("Delete", _delete, store, picked, icon=":material/delete:", key="delete_picked", **look)


def _pick(result_ids: list[str]) -> None:
    st.session_state[PICKED] = result_ids


def _pick_all(store: Store, which: dict[str, Any]) -> None:
    _pick([row.id for row in store.page(0, -1, **which).rows])


def _pin(store: Store, picked: list[str], pinned: bool) -> None:
    for result_id in picked:
        store.marking.change(result_id, lambda marks: replace(marks, pinned=pinned))


def _tag(store: Store, picked: list[str], add: bool) -> None:
    tags = list(st.session_state["tags_picked"])
    for result_id in picked:
        store.marking.change(result_id, lambda marks: marks.with_tags(**{"add" if add else "drop": tags}))
    st.session_state["tags_picked"] = []


def _delete(store: Store, picked: list[str]) -> None:
    _keep.discard(store, picked)
    _pick([])


def undo(store: Store) -> None:
    """Offer to bring back what was deleted a moment ago."""
    gone = st.session_state.get("discarded", [])
    if not gone:
        return
    what = "1 result" if len(gone) == 1 else f"{len(gone)} results"
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="undo"):
        st.markdown(f"Deleted {what}. For a day it can be undone.")
        _acts.button(
            "Undo", _bring_back, store, gone, changes=True, icon=":material/undo:", key="undo_delete"
        )
        _acts.button("Dismiss", st.session_state.pop, "discarded", key="dismiss_undo", type="tertiary")


def _bring_back(store: Store, gone: list[str]) -> None:
    for result_id in gone:
        store.deleted.bring_back(result_id)
    st.session_state.pop("discarded", None)
