"""All cached results: search, filter, sort, open, keep, take along, delete; the address says where one is."""

from __future__ import annotations

import streamlit as st

from pages import _acts, _cards, _keep, _parts, _picked, _words
from vos.store import Page
from vos.store.room import GB

ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "title": "Title", "largest": "Largest first"}
PINNED = "Pinned"
_STYLE = """<style>
.st-key-filters{display:grid;grid-template-columns:2fr 1fr 1fr 1fr;gap:1rem}
@media(max-width:900px){.st-key-filters{grid-template-columns:repeat(3,minmax(0,1fr));gap:.6rem}
.st-key-filters>:first-child{grid-column:1/-1}.st-key-filters [data-testid=stSelectbox] *{font-size:.8rem}}
</style>"""
jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the results as a grid of pictures."""
    st.title("Gallery")
    count = store.count()
    _picked.undo(store)
    _bin()
    if not count:
        st.info("Nothing here yet: every finished result is kept here and comes back at once.")
        _parts.upload_button()
        return
    which = _asked()
    found = _sheet(which)
    with st.container(horizontal=True, vertical_alignment="center", key="summary"):
        usage = store.room.usage()
        st.caption(
            f"{found.total} of {count} results · "
            f"{_keep.size(usage.used_bytes)} of {usage.limit_bytes / GB:g} GB used",
            width="content",
        )
        _keep.storage(store, usage)
    if not found.total:
        st.info("No result matches; try another word, tag or engine.")
    else:
        with _cards.grid():
            for row in found.rows:
                with _cards.card(row):
                    _picked.tick(row)
                    _keep.menu(store, row)
        if (sheets := -(-found.total // _parts.PER_SHEET)) > 1:
            st.pagination(sheets, key="sheet", bind="query-params")
    _picked.bar(store, [row.id for row in found.rows], which, found.total)
    _keep.dialog(store)


def _asked() -> dict[str, str | bool]:
    """Show what can be asked for, and return it as `Store.page` takes it."""
    st.html(_STYLE)
    plain = {"bind": "query-params", "on_change": _acts.whole(_first_sheet)}
    tags = {f"#{tag}": tag for tag in store.marking.tags()}
    with st.container(key="filters"):
        words = st.text_input("Search", key="search", placeholder="title, object or tag", **plain)
        shown = st.selectbox("Show", ["All", PINNED, *tags], key="show", filter_mode=None, **plain)
        engines = ["All", *store.engines()]
        engine = st.selectbox("Engine", engines, key="engine", filter_mode=None, **plain)
        order = st.selectbox("Sort", list(ORDERS.values()), key="sort", filter_mode=None, **plain)
    return {
        "search": words.strip(),
        "sort": next(name for name, label in ORDERS.items() if label == (order or ORDERS["newest"])),
        "engine": "" if engine in ("All", None) else engine,
        "tag": tags.get(shown or "", ""),
        "pinned": shown == PINNED,
    }


def _sheet(which: dict[str, str | bool]) -> Page:
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
    gone = store.deleted.all() if _acts.may_change() else []
    if not gone:
        return
    with st.expander(f"Deleted within a day ({len(gone)})", icon=":material/restore_from_trash:"):
        for one in gone[: _parts.PER_SHEET]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{_words.plain(_words.short(one.title))}** · {_words.ago(one.at)}")
                _acts.button(
                    "Bring back", store.deleted.bring_back, one.id, changes=True, key=f"back_{one.id}"
                )
        if len(gone) > _parts.PER_SHEET:
            st.caption(f"and {len(gone) - _parts.PER_SHEET} more, deleted before these")
        _acts.button("Delete all of these for good", store.deleted.empty, changes=True, key="empty_bin")


main()
