"""The report of an evaluation: one HTML file with tables, curves and pictures, nothing to load."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np
from PIL import Image

from vos.benchmark.layouts import Dataset
from vos.benchmark.overlap import mean
from vos.benchmark.predictions import Predictions
from vos.benchmark.scores import MEASURES, VideoScores
from vos.benchmark.sequence import open_picture
from vos.video.draw import overlay

# J mean, F mean and T on the 20 sequences of DAVIS 2016 val, as published; the last two need no mask.
PUBLISHED = (
    ("STM", 0.887, 0.901, 0.150),
    ("OnAVOS", 0.861, 0.849, 0.190),
    ("OSVOS-S", 0.856, 0.875, 0.217),
    ("RGMP", 0.815, 0.820, 0.133),
    ("FEELVOS", 0.811, 0.822, 0.124),
    ("OSVOS", 0.798, 0.806, 0.378),
    ("MSK", 0.797, 0.754, 0.218),
    ("OSMN", 0.740, 0.729, 0.209),
    ("OFL", 0.680, 0.634, 0.222),
    ("BVS", 0.600, 0.588, 0.347),
    ("COSNet (unsupervised)", 0.805, 0.795, 0.184),
    ("NLC (unsupervised)", 0.551, 0.523, 0.425),
)
SHOWN = 6  # best and worst frames, at most one of a sequence
_WIDTH_PX = 480

_STYLE = """
:root { color-scheme: light dark; --ink: #16181d; --soft: #5c6370; --line: #dfe2e8; --card: #f6f7f9;
  --page: #ffffff; --j: #1f6fd1; --f: #c2570c; --own: #e6f0fc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --soft: #9aa2b1; --line: #333842;
  --card: #1d2027; --page: #14161b; --j: #6db1ff; --f: #ff9d5c; --own: #1c2f49; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
p, figcaption { color: var(--soft); margin: .25rem 0; } figcaption { font-size: .85rem; }
.tiles, .cards, .pictures { display: grid; gap: .75rem; margin-top: 1rem; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); }
.cards, .pictures { grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.tile, .card { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .75rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
th { color: var(--soft); font-weight: 500; }
tr.own { background: var(--own); font-weight: 600; }
svg { display: block; width: 100%; height: 6rem; overflow: visible; }
svg line { stroke: var(--line); } polyline { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
svg * { vector-effect: non-scaling-stroke; } .J { stroke: var(--j); } .F { stroke: var(--f); }
.key { display: inline-block; width: .8rem; height: .2rem; margin: 0 .35rem .25rem 0; }
.key.J { background: var(--j); } .key.F { background: var(--f); }
.card header { display: flex; justify-content: space-between; gap: 1rem; margin-bottom: .5rem;
  font-size: .9rem; }
.card header b { overflow: hidden; text-overflow: ellipsis; }
.card header span { color: var(--soft); white-space: nowrap; }
figure { margin: 0; } img { width: 100%; border-radius: .5rem; display: block; }
code { overflow-wrap: anywhere; }
@media (max-width: 40rem) { th, td { padding: .35rem .4rem; } }
"""


@dataclass(frozen=True)
class Shown:
    """A frame to show: its masks drawn, JPEG; `value` is the mean of its objects' first measure."""

    video: str
    frame: str
    value: float
    jpeg: bytes


def report(
    title: str,
    summary: Mapping[str, Any],
    scores: Sequence[VideoScores],
    best: Sequence[Shown],
    worst: Sequence[Shown],
    *,
    published: bool = False,
) -> str:
    """Return the HTML; `published` sets the result beside the figures of DAVIS 2016 val."""
    measures = tuple(m for m in MEASURES if m in summary["measures"])
    objects = sum(len(video.objects) for video in scores)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{len(scores)} sequences, {objects} objects. {_speed(summary)}</p>",
        _tiles(summary),
        "<h2>Mean, recall and decay</h2>",
        _statistics(summary),
        _published(summary, len(scores)) if published and summary.get("J_mean") is not None else "",
        "<h2>Sequences</h2>",
        _sequences(scores, measures),
        "<h2>Curves</h2>",
        '<p><i class="key J"></i>J, overlap <i class="key F" style="margin-left:1rem"></i>F, contour; '
        "from 0 at the bottom to 1, over the frames that count</p>",
        f'<div class="cards">{"".join(map(_card, scores))}</div>',
        _pictures("Worst frames", worst, measures[0]),
        _pictures("Best frames", best, measures[0]),
        f"<h2>How this was made</h2>{_facts(summary)}",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def pictures(
    dataset: Dataset, scores: Sequence[VideoScores], predictions: Predictions
) -> tuple[list[Shown], list[Shown]]:
    """Return the best and the worst frames, one of a sequence: masks tinted, ground truth outlined."""
    ranked = [sorted(_frame_values(video)) for video in scores if video.objects]
    lowest = sorted((values[0], i) for i, values in enumerate(ranked) if values)[:SHOWN]
    highest = sorted(((values[-1], i) for i, values in enumerate(ranked) if values), reverse=True)[:SHOWN]
    names = [video.name for video in scores if video.objects]
    return (
        [_picture(dataset, names[i], frame, value, predictions) for (value, frame), i in highest],
        [_picture(dataset, names[i], frame, value, predictions) for (value, frame), i in lowest],
    )


def _frame_values(video: VideoScores) -> Iterator[tuple[float, str]]:
    """Mean over the objects of J, or F without J, for each frame that counts."""
    measures = [m for m in ("J", "F") if m in video.objects[0].curves]
    for frame, value in _curve(video, measures[0]) if measures else ():
        yield value, frame


def _curve(video: VideoScores, measure: str) -> list[tuple[str, float]]:
    values: dict[str, list[float]] = {}
    for one in video.objects:
        for frame, value in zip(one.frames, one.curves.get(measure, ()), strict=False):
            values.setdefault(frame, []).append(value)
    return [(frame, mean(values[frame])) for frame in sorted(values)]


def _picture(dataset: Dataset, name: str, frame: str, value: float, predictions: Predictions) -> Shown:
    video = dataset.video(name)
    with open_picture(video.image(frame)) as image:
        picture = np.array(image.convert("RGB"))
    picture = overlay(picture, predictions.mask(video, frame), outline=False)
    truth = video.truth(frame)
    for i in video.starts:
        outline, _ = cv2.findContours((truth == i).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outline, -1, (255, 255, 255), max(1, round(min(truth.shape) / 240)))
    small = Image.fromarray(picture)
    small.thumbnail((_WIDTH_PX, _WIDTH_PX))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return Shown(name, frame, value, file.getvalue())


def _number(value: Any) -> str:
    missing = value is None or math.isnan(value)
    return "&ndash;" if missing else f"{value:.3f}"


def _speed(summary: Mapping[str, Any]) -> str:
    if summary["fps"] is None:
        return "The masks were made elsewhere."
    return (
        f"{summary['frames']} frames segmented at {summary['fps']:.1f} frames a second on "
        f"{escape(summary['device'])} in {escape(summary['precision'])}: the engine and reading frames "
        "count, writing masks and scoring do not."
    )


def _tiles(summary: Mapping[str, Any]) -> str:
    names = {
        "G": "G",
        "J&F": "J&amp;F",
        "J_mean": "J mean",
        "F_mean": "F mean",
        "T_mean": "T, lower is better",
    }
    tiles = [(label, _number(summary[key])) for key, label in names.items() if key in summary]
    if summary["fps"] is not None:
        tiles.append(("frames a second", f"{summary['fps']:.1f}"))
    body = "".join(f'<div class="tile"><b>{value}</b><span>{label}</span></div>' for label, value in tiles)
    return f'<div class="tiles">{body}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], own: int = -1) -> str:
    """A table of cells that are HTML already; row number `own` stands out."""
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
    for i, row in enumerate(rows):
        mark = ' class="own"' if i == own else ""
        lines.append(f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _statistics(summary: Mapping[str, Any]) -> str:
    rows = [
        [m, *(_number(summary.get(f"{m}_{s}")) for s in ("mean", "recall", "decay"))]
        for m in summary["measures"]
    ]
    table = _table(["", "Mean", "Recall", "Decay"], rows)
    seen = [key for key in ("J_seen", "J_unseen", "F_seen", "F_unseen") if key in summary]
    if seen:
        table += _table([key.replace("_", " ") for key in seen], [[_number(summary[key]) for key in seen]])
    if "T_mean_all" in summary:
        table += (
            f"<p>T is averaged over the sequences that the benchmark measures it on; over all it is "
            f"{_number(summary['T_mean_all'])}.</p>"
        )
    return table


def _published(summary: Mapping[str, Any], count: int) -> str:
    name = f"{summary['engine'] or 'These masks'}, {count} sequences"
    own: tuple[Any, ...] = (name, *(summary.get(f"{m}_mean") for m in MEASURES))
    rows = sorted([*PUBLISHED, own], key=lambda row: row[1], reverse=True)
    body = [[escape(row[0]), *(_number(value) for value in row[1:])] for row in rows]
    return (
        "<h2>Beside published figures</h2>"
        f"<p>The published figures are of all 20 sequences of DAVIS 2016 val, this result is of {count}.</p>"
        + _table(["", "J mean", "F mean", "T"], body, rows.index(own))
    )


def _sequences(scores: Sequence[VideoScores], measures: Sequence[str]) -> str:
    rows = [
        [escape(f"{video.name}_{one.id}"), *(_number(one.mean(m)) for m in measures), str(len(one.frames))]
        for video in scores
        for one in video.objects
    ]
    return _table(["", *measures, "Frames"], rows)


def _card(video: VideoScores) -> str:
    means = [f"{m} {_number(mean(one.mean(m) for one in video.objects))}" for m in ("J", "F")]
    lines = "".join(f'<line x1="0" x2="300" y1="{y}" y2="{y}"/>' for y in (0, 50, 100))
    for measure in ("J", "F"):
        curve = [(x, v) for x, (_, v) in enumerate(_curve(video, measure)) if not math.isnan(v)]
        step = 300 / max(1, len(curve) - 1)
        points = " ".join(f"{x * step:.1f},{100 - 100 * value:.1f}" for x, value in curve)
        lines += f'<polyline class="{measure}" points="{points}"/>'
    return (
        f'<div class="card"><header><b>{escape(video.name)}</b><span>{" · ".join(means)}</span></header>'
        f'<svg viewBox="0 0 300 100" preserveAspectRatio="none" role="img" '
        f'aria-label="J and F of {escape(video.name)} over time">{lines}</svg></div>'
    )


def _pictures(heading: str, shown: Sequence[Shown], measure: str) -> str:
    if not shown:
        return ""
    figures = "".join(
        f'<figure><img alt="{escape(p.video)} frame {escape(p.frame)}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(p.jpeg).decode()}">'
        f"<figcaption>{escape(p.video)}, frame {escape(p.frame)}: {_number(p.value)}</figcaption></figure>"
        for p in shown
    )
    note = f"Tinted: the result. White line: the ground truth. The number is the frame's {measure}."
    return f'<h2>{heading}</h2><p>{note}</p><div class="pictures">{figures}</div>'


def _facts(summary: Mapping[str, Any]) -> str:
    keys = ("command", "engine", "options", "weights", "device", "precision", "masks", "missing")
    lines = []
    for key in keys:
        value = summary.get(key)
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        lines.append(f"<p><b>{key}</b> <code>{escape(text)}</code></p>" if value else "")
    return "".join(lines)
