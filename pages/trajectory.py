"""3D trajectory: x and y in pixels, z the frame; midpoint and box corners of every object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages import _parts, _theme, _words
from vos import downloads
from vos.tracks import COLUMNS, Track
from vos.tracks import files as track_files
from vos.types import Frame, Result
from vos.video.draw import hex_colour, overlay
from vos.video.masks import MaskReader
from vos.video.write import thumbnail

FLOOR_SIDE = 160  # of the first frame as the floor's texture; Plotly draws two triangles a pixel
CORNERS = {
    "top left": ("top", "left"),
    "top right": ("top", "right"),
    "bottom left": ("bottom", "left"),
    "bottom right": ("bottom", "right"),
}
jobs = _parts.runner()
store = jobs.store


@dataclass(frozen=True, eq=False)
class Scene:
    """What the page draws: tracks, the frame's size, and the result they are of, if any."""

    tracks: tuple[Track, ...]
    size_hw: tuple[int, int]
    fps: float
    title: str
    result: Result | None = None

    @property
    def frames(self) -> int:
        """The number of frames of the tables."""
        return len(self.tracks[0].table)


def main() -> None:
    """Show a result's tracks, or an uploaded table's."""
    scene = _choose()
    if scene is None:
        return
    with _parts.mistakes():
        _draw(scene)


def _draw(scene: Scene) -> None:
    names = [_name(track) for track in scene.tracks]
    shown = names
    if len(names) > 1:
        shown = st.pills("Objects", names, selection_mode="multi", default=names, key=f"shown_{scene.title}")
    shown_tracks = [track for track in scene.tracks if _name(track) in shown]
    frame = 0
    left, right = st.columns([13, 7], gap="large")
    with right:
        if scene.frames > 1:
            first = _parts.asked_frame(scene.result) if scene.result else 0
            frame = st.slider(
                "Frame", 0, scene.frames - 1, first, key=f"at_{scene.title}_{scene.frames}_{first}"
            )
        _frame(scene, shown_tracks, frame)
    with left:
        _theme.chart(_figure(scene, shown_tracks, frame), "space", bar=True)
        st.caption(
            "Drag to turn, scroll to zoom. The origin is the picture's top left corner; the floor is the "
            "first frame; time goes up."
        )
    _charts(scene, shown_tracks, frame)


def _choose() -> Scene | None:
    """Return what to draw: an uploaded table, else the result that the address names."""
    table = st.session_state.get("table")  # the box for it comes below
    result = None if table else _parts.asked_result(store, "Trajectory")
    if not table and st.query_params.get("result") and result is None:
        return None  # gone: nothing else is shown
    if result or table:
        st.title("Trajectory")
    left, right = st.columns(2)
    with right:
        file = st.file_uploader(
            "Or a trajectory table (TXT, CSV, JSON)", type=["txt", "csv", "json"], key="table"
        )
    if file is not None:
        with _parts.mistakes():
            read = track_files.read_table(file.getvalue(), file.name)
        return Scene(read, _extent(read), 0.0, file.name)
    if result is None:
        return None
    with left:
        _parts.result_picker(store, result, "track")
    found = downloads.tracks(result)
    if not found:
        st.info("No object was found in this clip.")
        return None
    return Scene(found, result.info.size_hw, float(result.info.fps), result.title, result)


def _extent(tracks: tuple[Track, ...]) -> tuple[int, int]:
    """Return a height and width that hold all boxes of tables whose frame size nobody knows."""

    def most(column: str) -> int:
        values = np.concatenate([track.column(column) for track in tracks])
        return int(np.nanmax(values, initial=0)) + 1

    return most("bottom"), most("right")


def _name(track: Track) -> str:
    return track.name or f"Object {track.object_id}"


def _figure(scene: Scene, tracks: list[Track], frame: int) -> go.Figure:
    height, width = scene.size_hw
    figure = go.Figure()
    if scene.result:
        figure.add_trace(_floor(scene.result))
    for track in tracks:
        colour, name = hex_colour(track.object_id), _name(track)
        z = np.arange(len(track.table))
        x, y = track.column("centre_x"), track.column("centre_y")
        line = {"color": colour, "width": 5}
        group = {"legendgroup": name, "mode": "lines"}
        figure.add_trace(go.Scatter3d(x=x, y=y, z=z, name=f"{name}: midpoint", line=line, **group))
        for corner, (vertical, horizontal) in CORNERS.items():
            figure.add_trace(
                go.Scatter3d(
                    x=track.column(horizontal),
                    y=track.column(vertical),
                    z=z,
                    name=f"{name}: {corner}",
                    line={"color": colour, "width": 1.5},
                    opacity=0.55,
                    visible=True if len(tracks) <= 2 else "legendonly",
                    **group,
                )
            )
        if track.visible[frame]:
            figure.add_trace(_marker(track, frame, colour))
    figure.update_layout(
        height=560,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"x": 0, "y": 1, "font": {"size": 11}, "bgcolor": "rgba(0,0,0,0)"},
        uirevision=scene.title,  # the view stays when the slider moves
        scene={
            "xaxis": {"title": "x (px)", "range": [0, width]},
            "yaxis": {"title": "y (px)", "range": [height, 0]},
            "zaxis": {"title": "frame", "range": [0, max(1, scene.frames - 1)]},
            "aspectmode": "manual",
            "aspectratio": {"x": 1.3, "y": 1.3 * height / width, "z": 0.9},
            "camera": {"eye": {"x": 0.7, "y": -1.9, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.1}},
        },
    )
    return figure


