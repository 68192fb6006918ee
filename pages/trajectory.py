"""3D trajectory: x and y in pixels, z the frame; midpoint and box corners of every object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages import _parts
from vos import downloads, track_files, tracks
from vos.errors import VosError
from vos.tracks import Track
from vos.types import Frame, Result
from vos.video.draw import hex_colour, overlay
from vos.video.masks import MaskReader
from vos.video.read import open_clip
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
    st.title("Trajectory")
    scene = _choose()
    if scene is None:
        return
    names = [_name(track) for track in scene.tracks]
    shown = names
    if len(names) > 1:
        shown = st.pills("Objects", names, selection_mode="multi", default=names, key=f"shown_{scene.title}")
    tracks = [track for track in scene.tracks if _name(track) in shown]
    frame = 0
    left, right = st.columns([13, 7], gap="large")
    with right:
        if scene.frames > 1:
            frame = st.slider("Frame", 0, scene.frames - 1, 0, key=f"at_{scene.title}_{scene.frames}")
        _frame(scene, tracks, frame)
    with left:
        st.plotly_chart(_figure(scene, tracks, frame), key="space", height=560)
        st.caption(
            "Drag to turn, scroll to zoom. The origin is the picture's top left corner; the floor is the "
            "first frame; time goes up."
        )
    _charts(scene, tracks, frame)


def _choose() -> Scene | None:
    results = store.results()
    wanted = _parts.remembered("result")
    left, right = st.columns(2)
    with right:
        file = st.file_uploader(
            "Or a trajectory table (TXT, CSV, JSON)", type=["txt", "csv", "json"], key="table"
        )
    if file is not None:
        try:
            tracks = track_files.read_table(file.getvalue(), file.name)
        except VosError as error:
            st.error(_parts.sentence(error), icon=":material/error:")
            return None
        return Scene(tracks, _extent(tracks), 0.0, file.name)
    if not results:
        left.info("There are no results yet: upload a clip, or open a trajectory table.")
        return None
    with left:
        result = _parts.pick_result(results, "Result", wanted, f"pick_{wanted}")
    _parts.remember("result", result.id)
    tracks = downloads.tracks(result)
    if not tracks:
        st.info("No object was found in this clip.")
        return None
    return Scene(tracks, result.info.size_hw, float(result.info.fps), result.title, result)


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
    row = {name: track.column(name)[frame] for name in tracks.COLUMNS}
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
def _floor_pixels(result_id: str, path: str) -> NDArray[np.uint8]:
    frame = next(iter(open_clip(Path(path))))
    scale = FLOOR_SIDE / max(frame.shape[:2])
    size = (max(2, round(frame.shape[1] * scale)), max(2, round(frame.shape[0] * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def _floor(result: Result) -> go.Mesh3d:
    """Return the first frame as a mesh at z = 0: two triangles in each pixel's colour."""
    pixels = _floor_pixels(result.id, str(result.files["source"]))
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
        jpeg = _picture(scene.result.id, str(scene.result.files["source"]), frame)
        _parts.picture(jpeg, f"Frame {frame} with its masks")
    rows = []
    for track in tracks:
        where = "not visible"
        if track.visible[frame]:
            x, y = track.column("centre_x")[frame], track.column("centre_y")[frame]
            where = f"x {x:.1f}, y {y:.1f}"
        rows.append(f"- **{_parts.plain(_parts.short(_name(track)))}**: {where}")
    st.markdown("\n".join(rows))


@st.cache_data(show_spinner=False, max_entries=64)
def _picture(result_id: str, path: str, frame: int) -> bytes:
    result = store.get(result_id)
    assert result is not None
    picture: Frame = next(iter(open_clip(Path(path)).sample([frame])))
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
        figure.update_layout(
            height=260,
            margin={"l": 0, "r": 0, "t": 30, "b": 0},
            title=title,
            xaxis_title="frame",
            showlegend=len(tracks) > 1,
        )
        column.plotly_chart(figure, key=title, config={"displayModeBar": False})


main()
