"""Words on pages: text as Markdown and HTML may have it, lengths of time, what is too long."""

from __future__ import annotations

import base64
import html
import time

from vos.errors import VosError


def sentence(error: VosError) -> str:
    """Return an error's text as a sentence, safe to show as Markdown."""
    text = str(error).rstrip(".") + "."
    first = text.partition(" ")[0]
    return plain(text if "." in first else text[:1].upper() + text[1:])  # a file's name stays as it is


def plain(text: str) -> str:
    """Return text with nothing in it that Markdown would take for a sign."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>$~:" else c for c in text)


def escape(text: str) -> str:
    """Return text safe inside HTML."""
    return html.escape(text, quote=True)


def image_url(jpeg: bytes) -> str:
    """Return a JPEG as an address that holds it: st.image's own files may be gone before they are fetched."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def short(text: str, most: int = 40) -> str:
    """Return text with its middle left out when it is long."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def ago(then: float) -> str:
    """Return how long ago a moment was, in words."""
    seconds = max(0.0, time.time() - then)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Return a length of time as 8 s, 1:23 min or 1:02:03 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
