"""What corrections are worth: the worst frame is put right by its own truth, round after round."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from vos.benchmark.overlap import jaccard, mean, regions
from vos.benchmark.predictions import Predictions
from vos.benchmark.run import Engine, RunProgress, Task, load_state, read_scores, save_state, score, state_key
from vos.benchmark.scores import VideoScores, number, summarise
from vos.benchmark.sequence import Video
from vos.correct import apply_change, find_changes, merge_prompts
from vos.errors import InvalidInput
from vos.types import Prompt, object_ids
from vos.video.masks import MaskReader, MaskWriter, replacing, write_png
from vos.video.read import FileClip, open_clip

FOLDER = "corrections"


def after(task: Task, count: int) -> Task:
    """Return the task whose folder has the masks and scores after so many corrections."""
    return replace(task, out=task.out / FOLDER / str(count)) if count else task


def correct(task: Task, engine: Engine, rounds: int) -> Generator[RunProgress, None, None]:
    """Correct what `segment` wrote, up to so many times a sequence; masks go where `after` says.

    Sequences that an earlier run finished are kept.

    Raises:
        InvalidInput: a file of the data set is missing or unreadable, or a folder has other pictures, too.
    """
    videos = [task.dataset.video(name) for name in task.names]
    total, done = rounds * sum(len(video.frames) for video in videos), 0
    yield RunProgress("correct", "", 0, total)
    for video in videos:
        files = sorted((task.out / "masks" / video.name).glob("*.png"))
        key = state_key({**engine.facts, "rounds": rounds}, files)
        state = task.out / FOLDER / f"{video.name}.json"
        if load_state(state, key) is None:
            state.unlink(missing_ok=True)
            with closing(_correct_video(task, video, engine, rounds)) as steps:
                frames = []
                for frame in steps:
                    frames.append(frame)
                    yield RunProgress("correct", video.name, done + len(frames) * len(video.frames), total)
            save_state(state, key, {"frames": frames})
        done += rounds * len(video.frames)
        yield RunProgress("correct", video.name, done, total)


def _correct_video(task: Task, video: Video, engine: Engine, rounds: int) -> Generator[int, None, None]:
    """Yield the frames as they are corrected, with all that follows from it."""
    clip, before = open_clip(video.images), Predictions(task.out / "masks")
    if clip.info.frames != len(video.frames):
        raise InvalidInput(f"{video.images} has {clip.info.frames} pictures; {len(video.frames)} are listed")
    prompts: tuple[Prompt, ...] = video.prompts()
    packed = after(task, rounds).out / f"{video.name}.masks"
    packed.parent.mkdir(parents=True, exist_ok=True)
    try:
        with MaskWriter(packed) as writer:
            for frame in video.frames:
                writer.add(before.mask(video, frame))
        for count in range(1, rounds + 1):
            worst = _worst(video, packed, {prompt.frame for prompt in prompts})
            if worst is not None:
                prompts = merge_prompts(prompts, [Prompt(worst, video.truth(video.frames[worst]))])
                _propagate(clip, engine, prompts, packed)
            _unpack(video, packed, after(task, count).out / "masks" / video.name)
            yield -1 if worst is None else worst
    finally:
        packed.unlink(missing_ok=True)


def _worst(video: Video, packed: Path, prompted: set[int]) -> int | None:
    """Return the frame with the least overlap, of those that count and can be prompted; None without any."""
    objects, found = sorted(video.starts), []
    counted = {frame for frames in video.scored.values() for frame in frames}
    with MaskReader(packed) as masks:
        for index, frame in enumerate(video.frames):
            if index in prompted or frame not in counted:
                continue
            truth = video.truth(frame)
            if object_ids(truth):
                pairs = regions(truth, masks[index], objects)
                found.append((mean(jaccard(true, mine) for true, mine in pairs), index))
    return min(found)[1] if found else None


def _propagate(clip: FileClip, engine: Engine, prompts: Sequence[Prompt], packed: Path) -> None:
    sure = [1.0] * clip.info.frames
    with MaskReader(packed) as masks:
        changes = find_changes(masks, prompts, 0, clip.info.frames - 1)
    for change in changes:
        for _ in apply_change(clip, engine.segmenter, prompts, change, packed, sure):
            pass


def _unpack(video: Video, packed: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with MaskReader(packed) as masks:
        for frame, mask in zip(video.frames, masks, strict=True):
            write_png(folder / f"{frame}.png", mask)


def score_rounds(task: Task, rounds: int, workers: int = 1) -> Generator[RunProgress, None, None]:
    """Score the masks after each correction, as `score` does; those before any are scored already."""
    for count in range(1, rounds + 1):
        part = after(task, count)
        yield from score(part, Predictions(part.out / "masks"), workers)


def write_rounds(task: Task, rounds: int) -> list[dict[str, Any]]:
    """Write corrections.json; return the means after 0, 1, ... corrections, and each sequence's."""
    found = []
    for count in range(rounds + 1):
        scores = read_scores(after(task, count))
        found.append({"corrections": count, **_means(scores, task.measures)})
    states = {name: task.out / FOLDER / f"{name}.json" for name in task.names}
    frames = {name: json.loads(state.read_text())["data"]["frames"] for name, state in states.items()}
    with replacing(task.out / "corrections.json") as part:
        part.write_text(json.dumps({"rounds": found, "corrected": frames}, indent=2) + "\n")
    return found


def _means(scores: Sequence[VideoScores], measures: Sequence[str]) -> Mapping[str, Any]:
    kept = [measure for measure in measures if measure != "T"]
    whole = {key: number(value) for key, value in summarise(scores, kept).items()}
    each = {
        video.name: {m: number(mean(one.mean(m) for one in video.objects)) for m in kept} for video in scores
    }
    return {**whole, "sequences": each}
