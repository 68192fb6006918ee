"""Results as cards in a grid: the whole card is a link, and its film plays under the pointer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages import _parts, _words
from vos.store import Row

_STYLE = """<style>
.st-key-cards{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1rem}
@media(max-width:900px){.st-key-cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem}}
[class*=st-key-card_]{position:relative;gap:.5rem;height:100%}
[class*=st-key-card_] :is([data-testid=stElementContainer],[data-testid=stHtml]){position:static}
.card{color:inherit!important;text-decoration:none!important;display:block}
.card::after{content:"";position:absolute;inset:0;z-index:1;border-radius:.5rem}
.card:hover::after,.card:focus-visible::after{box-shadow:0 0 0 2px currentColor}
.card:focus-visible{outline:none}
.card b{display:block;margin:.5rem 0 .2rem;overflow-wrap:anywhere}
.card small{opacity:.85}
[class*=st-key-card_] [data-testid=stPopover]{position:relative;z-index:2}
.film{position:relative;display:block;aspect-ratio:16/9;border-radius:.6rem;overflow:hidden;background:#000}
.film>*{position:absolute;inset:0;width:100%;height:100%;object-fit:cover}
</style>"""

# One set of listeners for the browser page's life. A film is fetched when it is looked at, and let go
# afterwards. A link goes there as the buttons Back and Forward do: st.page_link and st.switch_page leave
# this page's address with the other's query in the history, and Back would lead to that.
_BEHAVE = """<script>
if (!window.vosCards) {
  window.vosCards = true;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let shown = null;
  const look = (event) => {
    const film = event.target.closest?.(".card")?.querySelector(".film") ?? null;
    if (film === shown) return;
    shown?.querySelector("video")?.remove();
    shown = film;
    if (!film || still.matches) return;
    film.append(Object.assign(document.createElement("video"),
      {src: film.dataset.film, muted: true, loop: true, playsInline: true, autoplay: true}));
  };
  document.addEventListener("pointerover", look);
  document.addEventListener("focusin", look);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.card");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState({}, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate", {state: {}}));
  });
}
</script>"""


@contextmanager
def grid() -> Iterator[None]:
    """Lay out cards: four in a row, two on a phone."""
    st.html(_STYLE)
    st.html(_BEHAVE, unsafe_allow_javascript=True)
    with st.container(key="cards"):
        yield


@contextmanager
def card(row: Row) -> Iterator[None]:
    """Show a result as a card that leads to its page; what is shown in the block stands at its foot."""
    objects = f"{row.objects} object{'' if row.objects == 1 else 's'}"
    facts = f"{row.engine} · {row.frames} frames · {objects} · {_words.ago(row.created)}"
    with st.container(border=True, key=f"card_{row.id}"):
        st.html(
            f'<a class="card" href="video?result={row.id}">'
            f'<span class="film" data-film="{_parts.file_url(row, "overlay.mp4")}">'
            f'<img src="{_parts.file_url(row, "thumbnail.jpg")}" alt="" loading="lazy"></span>'
            f"<b>{_words.escape(_words.short(row.title, 32))}</b>"
            f"<small>{_words.escape(facts)}</small></a>"
        )
        yield
