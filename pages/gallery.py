"""All cached results: search, filter, sort, open, delete; the address keeps where one is."""

from __future__ import annotations

import streamlit as st

from pages import _acts, _cards, _parts, _words
from vos.store import Page, Row

ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "title": "Title", "largest": "Largest first"}
jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the results as a grid of pictures."""
    st.title("Gallery")
    count = store.count()
    _bin()
    if not count:
        st.info("Nothing here yet: every finished result is kept here and comes back at once.")
        _parts.upload_button()
        return
    found = _chosen()
    st.caption(f"{found.total} of {count} results · {store.size_bytes() / 2**20:.0f} MB on disk")
    if not found.total:
        st.info("No result matches; try another word or engine.")
        return
    with _cards.grid():
        for row in found.rows:
            with _cards.card(row):
                _delete(row)
    pages = -(-found.total // _parts.PER_SHEET)
    if pages > 1:
        st.pagination(pages, key="sheet", bind="query-params")


def _chosen() -> Page:
    left, middle, right = st.columns([2, 1, 1])
    words = left.text_input(
        "Search",
        key="search",
        placeholder="part of a title or of an object's name",
        bind="query-params",
        on_change=_acts.whole(_first_sheet),
    )
    engines = ["All", *store.engines()]
    engine = middle.selectbox(
        "Engine",
        engines,
        key="engine",
        bind="query-params",
        on_change=_acts.whole(_first_sheet),
        filter_mode=None,
    )
    order = right.selectbox(
        "Sort",
        list(ORDERS.values()),
        key="sort",
        bind="query-params",
        on_change=_acts.whole(_first_sheet),
        filter_mode=None,
    )
    sort = next(name for name, label in ORDERS.items() if label == (order or ORDERS["newest"]))
    which = {"search": words.strip(), "sort": sort, "engine": "" if engine in ("All", None) else engine}
    sheet = _asked_sheet()
    found = store.page((sheet - 1) * _parts.PER_SHEET, _parts.PER_SHEET, **which)
    if found.total and not found.rows:  # the last of its sheet was deleted
        found = store.page(0, _parts.PER_SHEET, **which)
        _first_sheet()
    return found


def _asked_sheet() -> int:
    """Return the sheet to show, from the pages at the foot or from the address before they are drawn."""
    asked = str(st.session_state.get("sheet") or st.query_params.get("sheet", "1"))
    return max(1, int(asked)) if asked.isdecimal() and len(asked) < 9 else 1


def _first_sheet() -> None:
    st.session_state["sheet"] = 1
    st.query_params.pop("sheet", None)


def _bin() -> None:
    """Offer to bring back what was deleted within a day."""
    gone = store.discarded() if _acts.may_change() else []
    if not gone:
        return
    with st.expander(f"Deleted within a day ({len(gone)})", icon=":material/restore_from_trash:"):
        for one in gone[: _parts.PER_SHEET]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{_words.plain(_words.short(one.title))}** · {_words.ago(one.at)}")
                _acts.button("Bring back", store.bring_back, one.id, changes=True, key=f"back_{one.id}")
        _acts.button("Delete all of these for good", store.empty_bin, changes=True, key="empty_bin")


def _delete(row: Row) -> None:
    if _acts.may_change():
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("For a day it can be brought back.")
            _acts.button("Delete it", store.discard, row.id, changes=True, key=f"delete_{row.id}")


main()
