"""One result: the rendered video, how the tracking went, codec facts, timings, downloads."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages import _drafts, _exports, _parts, _theme, player
from vos import downloads
from vos.types import Result
from vos.video.draw import hex_colour

jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the result that the address names, or the newest."""
    if page := st.session_state.pop("go", ""):
        st.switch_page(page)
    _main()
    _parts.remember("job", "")  # last: should this run be stopped, the upload page leads here again


def _main() -> None:
    result = _parts.asked_result(store, "Video")
    if result:
        _parts.result_picker(store, result, "pick")
        _show(result)


def _show(result: Result) -> None:
    st.title(_parts.plain(_parts.short(result.title, 60)))
    if st.session_state.pop("from_cache", "") == result.id:
        st.success("From cache: this clip was segmented before with the same prompts and engine.")
    for warning in result.warnings:
        st.warning(_parts.plain(warning[:1].upper() + warning[1:]))
    left, right = st.columns([13, 7], gap="large")
    with left:
        player.show(f"/api/results/{result.id}/player.json", key=f"player_{result.id}")
        _downloads(result)
        _exports.menu(result, store, jobs)
        _confidence(result)
        _attention(result)
    with right:
        _status(result)
        _reuse(result)
        _information(result)
        _timings(result)
        _manage(result)


def _status(result: Result) -> None:
    st.subheader("Status")
    st.markdown(f":material/check_circle: **Rendering: success** ({result.frames} frames)")
    if not result.objects:
        st.info("No object was found in this clip.")
        return
    rows = []
    for object_id in result.objects:
        share = result.visible[object_id]
        rows.append(
            f'<div style="display:flex;align-items:center;gap:.6rem;margin:.35rem 0">'
            f'<span style="flex:none;width:.9rem;height:.9rem;border-radius:50%;'
            f'background:{hex_colour(object_id)}"></span>'
            f'<span style="flex:1;overflow-wrap:anywhere">{_parts.escape(result.name(object_id))}</span>'
            f"<b>{100 * share:.0f} %</b></div>"
        )
    st.html("".join(rows))
    st.caption("Tracking: share of the frames in which each object is visible.")


def _information(result: Result) -> None:
    st.subheader("Video information")
    info = result.info
    facts = {
        "Size": f"{info.width} x {info.height} px" + (f", rotated {info.rotation}°" if info.rotation else ""),
        "Frames": f"{result.frames} at {float(info.fps):.3f} fps ({info.fps})"
        + (", variable rate" if info.variable_rate else ""),
        "Duration": f"{info.duration_s:.2f} s",
        "Container": info.container,
        "Codec": " ".join(filter(None, [info.codec, info.profile])),
        "Pixel format": info.pixel_format,
        "Bit rate": f"{info.bit_rate / 1000:,.0f} kbit/s" if info.bit_rate else "",
        "File size": f"{info.size_bytes / 2**20:.1f} MB" if info.size_bytes else "",
        "Audio": info.audio_codec or "none",
    }
    _table({name: fact for name, fact in facts.items() if fact})


def _timings(result: Result) -> None:
    st.subheader("Run")
    seconds = dict(result.seconds)
    total = seconds.pop("total", sum(seconds.values()))
    rate = f" ({result.frames / total:.1f} fps end to end)" if total else ""
    facts = {
        "Engine": result.engine,
        "Options": ", ".join(f"{k} {v}" for k, v in result.options.items()) or "none",
        "Device": f"{result.device.name}, {result.device.precision}",
        "Prompts": "frames " + ", ".join(map(str, result.prompt_frames)) if result.prompt_frames else "none",
        "Total": f"{total:.2f} s{rate}",
    }
    facts |= {stage.capitalize(): f"{s:.2f} s" for stage, s in seconds.items()}
    _table(facts)


def _table(facts: dict[str, Any]) -> None:
    rows = "".join(
        f'<tr><td style="opacity:.7;padding:.15rem .8rem .15rem 0;white-space:nowrap;vertical-align:top">'
        f'{_parts.escape(name)}</td><td style="overflow-wrap:anywhere">{_parts.escape(str(fact))}</td></tr>'
        for name, fact in facts.items()
    )
    st.html(f'<table style="border-collapse:collapse;font-size:.9rem">{rows}</table>')


