"""Keeping results: what a card's menu does, naming and tagging, and the room they may take."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages import _acts
from vos.errors import InvalidInput
from vos.store import Row, Store
from vos.store.marks import TAG_LETTERS
from vos.store.room import GB, LEAST_GB, MOST_GB, Usage, from_environment

NAMED = "named"  # the result whose title and tags are being changed
NAME, PIN, UNPIN, DELETE = "Title and tags", "Pin", "Unpin", "Delete"
ICONS = {NAME: "edit", PIN: "keep", UNPIN: "keep_off", DELETE: "delete"}


def menu(store: Store, row: Row) -> None:
    """Show what can be done with a result, to those who may."""
    if _acts.may_change():
        st.menu_button(
            "More",
            [UNPIN if row.pinned else PIN, NAME, DELETE],
            key=f"more_{row.id}",
            on_click=_acts.whole(_acts.attempt),
            args=(_choose, store, row.id),
            format_func=lambda choice: f":material/{ICONS[choice]}: {choice}",
            type="tertiary",
        )


def _choose(store: Store, result_id: str) -> None:
    choice = st.session_state.get(f"more_{result_id}")
    if choice in (PIN, UNPIN):
        store.marking.change(result_id, lambda marks: replace(marks, pinned=choice == PIN))
    elif choice == NAME:
        st.session_state[NAMED] = result_id
    elif choice == DELETE:
        discard(store, [result_id])


def discard(store: Store, result_ids: list[str]) -> None:
    """Delete results, and remember them for an undo."""
    for result_id in result_ids:
        store.discard(result_id)
    st.session_state["discarded"] = result_ids


def dialog(store: Store) -> None:
    """Show the title and the tags of the result whose menu asked for it, to be changed."""
    result_id = st.session_state.get(NAMED, "")
    result = store.get(result_id) if result_id else None
    if result is None:
        return

    @st.dialog("Title and tags", on_dismiss=_acts.whole(_leave))
    def change() -> None:
        if NAMED not in st.session_state:  # it was saved: this run is of the dialog alone
            st.rerun()
        marks, known = store.marking.of(result_id), store.marking.tags()
        title, tags = f"title_{result_id}", f"tags_{result_id}"
        st.text_input("Title", result.title, max_chars=120, key=title)
        ask_tags(known, marks.tags, tags)
        _acts.button(
            "Save", _save, store, result_id, title, tags, changes=True, type="primary", key="save_named"
        )

    change()


def ask_tags(known: tuple[str, ...], chosen: tuple[str, ...], key: str) -> None:
    """Show a box of tags that takes new ones."""
    st.multiselect(
        "Tags",
        list(known),
        list(chosen),
        key=key,
        accept_new_options=True,
        placeholder="Choose or type a tag, then Enter",
        help=f"Results with the same tag are a collection, found under Show. {TAG_LETTERS} letters at most",
        max_selections=20,
    )


def _save(store: Store, result_id: str, title: str, tags: str) -> None:
    typed = st.session_state[title].strip()
    if not typed:
        raise InvalidInput("the title is empty; one letter at least is needed")
    store.marking.change(result_id, lambda marks: replace(marks, tags=tuple(st.session_state[tags])))
    store.rename(result_id, title=typed)
    _leave()


def _leave() -> None:
    st.session_state.pop(NAMED, None)


def storage(store: Store, usage: Usage) -> None:
    """Show what the results take of the disk, and let it be limited."""
    if not _acts.may_change():
        return
    with st.popover("Storage", icon=":material/hard_drive:", type="tertiary"):
        st.progress(min(1.0, usage.used_bytes / usage.limit_bytes))
        st.caption(
            f"{size(usage.used_bytes)} of {usage.limit_bytes / GB:g} GB. Above that the least recently used "
            f"results make room for new ones; pinned ones ({size(usage.pinned_bytes)}) never do."
        )
        if usage.leaving:
            st.warning(
                f"The {usage.leaving} least recently used results go when the next one comes. "
                "A higher limit, or a pin, keeps them."
            )
        if usage.pinned_bytes > usage.limit_bytes:
            st.warning("What is pinned takes more than the limit alone.")
        if from_environment():
            st.caption("The environment (VOS_CACHE_GB) sets the limit.")
            return
        st.number_input(
            "Limit in GB", LEAST_GB, MOST_GB, usage.limit_bytes / GB, 1.0, format="%.1f", key="limit_gb"
        )
        _acts.button("Set the limit", _limit, store, changes=True, key="set_limit")


def _limit(store: Store) -> None:
    store.room.set_limit(st.session_state["limit_gb"])


def size(count: float) -> str:
    """Return a number of bytes for people."""
    mb = count / 2**20
    return f"{count / GB:.1f} GB" if count >= GB else f"{mb:.0f} MB" if mb >= 10 else f"{mb:.1f} MB"
