"""The service: read a clip, run an engine over it, draw, store; a generator of progress."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vos import plugins, weights
from vos.errors import InvalidInput
from vos.folders import explaining
from vos.net import device as devices
from vos.store import Store
from vos.store.finish import finish_of, keep_finish
from vos.types import Device, Job, Options, Result, Segmenter, VideoInfo
from vos.video.finish import Finish
from vos.video.read import open_clip
from vos.work import Progress, Work

__all__ = ["Finished", "Progress", "build", "check", "job_id", "run"]

FORMAT = 2  # part of every key: raise it when stored results change their form


@dataclass(frozen=True)
class Finished:
    """The end of a run: the stored result, and whether it was there already."""

    result: Result
    cached: bool


def build(engine: str, options: Options, device: Device) -> Segmenter:
    """Return an engine by name, ready to segment."""
    module = plugins.load(plugins.ENGINES, engine)
    paths = {weight.name: weights.locate(weight) for weight in weights.needed(module, options)}
    return typing.cast(Segmenter, module.build(paths, device, options))


def job_id(job: Job, digest: str) -> str:
    """Return the key of a request: sha256 over video bytes, engine, weights, options, prompts, span, base."""
    head = {
        "format": FORMAT,
        "clip": digest,
        "engine": job.engine,
        "weights": weights.digests(plugins.load(plugins.ENGINES, job.engine), job.options),
        "options": dataclasses.asdict(job.options),
        "prompts": [(p.frame, p.mask.shape) for p in job.prompts],
    }
    key = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for prompt in job.prompts:
        key.update(prompt.mask.tobytes())
    if any(prompt.gone for prompt in job.prompts):
        key.update(json.dumps(["gone", [(p.frame, p.gone) for p in job.prompts if p.gone]]).encode())
    if job.span or job.base:
        key.update(json.dumps([job.span, job.base, *(["blend"] if job.blend else [])]).encode())
    return key.hexdigest()


def check(job: Job, info: VideoInfo) -> None:
    """Look a request over before it runs.

    Raises:
        InvalidInput: an engine that is not there, a prompt that does not fit the clip, no prompt where the
            engine needs one.
    """
    named = {i for prompt in job.prompts for i in prompt.objects}
    needs_prompt = plugins.load(plugins.ENGINES, job.engine).NEEDS_PROMPT
    if needs_prompt and not named:
        raise InvalidInput(f"the engine {job.engine} needs a mask on at least one frame; got none")
    first, last = job.span or (0, info.frames - 1)
    if not 0 <= first <= last < info.frames:
        raise InvalidInput(f"frames {first} to {last} are to be segmented; there are 0 to {info.frames - 1}")
    for prompt in job.prompts:
        if not first <= prompt.frame <= last:
            raise InvalidInput(f"prompt frame {prompt.frame} is outside {first}..{last}")
        if prompt.mask.shape != info.size_hw:
            height, width = prompt.mask.shape
            raise InvalidInput(
                f"the prompt on frame {prompt.frame} is {width}x{height}; "
                f"the clip is {info.width}x{info.height}"
            )
        if needs_prompt and (unknown := set(prompt.gone) - named):
            raise InvalidInput(
                f"object {min(unknown)} is said to be gone on frame {prompt.frame}, but no mask names it"
            )


def run(
    job: Job,
    store: Store,
    *,
    device: Device | None = None,
    digest: str | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Finished, None, None]:
    """Do a job: yield Progress for every step and frame, then Finished with the stored result.

    A result that the store has comes back at once. Closing the generator cancels the run and
    leaves nothing behind; once `stopping` says so, what has come so far is stored as a result of its own.
    `digest` saves hashing the clip when the caller knows its sha256.

    Raises:
        VosError: the clip cannot be read, or the request does not fit it.
    """
    clip = open_clip(job.clip)
    digest = digest or clip.digest()
    key = job_id(job, digest)
    if stored := store.get(key):
        yield Finished(stored, cached=True)
        return
    check(job, clip.info)
    device = device or devices.choose()
    with explaining(store.folder), store.workspace() as name:
        folder = Path(name)
        base = _borrow_base(job, store, digest, folder)
        stored_clip = folder / "stored.mp4"  # a link: it stays though all results of the clip go
        copy_source = not store.link_clip(digest, stored_clip)
        work = Work(folder, job, clip, copy_source=copy_source, stopping=stopping)
        segmenter = build(job.engine, job.options, device)
        with closing(work.correct(segmenter, base) if base else work.segment(segmenter)) as steps:
            yield from steps
        result = work.store(store, key, digest, device)
        if base and (finish := finish_of(base)) != Finish():
            keep_finish(store, result.id, finish)
            result = store.get(result.id) or result
        yield Finished(result, cached=False)


def _borrow_base(job: Job, store: Store, digest: str, folder: Path) -> Result | None:
    """Return the result that a job corrects, with files that stay while it runs."""
    if not job.base:
        return None
    (folder / "base").mkdir()
    base = store.borrow(job.base, folder / "base")
    if base is None:
        raise InvalidInput("the result to be corrected is not there any more; please track the object anew")
    if base.digest != digest:
        raise InvalidInput("the result to be corrected is of another clip")
    return base
