"""The service: read a clip, run an engine over it, draw, store; a generator of progress."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import time
import typing
import zipfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vos import plugins, weights
from vos.attention import Sheet
from vos.doubts import Doubts
from vos.errors import InvalidInput
from vos.folders import explaining
from vos.net import device as devices
from vos.options import read
from vos.propagate import Stopwatch, Tracked, track
from vos.store import Store
from vos.track_files import to_json
from vos.tracks import TrackBuilder
from vos.types import Device, Job, OptionValue, Prompt, Result, Segmenter, Step, VideoInfo
from vos.video.draw import overlay
from vos.video.masks import MaskWriter, encode_png
from vos.video.read import FileClip, open_clip
from vos.video.write import VideoWriter, plays_in_browsers, thumbnail

FORMAT = 2  # part of every key: raise it when stored results change their form


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run is, in frames; with the newest frame and its mask once there is one.

    `prepared` is how much is over, 0..1, of what comes before the first frame: learning, say.
    """

    done: int
    total: int
    note: str
    tracked: Tracked | None = None
    prepared: float = 0.0


@dataclass(frozen=True)
class Finished:
    """The end of a run: the stored result, and whether it was there already."""

    result: Result
    cached: bool


def read_options(engine: str, given: Mapping[str, OptionValue]) -> typing.Any:
    """Return an engine's Options from names and values; text is read as the option's type.

    Raises:
        InvalidInput: an unknown option, or a value that does not read as its type.
    """
    kind = plugins.load(plugins.ENGINES, engine).Options
    return read(kind, given, f"engine {engine}")


def build(engine: str, options: Mapping[str, OptionValue], device: Device) -> Segmenter:
    """Return an engine by name, ready to segment."""
    module = plugins.load(plugins.ENGINES, engine)
    chosen = read_options(engine, options)
    paths = {weight.name: weights.locate(weight) for weight in weights.needed(module, chosen)}
    return typing.cast(Segmenter, module.build(paths, device, chosen))


def job_id(job: Job, digest: str) -> str:
    """Return the key of a request: sha256 over video bytes, engine, weights, options, prompts."""
    options = read_options(job.engine, job.options)
    head = {
        "format": FORMAT,
        "clip": digest,
        "engine": job.engine,
        "weights": weights.digests(plugins.load(plugins.ENGINES, job.engine), options),
        "options": dataclasses.asdict(options),
        "prompts": [(p.frame, p.mask.shape) for p in job.prompts],
    }
    key = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for prompt in job.prompts:
        key.update(prompt.mask.tobytes())
    return key.hexdigest()


def check(job: Job, info: VideoInfo) -> None:
    """Look a request over before it runs.

    Raises:
        InvalidInput: an engine or option that is not there, a prompt that does not fit the clip,
            no prompt where the engine needs one.
    """
    module = plugins.load(plugins.ENGINES, job.engine)
    read_options(job.engine, job.options)
    if module.NEEDS_PROMPT and not job.prompts:
        raise InvalidInput(f"the engine {job.engine} needs a mask on at least one frame; got none")
    for prompt in job.prompts:
        if prompt.frame >= info.frames:
            raise InvalidInput(f"prompt frame {prompt.frame} is outside 0..{info.frames - 1}")
        if prompt.mask.shape != info.size_hw:
            height, width = prompt.mask.shape
            raise InvalidInput(
                f"the prompt on frame {prompt.frame} is {width}x{height}; "
                f"the clip is {info.width}x{info.height}"
            )


