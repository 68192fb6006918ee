"""All cached results: search, filter, sort, open, delete."""

from __future__ import annotations

import streamlit as st

from pages import _parts
from vos.types import Result

PER_PAGE = 24
ORDERS = {
    "Newest first": lambda r: -r.created,
    "Oldest first": lambda r: r.created,
    "Title": lambda r: r.title.lower(),
    "Longest first": lambda r: -r.frames,
}
jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the results as a grid of pictures."""
    st.title("Gallery")
    results = store.results()
    if not results:
        st.info("Nothing here yet: every finished result is kept here and comes back at once.")
        if st.button("Upload a clip", type="primary", icon=":material/upload:"):
            st.switch_page("upload.py")
        return
    found = _chosen(results)
    st.caption(f"{len(found)} of {len(results)} results · {store.size_bytes() / 2**20:.0f} MB on disk")
    if not found:
        st.info("No result matches; try another word or engine.")
        return
    pages = -(-len(found) // PER_PAGE)
    page = st.pagination(pages, key="gallery_page") if pages > 1 else 1
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    for start in range(0, len(shown), 4):
        for column, result in zip(st.columns(4), shown[start : start + 4], strict=False):
            with column.container(border=True):
                _card(result)


def _chosen(results: list[Result]) -> list[Result]:
    left, middle, right = st.columns([2, 1, 1])
    words = left.text_input("Search", key="search", placeholder="title or object name").lower().split()
    engines = sorted({result.engine for result in results})
    engine = middle.selectbox("Engine", ["All", *engines], key="filter_engine")
    order = right.selectbox("Sort", list(ORDERS), key="order")
    found = [
        result
        for result in results
        if engine in ("All", result.engine)
        and all(word in " ".join([result.title, *result.names.values()]).lower() for word in words)
    ]
    return sorted(found, key=ORDERS[order])


def _card(result: Result) -> None:
    _parts.thumbnail(result)
    st.markdown(f"**{_parts.plain(_parts.short(result.title, 32))}**")
    seen = min(result.visible.values(), default=0.0)
    st.caption(
        f"{result.engine} · {result.frames} frames · visible {100 * seen:.0f} % · "
        f"{_parts.ago(result.created)}"
    )
    with st.container(horizontal=True):
        if st.button("Open", key=f"open_{result.id}", type="primary"):
            _parts.open_result(result.id)
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("This cannot be undone.")
            if st.button("Delete it", key=f"delete_{result.id}"):
                store.delete(result.id)
                st.rerun()


main()
