"""One clip of many: segmented, or found in the store, and exported; what goes wrong is told, not raised."""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vos import downloads, plugins, segment
from vos.batch.tasks import Task
from vos.downloads import Exported
from vos.errors import InvalidInput, VosError
from vos.net.device import choose
from vos.options import read_options
from vos.prompts.mask_files import read_prompts
from vos.segment import Finished
from vos.store import Store
from vos.types import Job, Options, Result
from vos.video.masks import replacing
from vos.video.read import probe

log = logging.getLogger(__name__)

DONE, CACHED, FAILED, WAITING = "done", "cached", "failed", "waiting"


@dataclass(frozen=True)
class Settings:
    """How all clips are segmented: `store` and `out` are folders, `exports` names; device as for `choose`."""

    engine: str
    options: Options
    store: Path
    out: Path
    exports: tuple[str, ...] = ()
    device: str = "auto"
    precision: str = "auto"

    def files_of(self, name: str) -> list[str]:
        """Return the files that come of a clip, relative to `out`."""
        return [_thumbnail(name), *(_exported(name, export) for export in self.exports)]


@dataclass(frozen=True)
class Outcome:
    """What became of a clip.

    `state` is done, cached (it was stored already), failed, or waiting where the run was stopped before it.
    `confidence` is the mean over its frames, 0..1, None where the engine has no opinion. `doubts` and `notes`
    are sentences; `files` are relative to the report.
    """

    name: str
    clip: str
    state: str = WAITING
    result_id: str = ""
    frames: int = 0
    objects: int = 0
    seconds: float = 0.0
    confidence: float | None = None
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    files: tuple[str, ...] = ()


def waiting(task: Task) -> Outcome:
    """Return the outcome of a clip that nobody has looked at yet."""
    return Outcome(task.name, str(task.clip))


def process(task: Task, settings: Settings, store: Store) -> Outcome:
    """Segment a clip and write its files into `settings.out`; a mistake or a bug is the outcome's `error`."""
    outcome = waiting(task)
    try:
        info = probe(task.clip)
        if not task.masks and plugins.load(plugins.ENGINES, settings.engine).NEEDS_PROMPT:
            wanted = f"there is no {task.name}.png and no folder {task.name} among the masks"
            raise InvalidInput(f"the engine {settings.engine} needs a mask; {wanted}")
        prompts, notes = read_prompts(task.masks, info.size_hw)
        outcome = replace(outcome, notes=tuple(notes))
        job = Job(task.clip, settings.engine, tuple(prompts), settings.options, title=task.name)
        finished = _segment(job, store, settings)
        outcome = _told(outcome, finished)
        return replace(outcome, files=tuple(_write_files(task, settings, store, finished.result)))
    except VosError as error:
        return replace(outcome, state=FAILED, error=str(error))
    except OSError as error:
        return replace(outcome, state=FAILED, error=f"a file cannot be read or written: {error}")
    except Exception as error:  # a bug with one clip must not cost the others
        log.exception("the clip %s failed", task.clip)
        sentence = f"an unexpected {type(error).__name__} stopped it; the log has the details"
        return replace(outcome, state=FAILED, error=sentence)


def _segment(job: Job, store: Store, settings: Settings) -> Finished:
    with closing(segment.run(job, store, device=choose(settings.device, settings.precision))) as steps:
        for item in steps:
            if isinstance(item, Finished):
                return item
    raise AssertionError("a run ended without a result")


def _told(outcome: Outcome, finished: Finished) -> Outcome:
    result = finished.result
    known = [c for c in json.loads(result.files["confidence"].read_bytes()) if c is not None]
    return replace(
        outcome,
        state=CACHED if finished.cached else DONE,
        result_id=result.id,
        frames=result.frames,
        objects=len(result.objects),
        seconds=0.0 if finished.cached else result.seconds["total"],
        confidence=sum(known) / len(known) if known else None,
        doubts=result.warnings,
    )


def _write_files(task: Task, settings: Settings, store: Store, result: Result) -> list[str]:
    _copy(result.files["thumbnail"], settings.out / _thumbnail(task.name))
    for export in settings.exports:
        options = read_options(plugins.EXPORTS, export)
        try:
            with (
                store.workspace() as folder,
                closing(downloads.run_export(store, result, export, options, Path(folder))) as steps,
            ):
                for item in steps:
                    if isinstance(item, Exported):
                        _copy(item.path, settings.out / _exported(task.name, export))
        except VosError as error:
            raise InvalidInput(f"the export {export} failed: {error}") from error
    return settings.files_of(task.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _thumbnail(name: str) -> str:
    return f"thumbnails/{name}.jpg"


def _exported(name: str, export: str) -> str:
    return f"{export}/{name}{Path(downloads.file_of(export)).suffix}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it."""
    return vars(outcome) | {key: list(getattr(outcome, key)) for key in ("doubts", "notes", "files")}
