"""Results as cards in a grid: the whole card is a link, and its film plays under the pointer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages import _parts, _words
from vos.store import Row

TAGS, TAG_LETTERS = 3, 18  # shown of each result

_STYLE = """<style>
.st-key-cards{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1rem;align-items:stretch}
@media(max-width:900px){.st-key-cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem}}
.st-key-cards>[data-testid=stLayoutWrapper]{display:flex}
[class*=st-key-card_]{position:relative;gap:.25rem;flex:1}
[class*=st-key-card_] :is([data-testid=stElementContainer],[data-testid=stHtml]){position:static}
.card{color:inherit!important;text-decoration:none!important;display:block}
.card::after{content:"";position:absolute;inset:0;z-index:1;border-radius:.5rem}
.card:hover::after,.card:focus-visible::after{box-shadow:0 0 0 2px currentColor}
.card:focus-visible{outline:none}
.card b{display:block;margin:.5rem 0 .2rem;overflow-wrap:anywhere}
.card small{opacity:.85}
[class*=st-key-more_]{position:relative!important;z-index:2;margin-top:auto}
[class*=st-key-more_] button{min-height:0;padding:.2rem 0}
[class*=st-key-card_] [data-testid=stCheckbox]{position:absolute;top:1.5rem;left:1.5rem;z-index:2;
padding:.3rem;border-radius:.5rem;background:#000a;outline:1px solid #fff8;line-height:0}
.film>.pin{inset:.5rem .5rem auto auto;width:auto;height:auto;padding:.1rem .6rem;border-radius:.5rem;
background:#000a;color:#fff;font-size:.8rem}
.tag{display:inline-block;max-width:100%;margin:.3rem .3rem 0 0;padding:0 .5rem;border-radius:.6rem;
border:1px solid;opacity:.85;font-size:.8rem;overflow-wrap:anywhere}
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
    pin = '<span class="pin">Pinned</span>' if row.pinned else ""
    tags = [_words.short(tag, TAG_LETTERS) for tag in row.tags[:TAGS]]
    tags += [f"+{len(row.tags) - TAGS}"] if len(row.tags) > TAGS else []
    labels = "".join(f'<span class="tag">{_words.escape(tag)}</span>' for tag in tags)
    with st.container(border=True, key=f"card_{row.id}"):
        st.html(
            f'<a class="card" href="video?result={row.id}">'
            f'<span class="film" data-film="{_parts.file_url(row, "overlay.mp4")}">'
            f'<img src="{_parts.file_url(row, "thumbnail.jpg")}" alt="" loading="lazy">'
            f"{pin}</span>"
            f"<b>{_words.escape(_words.short(row.title, 32))}</b>"
            f"<small>{_words.escape(facts)}</small><div>{labels}</div></a>"
        )
        yield
