"""An engine, or masks made elsewhere, on a benchmark: segment, score, and go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vos.benchmark.layouts import Dataset
from vos.benchmark.predictions import Predictions
from vos.benchmark.scores import VideoScores, score_video
from vos.benchmark.sequence import Video, check_size, open_picture
from vos.types import Clip, Frame, Mask, Prompt, Segmenter, Step, VideoInfo
from vos.video.images import FPS
from vos.video.masks import replacing, write_png

VERSION = 2  # of the measures; another one makes stored scores stale


@dataclass(frozen=True)
class Engine:
    """An engine ready to run, and all that its masks depend on: name, options, weights, device, code."""

    segmenter: Segmenter
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """Which sequences of which data set are measured how, and the folder that gets the results."""

    dataset: Dataset
    names: tuple[str, ...]
    measures: tuple[str, ...]
    out: Path


@dataclass(frozen=True)
class RunProgress:
    """`done` of `total` frames (stage "segment") or sequences (stage "score"); what was done last."""

    stage: str
    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Timing:
    """What segmenting took: seconds of the engine alone, the reading of its frames included."""

    frames: int
    seconds: float


def segment(task: Task, engine: Engine) -> Generator[RunProgress, None, None]:
    """Write all masks to `out/masks`; sequences that an earlier run finished are kept.

    Raises:
        InvalidInput: a file of the data set is missing or unreadable.
    """
    videos = [task.dataset.video(name) for name in task.names]
    total, done = sum(len(video.frames) for video in videos), 0
    yield RunProgress("segment", "", 0, total)
    for video in videos:
        files = [video.image(frame) for frame in video.frames]
        key = state_key(engine.facts, [*files, *_truths(video)])
        state = task.out / "timing" / f"{video.name}.json"
        folder = task.out / "masks" / video.name
        whole = all((folder / f"{frame}.png").exists() for frame in video.frames)
        if not whole or load_state(state, key) is None:
            state.unlink(missing_ok=True)  # from now on the folder holds masks of two runs
            taken = 0.0
            with closing(_write_masks(video, engine.segmenter, folder)) as steps:
                for frame, seconds in enumerate(steps, 1):
                    taken = seconds
                    yield RunProgress("segment", video.name, done + frame, total)
            save_state(state, key, {"frames": len(video.frames), "seconds": taken})
        done += len(video.frames)
        yield RunProgress("segment", video.name, done, total)


def timing(task: Task) -> Timing:
    """Add up what the sequences took, whenever `segment` wrote them."""
    found = [_read(task.out / "timing" / f"{name}.json") for name in task.names]
    return Timing(sum(one["frames"] for one in found), sum(one["seconds"] for one in found))


def score(task: Task, predictions: Predictions, workers: int = 1) -> Generator[RunProgress, None, None]:
    """Score all sequences into `out/scores`, in that many processes; scores that still hold are kept.

    Raises:
        InvalidInput: a file is missing, unreadable or of another size.
    """
    total = len(task.names)
    yield RunProgress("score", "", 0, total)
    if workers == 1:
        for done, name in enumerate(task.names, 1):
            yield RunProgress("score", _score(task, predictions, name), done, total)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(1,))
    try:
        futures = [pool.submit(_score, task, predictions, name) for name in task.names]
        for done, future in enumerate(as_completed(futures), 1):
            yield RunProgress("score", future.result(), done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def read_scores(task: Task) -> list[VideoScores]:
    """Read what `score` wrote."""
    return [VideoScores.from_json(_read(task.out / "scores" / f"{name}.json")) for name in task.names]


def _score(task: Task, predictions: Predictions, name: str) -> str:
    video = task.dataset.video(name)
    files = sorted(predictions.folder(name).glob("*.png"))
    key = state_key({"measures": task.measures, "version": VERSION}, [*_truths(video), *files])
    state = task.out / "scores" / f"{name}.json"
    if load_state(state, key) is None:
        save_state(state, key, score_video(video, predictions, task.measures).to_json())
    return name


def _write_masks(video: Video, segmenter: Segmenter, folder: Path) -> Generator[float, None, None]:
    """Write one mask a frame; yield the seconds that the engine has taken so far."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = video.prompts()
    start = prompts[0].frame
    clip = _Frames(video, video.frames[start:])
    for frame in video.frames[:start]:
        write_png(folder / f"{frame}.png", np.zeros(clip.info.size_hw, np.uint8))
    rest = [replace(prompt, frame=prompt.frame - start) for prompt in prompts]
    seconds = 0.0
    with closing(_masks(segmenter, clip, rest)) as masks:
        for frame in clip.frames:
            began = time.perf_counter()
            mask = next(masks, None)
            seconds += time.perf_counter() - began
            assert mask is not None, f"the engine gave no mask for frame {frame}"
            write_png(folder / f"{frame}.png", mask)
            yield seconds


def _masks(segmenter: Segmenter, clip: Clip, prompts: Sequence[Prompt]) -> Generator[Mask, None, None]:
    with closing(segmenter.segment(clip, prompts)) as items:
        for item in items:
            if not isinstance(item, Step):
                yield item.mask


@dataclass(frozen=True)
class _Frames:
    """A sequence's pictures as a clip, from the frame on where its first object appears; see vos.types.Clip.

    They are those that the sequence lists, by their names: what else lies in the folder does not shift them.
    """

    video: Video
    frames: tuple[str, ...]

    @property
    def info(self) -> VideoInfo:
        height, width = self.video.size_hw(self.frames[0])
        count = len(self.frames)
        return VideoInfo("folder", "jpeg", width, height, FPS, count, count / float(FPS))

    def __iter__(self) -> Iterator[Frame]:
        return map(self._read, self.frames)

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        return (self._read(self.frames[index]) for index in indices)

    def _read(self, frame: str) -> Frame:
        path = self.video.image(frame)
        with open_picture(path) as image:
            picture = np.array(image.convert("RGB"))
        check_size(path, picture[..., 0], self.info.size_hw)
        return picture


def _truths(video: Video) -> list[Path]:
    return [video.annotations / f"{frame}.png" for frame in video.annotated]


def state_key(facts: Mapping[str, Any], files: Iterable[Path]) -> str:
    """Return a hash of facts and of files: their names, sizes and times of change."""
    stats = [(file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps([dict(facts), stats], sort_keys=True).encode()).hexdigest()


def load_state(path: Path, key: str) -> Any:
    """Return what `save_state` wrote under this key, or None."""
    try:
        stored = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return stored["data"] if stored["key"] == key else None


def _read(path: Path) -> Any:
    return json.loads(path.read_text())["data"]


def save_state(path: Path, key: str, data: Mapping[str, Any]) -> None:
    """Keep data under a key, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(json.dumps({"key": key, "data": data}))
