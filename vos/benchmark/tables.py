"""What an evaluation leaves in its folder: tables as CSV, summary.json, report.html, submission.zip."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from vos.benchmark.layouts import Davis, YoutubeVos
from vos.benchmark.predictions import Predictions, write_zip
from vos.benchmark.report import pictures, report
from vos.benchmark.run import Task, Timing, read_scores
from vos.benchmark.scores import VideoScores, global_csv, number, sequence_csv, summarise, summarise_seen
from vos.video.masks import replacing


def write_results(
    task: Task,
    predictions: Predictions,
    facts: Mapping[str, Any],
    timing: Timing | None = None,
    seen: Collection[str] | None = None,
) -> dict[str, Any]:
    """Write the tables and the report of scored sequences; return the summary.

    Args:
        facts: what the masks come from: engine, options, weights, device, precision, command.
        timing: None for masks made elsewhere: there is no fps then.
        seen: categories of the training split; with them YouTube-VOS gets its G.

    Raises:
        InvalidInput: a picture of the data set cannot be read.
    """
    found = read_scores(task)
    means = summarise(found, task.measures)
    if seen is not None:
        means = summarise_seen(found, seen) | means
    summary = _summary(task, found, means, timing) | dict(facts)
    split = task.dataset.split
    _write(task.out / f"global_results-{split}.csv", global_csv(means))
    _write(task.out / f"per-sequence_results-{split}.csv", sequence_csv(found, task.measures))
    _write(task.out / "summary.json", json.dumps(summary, indent=2) + "\n")
    best, worst = pictures(task.dataset, found, predictions)
    title = f"{facts.get('engine') or 'Masks'} on {task.dataset.title} {split}"
    published = isinstance(task.dataset, Davis) and task.dataset.year == 2016 and split == "val"
    _write(task.out / "report.html", report(title, summary, found, best, worst, published=published))
    return summary


def _summary(
    task: Task, found: Sequence[VideoScores], means: Mapping[str, float], timing: Timing | None
) -> dict[str, Any]:
    return {key: number(value) for key, value in means.items()} | {
        "dataset": task.dataset.title,
        "split": task.dataset.split,
        "sequences": list(task.names),
        "measures": list(task.measures),
        "missing": sum(video.missing for video in found),
        "frames": timing.frames if timing else None,
        "seconds": timing.seconds if timing else None,
        "fps": timing.frames / timing.seconds if timing else None,
    }


def write_submission(task: Task) -> Path:
    """Pack the masks that `segment` wrote as the benchmark's server takes them; return the zip."""
    prefix = "Annotations/" if isinstance(task.dataset, YoutubeVos) else ""
    target = task.out / "submission.zip"
    videos = (task.dataset.video(name) for name in task.names)
    write_zip(target, Predictions(task.out / "masks"), videos, prefix)
    return target


def _write(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text)
