"""From masks and ground truth to curves, from curves to the tables that benchmarks publish."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vos.benchmark.overlap import ObjectScore, boundary_f, jaccard, mean, overall, regions, statistics
from vos.benchmark.predictions import Predictions
from vos.benchmark.sequence import Video
from vos.benchmark.stability import Context, instability, outline_context
from vos.errors import InvalidInput

MEASURES = ("J", "F", "T")


@dataclass(frozen=True)
class ObjectCurves:
    """One object's values, a curve for each measure; `frames` are the frames they belong to."""

    id: int
    category: str
    frames: tuple[str, ...]
    curves: Mapping[str, tuple[float, ...]]

    def mean(self, measure: str) -> float:
        """Mean over the frames; NaN if not measured."""
        return mean(self.curves.get(measure, ()))


@dataclass(frozen=True)
class VideoScores:
    """One sequence's curves. `missing` masks counted as empty; `steady` says that T counts."""

    name: str
    missing: int
    steady: bool
    objects: tuple[ObjectCurves, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold: NaN is null."""
        objects = [
            asdict(one) | {"curves": {m: [number(v) for v in curve] for m, curve in one.curves.items()}}
            for one in self.objects
        ]
        return {"name": self.name, "missing": self.missing, "steady": self.steady, "objects": objects}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VideoScores:
        """Return what `to_json` gave."""
        objects = tuple(
            ObjectCurves(
                one["id"],
                one["category"],
                tuple(one["frames"]),
                {m: tuple(math.nan if v is None else v for v in c) for m, c in one["curves"].items()},
            )
            for one in data["objects"]
        )
        return cls(data["name"], data["missing"], data["steady"], objects)


def number(value: float) -> float | None:
    """Return a number as JSON has it: None for NaN."""
    return None if math.isnan(value) else value


def score_video(video: Video, predictions: Predictions, measures: Collection[str]) -> VideoScores:
    """Measure the masks of one sequence, one frame in memory at a time.

    T of a frame compares its mask with that of the annotated frame before.

    Raises:
        InvalidInput: no frame counts, or a file is missing, unreadable or of another size.
    """
    if not any(video.scored.values()):
        raise InvalidInput(f"{video.name} has no ground truth that counts: only the masks that are given")
    objects = sorted(video.starts)
    counted = {i: set(video.scored[i]) for i in objects}
    curves: dict[int, dict[str, list[float]]] = {i: {m: [] for m in measures} for i in objects}
    before: dict[int, Context | None] = {}
    for frame in video.annotated:
        pairs = regions(video.truth(frame), predictions.mask(video, frame), objects)
        for i, (truth, prediction) in zip(objects, pairs, strict=True):
            context = outline_context(prediction) if "T" in measures else None
            if frame in counted[i]:
                for measure, curve in curves[i].items():
                    if measure == "T":
                        curve.append(instability(before[i], context))
                    else:
                        curve.append((jaccard if measure == "J" else boundary_f)(truth, prediction))
            before[i] = context
    missing = sum(not predictions.has(video, frame) for frame in video.annotated)
    found = (
        ObjectCurves(
            i, video.categories.get(i, ""), video.scored[i], {m: tuple(c) for m, c in curves[i].items()}
        )
        for i in objects
    )
    return VideoScores(video.name, missing, video.steady, tuple(found))


def summarise(scores: Sequence[VideoScores], measures: Sequence[str]) -> dict[str, float]:
    """Means over all objects of all sequences, by the names of the DAVIS tables.

    T_mean is over the objects that the benchmark measures T on, T_mean_all over all.
    """
    objects = [(video, one) for video in scores for one in video.objects if one.frames]
    summary: dict[str, float] = {}
    if {"J", "F"} <= set(measures):
        summary["J&F"] = mean(one.mean(m) for _, one in objects for m in ("J", "F"))
    for measure in (m for m in MEASURES[:2] if m in measures):
        found = [statistics(one.curves[measure]) for _, one in objects]
        summary[f"{measure}_mean"] = mean(s.mean for s in found)
        summary[f"{measure}_recall"] = mean(s.recall for s in found)
        summary[f"{measure}_decay"] = mean(s.decay for s in found)
    if "T" in measures:
        summary["T_mean"] = mean(one.mean("T") for video, one in objects if video.steady)
        summary["T_mean_all"] = mean(one.mean("T") for _, one in objects)
    return summary


def summarise_seen(scores: Sequence[VideoScores], seen: Collection[str]) -> dict[str, float]:
    """G of YouTube-VOS and its four parts; `seen` are the categories of the training split."""
    found = overall(
        ObjectScore(one.mean("J"), one.mean("F"), one.category in seen)
        for video in scores
        for one in video.objects
        if one.frames
    )
    return {
        "G": found.g,
        "J_seen": found.j_seen,
        "J_unseen": found.j_unseen,
        "F_seen": found.f_seen,
        "F_unseen": found.f_unseen,
    }


def global_csv(summary: Mapping[str, float]) -> str:
    """One row of results; the columns J&F-Mean, J-Mean, J-Recall... are those of the DAVIS evaluation."""
    names = {"J&F": "J&F-Mean"} | {
        f"{m}_{s}": f"{m}-{s.title()}" for m in MEASURES for s in ("mean", "recall", "decay")
    }
    kept = {names.get(key, key): value for key, value in summary.items() if key != "T_mean_all"}
    return _csv([list(kept), [_digits(value) for value in kept.values()]])


def sequence_csv(scores: Sequence[VideoScores], measures: Sequence[str]) -> str:
    """One row an object, `<sequence>_<object>`, with its means, as in the DAVIS evaluation."""
    rows = [["Sequence", *(f"{m}-Mean" for m in measures)]]
    for video, one in _objects(scores):
        rows.append([f"{video.name}_{one.id}", *(_digits(one.mean(m)) for m in measures)])
    return _csv(rows)


def _objects(scores: Sequence[VideoScores]) -> Iterator[tuple[VideoScores, ObjectCurves]]:
    return ((video, one) for video in scores for one in video.objects)


def _digits(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _csv(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
