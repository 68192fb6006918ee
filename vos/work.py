"""One run's half-made files: frames with masks come in, and a result goes to the store."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vos.attention import Sheet
from vos.correct import Change, apply_change, find_changes, find_rest
from vos.doubts import Doubts
from vos.errors import Cancelled
from vos.prompts.gone import Gone
from vos.prompts.stored import pack_prompts
from vos.propagate import MaskedFrame, Stopwatch, propagate
from vos.redraw import Redrawing, find_changed
from vos.store import Store
from vos.tracks import TrackBuilder
from vos.tracks.files import to_json
from vos.types import Device, Job, Prediction, Prompt, Result, Segmenter, Step
from vos.video.draw import overlay
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip
from vos.video.write import VideoWriter, plays_in_browsers, thumbnail

Items = Generator[MaskedFrame | Step, None, None]


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run is, in frames; with the newest frame and its mask once there is one.

    `prepared` is how much is over, 0..1, of what comes before the first frame: learning, say.
    """

    done: int
    total: int
    note: str
    seen: MaskedFrame | None = None
    prepared: float = 0.0


class Work:
    """The files and counts of one run. `stopping` says that what has come is to be kept as it is."""

    def __init__(
        self, folder: Path, job: Job, clip: FileClip, *, copy_source: bool, stopping: Callable[[], bool]
    ) -> None:
        self._folder, self._job, self._clip, self._stopping = folder, job, clip, stopping
        self._watch, self._start = Stopwatch(), time.perf_counter()
        self._tracks, self._attention = TrackBuilder(), Sheet(clip.info.frames)
        self._confidence: list[float | None] = []
        self._doubts = Doubts(prompt.frame for prompt in job.prompts if prompt.objects)
        self._copy_source = copy_source
        self._as_it_is = job.clip.is_file() and plays_in_browsers(clip.info)
        self._stopped, self._parent, self._note = False, "", ""
        self._base: Result | None = None  # of which everything stays that has not changed
        self._warnings: tuple[str, ...] = ()

    def _path(self, name: str) -> Path:
        return self._folder / name

    def segment(self, segmenter: Segmenter) -> Generator[Progress, None, None]:
        """Segment the clip from its prompts on, frame by frame."""
        job = self._job
        items = propagate(self._clip, segmenter, job.prompts, self._path("spool"), self._watch, span=job.span)
        yield from self._make(items, "segmenting")

    def correct(self, segmenter: Segmenter, base: Result) -> Generator[Progress, None, None]:
        """Put right what the prompts change in a result of the same clip; all else stays as it is."""
        masks, job = self._path("changed"), self._job
        shutil.copyfile(base.files["masks"], masks)
        sure = [
            math.nan if value is None else value for value in json.loads(base.files["confidence"].read_text())
        ]
        prompts, changes = self._find_changes(masks)
        frames = sorted({change.frame for change in changes})
        where = f"corrected on frame {', '.join(map(str, frames))}" if frames else "nothing was changed"
        self._parent, self._note = base.id, where
        done, total = 0, sum(len(change.order) for change in changes if not change.gone)
        for change in changes:
            if self._stopped and not change.gone:
                continue
            steps = apply_change(self._clip, segmenter, prompts, change, masks, sure, self._note_stop)
            with closing(steps):
                for item in steps:
                    if isinstance(item, Step):
                        yield _step_progress(item, total)
                        continue
                    done += 1
                    yield Progress(done, total, f"correcting from frame {change.frame}", item)
        self._watch.add("segment", time.perf_counter() - self._start)
        self._stopping = lambda: False  # what is left is to be drawn to its end
        if (yield from self._redraw(base, masks, sure)):
            self._base = base
        else:
            yield from self._make(self._changed(masks, sure, job), "drawing")

    def _redraw(self, base: Result, masks: Path, sure: Sequence[float]) -> Generator[Progress, None, bool]:
        """Draw only what has changed since a result; False, and nothing is done, where all has to be drawn.

        So it is where frames have come, or an earlier version made the result.
        """
        changed = find_changed(base.files["masks"], masks)
        if changed is None or self._copy_source or "notes" not in base.files:
            return False
        work = Redrawing(self._clip, base.files["overlay"], changed, self._path("overlay.mp4"))
        if work.frames != base.frames:
            return False
        with MaskReader(masks) as stored:
            for done, item in enumerate(work.draw(stored, sure, self._watch), 1):
                self._doubts.look(item.index, item.frame)
                self._take_thumbnail(item, first=False)
                yield Progress(done, work.total, "drawing", item)
            with self._watch("encode"):
                if not work.write():
                    return False
            with self._watch("pack"):
                for mask in stored:
                    self._tracks.add(mask)
        os.replace(masks, self._path("masks"))
        known = json.loads(base.files["notes"].read_text())
        self._doubts.recall(known)
        self._warnings = tuple(map(str, known["warnings"]))
        self._confidence = [_rounded(value) for value in sure]
        return True

    def _find_changes(self, masks: Path) -> tuple[Sequence[Prompt], Sequence[Change]]:
        """Return the prompts and what they change; the newest mask of a stopped job is a prompt, too."""
        first, last = self._job.span or (0, self._clip.info.frames - 1)
        with MaskReader(masks) as stored:
            changes = find_changes(stored, self._job.prompts, first, last, blend=self._job.blend)
            if rest := find_rest(stored, self._job.prompts, last):
                end = len(stored) - 1
                newest = stored[end]
                known = any(prompt.frame == end for prompt in self._job.prompts)
                more = [] if known or not newest.any() else [Prompt(end, newest)]
                ordered = sorted((*changes, *rest), key=lambda change: change.gone)  # what is gone goes last
                return (*self._job.prompts, *more), ordered
        return self._job.prompts, changes

    def _note_stop(self) -> bool:
        self._stopped = self._stopped or self._stopping()
        return self._stopped

    def _changed(self, masks: Path, sure: Sequence[float], job: Job) -> Items:
        with MaskReader(masks) as stored:
            for timed in self._clip.timed():
                if timed.index >= len(stored):
                    return
                prediction = Prediction(stored[timed.index], sure[timed.index])
                yield MaskedFrame(timed, prediction)

    def _make(self, items: Items, note: str) -> Generator[Progress, None, None]:
        """Draw, encode and pack frames as they come; at a stop, those that have come."""
        clip, watch = self._clip, self._watch
        total = clip.info.frames
        with contextlib.ExitStack() as files:
            film = files.enter_context(self._video("overlay"))
            source = None
            if self._copy_source and not self._as_it_is:
                source = files.enter_context(self._video("source"))
            masks = files.enter_context(MaskWriter(self._path("masks")))
            for item in files.enter_context(closing(items)):
                if isinstance(item, Step):
                    yield _step_progress(item, total)
                    continue
                timed = item.timed
                with watch("render"):
                    drawn = overlay(item.frame, item.mask)
                with watch("encode"):
                    film.add(drawn, timed.pts, timed.duration)
                    if source:
                        source.add(item.frame, timed.pts, timed.duration)
                with watch("pack"):
                    masks.add(item.mask)
                    self._tracks.add(item.mask)
                self._take_notes(item)
                yield Progress(item.index + 1, max(total, item.index + 1), note, item)
                if self._note_stop():
                    break
            if self._stopped and not self._confidence:
                raise Cancelled("the job was stopped before its first frame")
            with watch("encode"):
                files.close()

    def _video(self, name: str) -> VideoWriter:
        info = self._clip.info
        return VideoWriter(self._path(f"{name}.mp4"), info.size_hw, fps=info.fps, audio=self._clip.audio)

    def _take_notes(self, item: MaskedFrame) -> None:
        sure = item.prediction.confidence
        self._confidence.append(_rounded(sure))
        self._attention.add(item)
        self._doubts.add(item.frame)
        self._take_thumbnail(item, first=not self._path("thumbnail").exists())

    def _take_thumbnail(self, item: MaskedFrame, *, first: bool) -> None:
        if first or item.index == self._clip.info.frames // 3:
            self._path("thumbnail").write_bytes(thumbnail(overlay(item.frame, item.mask), 480))

    def store(self, store: Store, key: str, digest: str, device: Device) -> Result:
        """Put what was made into the store; what was stopped has another id than what is whole."""
        job, clip = self._job, self._clip
        tracks = self._tracks.tracks({i for prompt in job.prompts for i in prompt.objects})
        frames = len(self._confidence)
        if self._stopped:
            with self._path("masks").open("rb") as made:
                key = hashlib.sha256(key.encode() + hashlib.file_digest(made, "sha256").digest()).hexdigest()
        warnings = self._warnings if self._base else clip.warnings
        self._watch.seconds["total"] = time.perf_counter() - self._start
        result = Result(
            id=key,
            title=job.title or job.clip.stem,
            created=time.time(),
            engine=job.engine,
            options=dataclasses.asdict(job.options),
            device=device,
            digest=digest,
            info=dataclasses.replace(clip.info, frames=frames),
            frames=frames,
            names={t.object_id: job.names[t.object_id] for t in tracks if t.object_id in job.names},
            prompt_frames=tuple(p.frame for p in job.prompts),
            visible={t.object_id: t.visible_share for t in tracks},
            seconds={stage: round(s, 4) for stage, s in self._watch.seconds.items()},
            warnings=warnings
            + self._doubts.sentences(
                tracks, self._confidence, job.names, _known(job.prompts), Gone(job.prompts).at
            ),
            span=job.span,
            parent=self._parent,
            note=self._note,
            missing=clip.info.frames - frames if self._stopped else 0,
        )
        self._path("tracks").write_text(to_json(tracks))
        self._path("confidence").write_text(json.dumps(self._confidence))
        self._path("prompts").write_bytes(pack_prompts(job.prompts))
        self._path("notes").write_text(json.dumps(self._doubts.to_json() | {"warnings": warnings}))
        return store.put(result, dict(self._files()))

    def _files(self) -> Iterator[tuple[str, Path]]:
        for name in ("masks", "thumbnail", "tracks", "confidence", "prompts", "notes"):
            if name == "thumbnail" and self._base and not self._path(name).exists():
                yield name, self._base.files[name]
            else:
                yield name, self._path(name)
        yield "overlay", self._path("overlay.mp4")
        if sheet := self._attention.jpeg():
            self._path("attention").write_bytes(sheet)
            yield "attention", self._path("attention")
        elif self._base and "attention" in self._base.files:
            yield "attention", self._base.files["attention"]
        if names := self._clip.frame_names:
            self._path("frame_names").write_text(json.dumps(names))
            yield "frame_names", self._path("frame_names")
        if not self._copy_source:
            yield "source", self._path("stored.mp4")
        else:
            yield "source", self._job.clip if self._as_it_is else self._path("source.mp4")


def _rounded(sure: float) -> float | None:
    return None if math.isnan(sure) else round(sure, 4)


def _step_progress(step: Step, total: int) -> Progress:
    share = step.done / max(step.total, 1)
    return Progress(0, total, f"{step.note}: {step.done} of {step.total}", prepared=share)


def _known(prompts: Sequence[Prompt]) -> dict[int, int]:
    """Return the frame from which on each object is looked for: all, for those of the first prompt."""
    first: dict[int, int] = {}
    for number, prompt in enumerate(prompts):
        for i in prompt.objects:
            first.setdefault(i, prompt.frame if number else 0)
    return first
