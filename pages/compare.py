"""Two results of a clip, or a result and ground truth: J and F per frame, T, where they differ."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages import _acts, _parts, _sample, _theme, _words
from vos import downloads
from vos.benchmark import compare, overlap
from vos.benchmark.compare import Score, Truth
from vos.types import Result
from vos.video.draw import hex_colour, overlay
from vos.video.masks import MaskReader
from vos.video.write import thumbnail

jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Choose two sides, then show how they differ."""
    result = _parts.asked_result(store, "Compare")
    if result is None:
        return
    st.title("Compare")
    left, right = st.columns(2)
    with left:
        _parts.result_picker(store, result, "ours")
    with right, _parts.mistakes():
        truth, name = _other_side(result)
    if truth is None:
        return
    with _parts.mistakes():
        _show(result, truth, name)


def _other_side(result: Result) -> tuple[Truth | None, str]:
    kinds = ["Ground truth file"] if _acts.may_change() else []
    if store.page(0, 2, digest=result.digest).total > 1:
        kinds.insert(0, "Another result")
    if result.digest == _sample.digest(jobs):
        kinds.insert(0, "The sample's exact masks")
    if not kinds:
        st.info("There is no other result of this clip to compare with.")
        return None, ""
    kind = st.selectbox("Against", kinds, key=f"kind_{result.id}", filter_mode=None)
    if kind == "Another result":
        return _another(result)
    if kind == "The sample's exact masks":
        with st.spinner("Drawing the sample's exact masks…"):
            return _sample.truth(jobs), "exact masks"
    return _from_file(result)


def _another(result: Result) -> tuple[Truth | None, str]:
    picked = _parts.pick_result(
        store, "The other result", None, f"other_{result.id}", without=result.id, digest=result.digest
    )
    other = store.get(picked) if picked else None
    if other is None:
        return None, ""
    return Truth(other.files["masks"], range(min(other.frames, result.frames))), _parts.describe(other)


def _from_file(result: Result) -> tuple[Truth | None, str]:
    files = st.file_uploader(
        "A zip of mask pictures, as DAVIS has them, or the pictures",
        type=["zip", "png"],
        accept_multiple_files=True,
        key=f"truth_{result.id}",
    )
    if not files:
        st.caption("One PNG a frame in order, or fewer with the frame's number in the name.")
        return None, ""
    return _uploaded(files, result), files[0].name


def _uploaded(files: list[Any], result: Result) -> Truth:
    """Return uploaded ground truth, read once for all reruns; its file goes with the session."""
    name = hashlib.sha256("".join([result.id, *(file.file_id for file in files)]).encode()).hexdigest()
    read = st.session_state.setdefault("truths", {})
    if name not in read:
        folder = store.workspace()
        target = folder.path / "truth.masks"
        read[name] = folder, *compare.read_truth(_zip(files), target, result.info.size_hw, result.frames)
    _, truth, note = read[name]
    if note:
        st.info(_words.plain(note))
    return truth


def _zip(files: list[Any]) -> Any:
    if len(files) == 1 and files[0].name.lower().endswith(".zip"):
        return files[0]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.writestr(file.name, file.getvalue())
    return packed


@st.cache_data(show_spinner="Measuring J and F…", max_entries=16)
def _scores(result_id: str, truth_path: str, frames: tuple[int, ...], merged: bool) -> list[Score]:
    result = _parts.still_there(store, result_id)
    with MaskReader(result.files["masks"]) as masks:
        truth = Truth(Path(truth_path), frames)
        return [score for row in compare.score_frames(truth, masks, merged=merged) for score in row]