def _marker(track: Track, frame: int, colour: str) -> go.Scatter3d:
    """Return the box and midpoint of one frame."""
    row = {name: track.column(name)[frame] for name in COLUMNS}
    xs = [row["left"], row["right"], row["right"], row["left"], row["left"], row["centre_x"]]
    ys = [row["top"], row["top"], row["bottom"], row["bottom"], row["top"], row["centre_y"]]
    sizes = [3, 3, 3, 3, 3, 8]
    return go.Scatter3d(
        x=xs,
        y=ys,
        z=[frame] * 6,
        mode="lines+markers",
        line={"color": colour, "width": 6},
        marker={"color": colour, "size": sizes},
        showlegend=False,
        name=f"frame {frame}",
    )


@st.cache_data(show_spinner=False, max_entries=8)
def _floor_pixels(result_id: str) -> NDArray[np.uint8]:
    frame = downloads.frame_at(_parts.still_there(store, result_id), 0)
    scale = FLOOR_SIDE / max(frame.shape[:2])
    size = (max(2, round(frame.shape[1] * scale)), max(2, round(frame.shape[0] * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def _floor(result: Result) -> go.Mesh3d:
    """Return the first frame as a mesh at z = 0: two triangles in each pixel's colour."""
    pixels = _floor_pixels(result.id)
    rows, columns = pixels.shape[:2]
    y, x = np.meshgrid(
        np.linspace(0, result.info.height, rows + 1),
        np.linspace(0, result.info.width, columns + 1),
        indexing="ij",
    )
    corner = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    c, d = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
    colours = [f"#{r:02x}{g:02x}{bl:02x}" for r, g, bl in pixels.reshape(-1, 3).tolist()]
    return go.Mesh3d(
        x=x.ravel(),
        y=y.ravel(),
        z=np.zeros(x.size),
        i=np.concatenate([a, b]),
        j=np.concatenate([b, d]),
        k=np.concatenate([c, c]),
        facecolor=colours * 2,
        hoverinfo="skip",
        lighting={"ambient": 1.0, "diffuse": 0.0, "specular": 0.0},
        showlegend=False,
    )


def _frame(scene: Scene, tracks: list[Track], frame: int) -> None:
    if scene.result:
        jpeg = _picture(scene.result.id, frame)
        _parts.picture(jpeg, f"Frame {frame} with its masks")
    rows = []
    for track in tracks:
        where = "not visible"
        if track.visible[frame]:
            x, y = track.column("centre_x")[frame], track.column("centre_y")[frame]
            where = f"x {x:.1f}, y {y:.1f}"
        rows.append(f"- **{_words.plain(_words.short(_name(track)))}**: {where}")
    st.markdown("\n".join(rows))


@st.cache_data(show_spinner=False, max_entries=64)
def _picture(result_id: str, frame: int) -> bytes:
    result = _parts.still_there(store, result_id)
    picture: Frame = downloads.frame_at(result, frame)
    with MaskReader(result.files["masks"]) as masks:
        picture = overlay(picture, masks[frame])
    return thumbnail(picture, 960)


def _charts(scene: Scene, tracks: list[Track], frame: int) -> None:
    unit = "px/s" if scene.fps else "px/frame"
    charts = (
        ("Area (px)", lambda track: track.column("area")),
        (f"Speed ({unit})", lambda track: track.speed * (scene.fps or 1.0)),
    )
    for column, (title, values) in zip(st.columns(2), charts, strict=True):
        figure = go.Figure()
        for track in tracks:
            series = values(track)
            if not np.isnan(series).all():
                figure.add_trace(
                    go.Scatter(y=series, name=_name(track), line={"color": hex_colour(track.object_id)})
                )
        figure.add_vline(frame, line={"dash": "dot", "width": 1})
        figure.update_layout(title=title, xaxis_title="frame", showlegend=len(tracks) > 1)
        with column:
            _theme.chart(figure, title, height=260, margin={"l": 0, "r": 0, "t": 30, "b": 0})


main()
