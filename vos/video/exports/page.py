"""One web page with everything in it: player, trajectory, facts; it needs no network."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from vos.errors import InvalidInput
from vos.tracks import Track
from vos.types import Step
from vos.video.draw import colour_table
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import write_film
from vos.video.exports._drawing import Drawing, DrawingOptions
from vos.video.masks import replacing
from vos.video.write import H264, Encoding

LABEL = "Web page (one HTML file)"
WHO = "Everybody: one file to send to someone, plays and explains itself without a network"
SUFFIX = ".html"
_TEMPLATE = Path(__file__).with_name("_page.html")
_LEAST_BIT_RATE = 60_000  # below it nothing can be seen
_BLOCK = 3 << 16  # base64 turns 3 bytes into 4 characters


@dataclass(frozen=True, kw_only=True)
class Options(DrawingOptions):
    """What a user may choose."""

    max_mb: float = field(
        default=25.0, metadata={"help": "Size of the page in MB, at most", "min": 1.0, "max": 500.0}
    )


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write the page; the film in it is as good as the size allows.

    Raises:
        InvalidInput: the clip is too long for a page of this size.
    """
    times_s = source.times_s()
    text = json.dumps(_data(source, options, times_s), ensure_ascii=False).replace("<", "\\u003c")
    room = int(options.max_mb * 1e6) - len(text.encode()) - _TEMPLATE.stat().st_size
    encoding = _within(room * 3 // 4, times_s[-1] + float(1 / source.info.fps), options.max_mb)
    with replacing(target) as part:
        video = part.with_name(f"{part.name}.mp4")
        try:
            yield from write_film(source, video, Drawing(source, options), encoding=encoding)
            if video.stat().st_size > room * 3 // 4:
                raise InvalidInput(_too_long(options.max_mb))
            with part.open("w", encoding="utf-8") as page:
                _write(page, source.title, text, video)
        finally:
            video.unlink(missing_ok=True)


def _within(film_bytes: int, seconds: float, max_mb: float) -> Encoding:
    """Return an encoding whose film of so many seconds has at most so many bytes, sound included."""
    bit_rate = round(0.9 * 8 * film_bytes / (seconds + 1)) - 128_000  # the encoder may run a second ahead
    if bit_rate < _LEAST_BIT_RATE:
        raise InvalidInput(_too_long(max_mb))
    bound = str(min(bit_rate, 40_000_000))
    settings = dict(H264.options) | {"crf": "22", "maxrate": bound, "bufsize": bound}
    return Encoding(H264.container, H264.codec, H264.pixel_format, settings, even=True, muxer=H264.muxer)


def _too_long(max_mb: float) -> str:
    return f"the clip does not fit into a page of {max_mb:g} MB; a larger max_mb, up to 500, is needed"


def _write(page: TextIO, title: str, data: str, video: Path) -> None:
    """Fill the template in; the film goes through in blocks."""
    head, film_and_tail = _TEMPLATE.read_text(encoding="utf-8").split("{{FILM}}")
    texts = {"{{TITLE}}": html.escape(title), "{{DATA}}": data}
    page.write(re.sub(r"{{\w+}}", lambda match: texts[match[0]], head))
    with video.open("rb") as file:
        while block := file.read(_BLOCK):
            page.write(base64.b64encode(block).decode("ascii"))
    page.write(film_and_tail)


def _data(source: Exportable, options: Options, times_s: list[float]) -> dict[str, Any]:
    height, width = source.size_hw
    table = colour_table(_fields.read_colours(options.colours))[:, 0]
    return {
        "width": width,
        "height": height,
        "times": [round(time, 4) for time in times_s],
        "facts": list(source.facts.items()),
        "objects": [
            {"name": track.name, "colour": "#" + bytes(table[track.object_id]).hex(), **_way(track, times_s)}
            for track in source.tracks
        ],
    }


def _way(track: Track, times_s: list[float]) -> dict[str, Any]:
    """Return an object's centres, [x, y] or null a frame, and what the page says about them."""
    steps, speeds = track.speed, track.speed_px_s(times_s)
    moving = bool(np.isfinite(speeds).any())
    rows = zip(track.column("centre_x").tolist(), track.column("centre_y").tolist(), strict=True)
    return {
        "visible": f"{track.visible_share:.0%}",
        "way": f"{np.nansum(steps):.0f} px" if moving else "-",
        "speed": f"{np.nanmean(speeds):.0f} px/s" if moving else "-",
        "centres": [None if math.isnan(x) else [round(x, 1), round(y, 1)] for x, y in rows],
    }