def _downloads(result: Result) -> None:
    st.html(
        "<style>.dl{display:inline-block;padding:.35rem .8rem;margin:.2rem .3rem .2rem 0;border-radius:.6rem;"
        "border:1px solid color-mix(in srgb,currentColor 30%,transparent);text-decoration:none!important;"
        "color:inherit!important;font-size:.9rem}.dl:hover{border-color:currentColor}</style>"
        + "".join(
            f'<a class="dl" href="{_parts.file_url(result, file)}&amp;download=1" download>{label}</a>'
            for file, label in downloads.labels().items()
        )
    )


def _confidence(result: Result) -> None:
    values = json.loads(result.files["confidence"].read_text())
    if all(value is None for value in values):
        return
    st.markdown("**Where to look:** the engine's confidence, frame by frame")
    figure = go.Figure(go.Scatter(y=values, mode="lines", line={"color": "#ff2e88"}, name="confidence"))
    figure.update_layout(xaxis_title="frame", yaxis={"range": [0, 1.02], "title": "confidence"})
    margin = {"l": 0, "r": 0, "t": 8, "b": 0}
    _theme.chart(figure, f"confidence_{result.id}", height=180, margin=margin)


def _attention(result: Result) -> None:
    if "attention" not in result.files:
        return
    st.markdown("**Attention** of the object in the reference frames to each place; yellow is most")
    _parts.picture(result.files["attention"].read_bytes(), "Heat maps of attention over frames of the clip")


def _reuse(result: Result) -> None:
    """Offer a frame's mask as the prompt of another run."""
    visible = [track.visible for track in downloads.tracks(result)]
    found = np.any(visible, axis=0) if visible else np.zeros(0, bool)
    if not found.any():
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, last = int(found.argmax()), result.frames - 1
        st.number_input("Frame", 0, last, first, key=f"prompt_frame_{result.id}", width=110)
        _parts.button(
            "Use its mask as a prompt",
            _to_prompt,
            result.id,
            f"prompt_frame_{result.id}",
            changes=True,
            icon=":material/edit:",
            key="to_prompt",
        )


def _to_prompt(result_id: str, frame_key: str) -> None:
    _drafts.from_result(_parts.still_there(store, result_id), int(st.session_state[frame_key]), store)
    _parts.go("upload.py")


def _manage(result: Result) -> None:
    if _parts.may_change():
        with st.expander("Rename, delete", icon=":material/settings:"):
            st.text_input("Title", result.title, max_chars=120, key=f"title_{result.id}")
            for i in result.objects:
                st.text_input(
                    f"Name of object {i}", result.name(i), max_chars=60, key=f"name_{result.id}_{i}"
                )
            _parts.button("Save", _save, result.id, changes=True, key="save_names", icon=":material/save:")
            sure = st.checkbox("Yes, delete this result", key=f"sure_{result.id}")
            _parts.button(
                "Delete",
                _delete,
                result.id,
                changes=True,
                key="delete",
                icon=":material/delete:",
                disabled=not sure,
            )
    with st.container(horizontal=True):
        for label, page, icon in (
            ("3D trajectory", "trajectory", "timeline"),
            ("Compare", "compare", "compare"),
        ):
            _parts.button(
                label,
                _parts.open_result,
                result.id,
                f"{page}.py",
                icon=f":material/{icon}:",
                key=f"to_{page}",
            )


def _save(result_id: str) -> None:
    result, typed = _parts.still_there(store, result_id), st.session_state
    names = {i: typed[f"name_{result_id}_{i}"].strip() or result.name(i) for i in result.objects}
    store.rename(result_id, title=typed[f"title_{result_id}"].strip() or result.title, names=names)


def _delete(result_id: str) -> None:
    if st.session_state[f"sure_{result_id}"]:
        store.delete(result_id)
        st.session_state["kept_result"] = ""
        _parts.go("gallery.py")


main()