def _show(result: Result, truth: Truth, name: str) -> None:
    merged = False
    if len(result.objects) > 1:
        merged = st.toggle("All objects as one", False, key="merged")
    rows = _scores(result.id, str(truth.path), truth.frames, merged)
    inner = [row for row in rows if row.frame not in (truth.frames[0], truth.frames[-1])] or rows
    if not rows:
        st.info("Neither side has an object on these frames: there is nothing to measure.")
        return
    j = overlap.statistics([row.j for row in inner])
    f = overlap.statistics([row.f for row in inner])
    columns = st.columns(4)
    columns[0].metric("J&F", f"{50 * (j.mean + f.mean):.1f}")
    columns[1].metric(
        "J mean", f"{100 * j.mean:.1f}", help=f"recall {100 * j.recall:.1f}, decay {100 * j.decay:.1f}"
    )
    columns[2].metric(
        "F mean", f"{100 * f.mean:.1f}", help=f"recall {100 * f.recall:.1f}, decay {100 * f.decay:.1f}"
    )
    with columns[3]:
        _temporal(result, truth)
    st.caption("First and last frame left out, as the DAVIS benchmark does; x 100.")
    _curves(result, rows)
    frame = truth.frames[0]
    if len(truth.frames) > 1:
        worst = min(inner, key=lambda row: row.j).frame
        label = f"Frame (lowest J: {worst})"
        frame = st.select_slider(label, truth.frames, worst, key=f"at_{result.id}_{truth.path}")
    _pictures(result, truth, name, frame)
    st.download_button(
        "Scores (CSV)",
        compare.to_csv(rows, {i: result.name(i) for i in result.objects}),
        "scores.csv",
        "text/csv",
        icon=":material/download:",
    )


def _temporal(result: Result, truth: Truth) -> None:
    key = f"T_{result.id}_{truth.path}"
    if key not in st.session_state:
        paths = [str(result.files["masks"]), str(truth.path)]
        text = "Temporal stability; takes some seconds"
        _acts.button("Measure T", _measure_t, key, paths, help=text, key="measure_t")
    else:
        ours, theirs = st.session_state[key]
        st.metric("T (lower is steadier)", ours, f"{theirs} the other", delta_color="off", delta_arrow="off")


def _measure_t(key: str, paths: list[str]) -> None:
    with st.spinner("Measuring T…"):
        st.session_state[key] = [_mean_t(path) for path in paths]


@st.cache_data(show_spinner=False, max_entries=16)
def _mean_t(path: str) -> str:
    with MaskReader(Path(path)) as masks:
        value = overlap.mean(compare.measure_stability(iter(masks)))
    return "none" if math.isnan(value) else f"{100 * value:.1f}"


def _curves(result: Result, rows: list[Score]) -> None:
    figure = go.Figure()
    ids = sorted({row.object_id for row in rows})
    for object_id in ids:
        own = [row for row in rows if row.object_id == object_id]
        label = "" if len(ids) == 1 else f" {result.name(object_id)}"
        for measure, dash in (("j", "solid"), ("f", "dot")):
            figure.add_trace(
                go.Scatter(
                    x=[row.frame for row in own],
                    y=[getattr(row, measure) for row in own],
                    name=measure.upper() + label,
                    line={"color": hex_colour(object_id), "dash": dash},
                )
            )
    figure.update_layout(xaxis_title="frame", yaxis={"range": [0, 1.02]}, legend={"orientation": "h"})
    _theme.chart(figure, "curves", height=280, margin={"l": 0, "r": 0, "t": 10, "b": 0})


def _pictures(result: Result, truth: Truth, name: str, frame: int) -> None:
    picture = downloads.frame_at(result, frame)
    with MaskReader(result.files["masks"]) as masks, MaskReader(truth.path) as exact:
        ours, theirs = masks[frame], exact[truth.frames.index(frame)]
    different = compare.mark_differences(theirs, ours)
    grey = np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    views = (
        (f"Result: {result.title}", overlay(picture, ours)),
        (f"Against: {name}", overlay(picture, theirs)),
        ("Green alike, yellow only in the result, red missed", _tinted(grey, different)),
    )
    for column, (title, view) in zip(st.columns(3), views, strict=True):
        with column:
            _parts.picture(thumbnail(view, 1280), title)
            st.caption(_words.plain(_words.short(title, 60)))


def _tinted(grey: np.ndarray, different: np.ndarray) -> np.ndarray:
    colours = np.array([(0, 0, 0), (0, 170, 110), (255, 200, 0), (235, 40, 40)], np.float32)
    share = (different > 0)[..., None] * 0.6
    return (grey * (1 - share) + colours[different] * share).astype(np.uint8)


main()
