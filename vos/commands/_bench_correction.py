"""bench --correction: what correcting a frame of a result costs beside making it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vos import segment
from vos.drafts.retouch import grow
from vos.segment import Finished
from vos.store import Store
from vos.types import Device, Job, Mask, Options, Prompt, Result
from vos.video.masks import MaskReader

FRAMES, AT = 300, 200
HELP = f"measure a correction of frame {AT} of {FRAMES} instead; seconds of all cores together"


@dataclass(frozen=True)
class Row:
    """Seconds of computing, of all cores together: a busy machine does not change them much."""

    engine: str
    whole_s: float
    correction_s: float

    @property
    def share(self) -> float:
        """The correction's seconds as a share of the whole's."""
        return self.correction_s / self.whole_s


def measure(clip: Path, mask: Mask, engines: Mapping[str, Options], device: Device) -> Iterator[Row]:
    """Yield a row for each engine; mask: of the first frame. The correction makes object 1 a pixel larger."""
    first = Prompt(0, mask)
    for engine, options in engines.items():
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
            job = Job(clip, engine, (first,), options)
            base, whole_s = _timed(job, store, device)
            with MaskReader(base.files["masks"]) as masks:
                fix = Prompt(AT, grow((masks[AT] == 1).view(np.uint8), 1))
            _, correction_s = _timed(replace(job, prompts=(first, fix), base=base.id), store, device)
        yield Row(engine, whole_s, correction_s)


def _timed(job: Job, store: Store, device: Device) -> tuple[Result, float]:
    start = time.process_time()
    for item in segment.run(job, store, device=device):
        if isinstance(item, Finished):
            return item.result, time.process_time() - start
    raise AssertionError("a run ended without a result")
