"""The objects on nothing: a ProRes 4444 film with alpha and sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports._cut import Cut, CutOptions, write_film
from vos.video.write import Encoding

LABEL = "Cut-out (ProRes 4444 MOV)"
WHO = "Film and TV editors: straight alpha in Final Cut, Premiere, Resolve, After Effects"
SUFFIX = ".mov"
_PRORES = Encoding(
    "mov",
    "prores_ks",
    "yuva444p10le",
    {"profile": "4444", "alpha_bits": "16", "vendor": "apl0", "threads": "2"},
)


Options = CutOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write 10-bit 4:4:4 with straight alpha, at the source's times, with AAC sound where it has sound."""
    yield from write_film(source, target, Cut(source, options).rgba, encoding=_PRORES)
