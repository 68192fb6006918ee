"""The objects on nothing: a VP9 film with alpha and sound, for web pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports._cut import Cut, CutOptions, write_film
from vos.video.write import Encoding

LABEL = "Cut-out (WebM with alpha)"
WHO = "Web pages and streamers: plays transparent in Chrome, Edge, Firefox and OBS"
SUFFIX = ".webm"
# auto-alt-ref makes frames that are not shown, which the muxer of alpha cannot pair
_VP9 = {"b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "threads": "2", "auto-alt-ref": "0"}


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    quality: int = field(
        default=24, metadata={"help": "0 is the best and largest, 63 the smallest", "min": 0, "max": 63}
    )


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write VP9 4:2:0 with straight alpha; times in whole milliseconds, Opus sound where there is sound."""
    encoding = Encoding("webm", "libvpx-vp9", "yuva420p", _VP9 | {"crf": str(options.quality)}, "libopus")
    yield from write_film(source, target, Cut(source, options).rgba, encoding=encoding)
