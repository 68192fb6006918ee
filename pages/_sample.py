"""The sample clip as the pages use it: drawn once, kept with the uploads."""

from __future__ import annotations

import functools
import hashlib

from pages import _drafts
from vos import uploads
from vos.benchmark import compare
from vos.benchmark.compare import Truth
from vos.jobs import JobRunner
from vos.uploads import Upload
from vos.video import sample
from vos.video.draw import overlay
from vos.video.masks import MaskReader
from vos.video.write import thumbnail

NAME = "Sample clip"


def upload(jobs: JobRunner) -> Upload:
    """Return the sample clip among the uploads; the first call draws it, which takes seconds."""
    folder = jobs.store.folder
    path = folder / f"sample-{sample.version()}.mp4"
    if not path.exists():
        sample.write(path)
    with path.open("rb") as file:
        return uploads.keep(file, f"{NAME}.mp4", folder / "uploads")


def digest(jobs: JobRunner) -> str:
    """Return the sample's sha256, or "" while it was never drawn."""
    path = jobs.store.folder / f"sample-{sample.version()}.mp4"
    return _digest(str(path), path.stat().st_mtime) if path.exists() else ""


@functools.cache
def _digest(path: str, modified: float) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def truth(jobs: JobRunner) -> Truth:
    """Return the sample's exact masks; the first call draws them."""
    path = jobs.store.folder / f"sample-{sample.version()}.masks"
    if not path.exists():
        return compare.sample_truth(path)
    with MaskReader(path) as masks:
        return Truth(path, range(len(masks)))


def start(jobs: JobRunner) -> None:
    """Make a draft of the sample clip with its exact first mask, and start its job."""
    draft = _drafts.new(upload(jobs), jobs.store, title=NAME)
    draft = _drafts.edit(draft, jobs.store, lambda draft: draft.set_mask(0, sample.prompt()))
    _drafts.submit(draft, jobs)


@functools.cache
def picture() -> bytes:
    """Return the sample's first frame with its mask, as JPEG."""
    frame, mask = next(sample.frames(1))
    return thumbnail(overlay(frame, mask), 854)