def run(
    job: Job,
    store: Store,
    *,
    device: Device | None = None,
    digest: str | None = None,
) -> Generator[Progress | Finished, None, None]:
    """Do a job: yield Progress for every step and frame, then Finished with the stored result.

    A result that the store has comes back at once. Closing the generator cancels the run and
    leaves nothing behind. `digest` saves hashing the clip when the caller knows its sha256.

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
    with explaining(store.folder), store.workspace() as folder:
        stored_clip = Path(folder) / "stored.mp4"  # a link: it stays though all results of the clip go
        work = _Work(Path(folder), job, clip, copy_source=not store.link_clip(digest, stored_clip))
        with closing(work.frames(build(job.engine, job.options, device))) as frames:
            yield from frames
        yield Finished(work.store(store, key, digest, device), cached=False)


class _Work:
    """One run's half-made files and counts."""

    def __init__(self, folder: Path, job: Job, clip: FileClip, *, copy_source: bool) -> None:
        self._folder, self._job, self._clip = folder, job, clip
        self._watch, self._start = Stopwatch(), time.perf_counter()
        self._tracks, self._attention = TrackBuilder(), Sheet(clip.info.frames)
        self._confidence: list[float | None] = []
        self._doubts = Doubts(prompt.frame for prompt in job.prompts)
        self._copy_source = copy_source
        self._as_it_is = job.clip.is_file() and plays_in_browsers(clip.info)

    def _path(self, name: str) -> Path:
        return self._folder / name

    def frames(self, segmenter: Segmenter) -> Generator[Progress, None, None]:
        """Segment, draw and encode, frame by frame."""
        clip, watch = self._clip, self._watch
        total = clip.info.frames
        with contextlib.ExitStack() as files:
            film = files.enter_context(self._video("overlay"))
            source = None
            if self._copy_source and not self._as_it_is:
                source = files.enter_context(self._video("source"))
            masks = files.enter_context(MaskWriter(self._path("masks")))
            items = files.enter_context(
                closing(track(clip, segmenter, self._job.prompts, self._path("spool"), watch))
            )
            for item in items:
                if isinstance(item, Step):
                    share = item.done / max(item.total, 1)
                    yield Progress(0, total, f"{item.note}: {item.done} of {item.total}", prepared=share)
                    continue
                with watch("render"):
                    drawn = overlay(item.frame, item.mask)
                with watch("encode"):
                    film.add(drawn, item.pts, item.duration)
                    if source:
                        source.add(item.frame, item.pts, item.duration)
                with watch("pack"):
                    masks.add(item.mask)
                    self._tracks.add(item.mask)
                self._note(item)
                yield Progress(item.index + 1, max(total, item.index + 1), "segmenting", item)
            with watch("encode"):
                files.close()

    def _video(self, name: str) -> VideoWriter:
        info = self._clip.info
        return VideoWriter(self._path(f"{name}.mp4"), info.size_hw, fps=info.fps, audio=self._clip.audio)

    def _note(self, item: Tracked) -> None:
        sure = item.confidence
        self._confidence.append(None if math.isnan(sure) else round(sure, 4))
        self._attention.add(item)
        self._doubts.add(item.frame)
        middle = self._path("thumbnail")
        if not middle.exists() or item.index == self._clip.info.frames // 3:
            middle.write_bytes(thumbnail(overlay(item.frame, item.mask), 480))

    def store(self, store: Store, key: str, digest: str, device: Device) -> Result:
        """Put what was made into the store."""
        job, clip = self._job, self._clip
        tracks = self._tracks.tracks({i for prompt in job.prompts for i in prompt.objects})
        frames = len(self._confidence)
        self._path("tracks").write_text(to_json(tracks))
        self._path("confidence").write_text(json.dumps(self._confidence))
        self._path("prompts").write_bytes(prompts_zip(job.prompts))
        self._watch.seconds["total"] = time.perf_counter() - self._start
        result = Result(
            id=key,
            title=job.title or job.clip.stem,
            created=time.time(),
            engine=job.engine,
            options=dataclasses.asdict(read_options(job.engine, job.options)),
            device=device,
            digest=digest,
            info=dataclasses.replace(clip.info, frames=frames),
            frames=frames,
            names={t.object_id: job.names[t.object_id] for t in tracks if t.object_id in job.names},
            prompt_frames=tuple(p.frame for p in job.prompts),
            visible={t.object_id: t.visible_share for t in tracks},
            seconds={stage: round(s, 4) for stage, s in self._watch.seconds.items()},
            warnings=clip.warnings
            + self._doubts.sentences(tracks, self._confidence, job.names, _known(job.prompts)),
        )
        files = {name: self._path(name) for name in ("masks", "thumbnail", "tracks", "confidence", "prompts")}
        files["overlay"] = self._path("overlay.mp4")
        if sheet := self._attention.jpeg():
            files["attention"] = self._path("attention")
            files["attention"].write_bytes(sheet)
        if clip.frame_names:
            files["frame_names"] = self._path("frame_names")
            files["frame_names"].write_text(json.dumps(clip.frame_names))
        if not self._copy_source:
            files["source"] = self._path("stored.mp4")
        else:
            files["source"] = job.clip if self._as_it_is else self._path("source.mp4")
        return store.put(result, files)


def _known(prompts: Sequence[Prompt]) -> dict[int, int]:
    """Return the frame from which on each object is looked for: all, for those of the first prompt."""
    first: dict[int, int] = {}
    for number, prompt in enumerate(prompts):
        for i in prompt.objects:
            first.setdefault(i, prompt.frame if number else 0)
    return first


def prompts_zip(prompts: Sequence[Prompt]) -> bytes:
    """Return the prompts as a zip of palette PNGs, 00040.png for frame 40."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for prompt in prompts:
            archive.writestr(zipfile.ZipInfo(f"{prompt.frame:05d}.png"), encode_png(prompt.mask))
    return buffer.getvalue()
