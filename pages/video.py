"""One result: looked at frame by frame, put right, finished, and taken away."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from pages import _acts, _drafts, _exports, _parts, _words, player
from vos import downloads
from vos.errors import VosError
from vos.store.finish import finish_of, keep_finish
from vos.types import Result
from vos.video.draw import hex_colour
from vos.video.finish import Finish, read_finish

MOST_VERSIONS = 50
TOUCHES = {  # label, from, to, step
    "smooth": ("Smooth over time, frames on either side", 0, 5, 1),
    "specks": ("Drop parts below this share of the largest", 0.0, 0.5, 0.01),
    "holes": ("Fill holes", 0, 0, 0),
    "grow": ("Grow or shrink, pixels", -20, 20, 1),
    "feather": ("Feather the edge of exports with alpha, pixels", 0.0, 20.0, 0.5),
}

jobs = _parts.runner()
store = jobs.store


def main() -> None:
    """Show the result that the address names, or the newest."""
    _parts.remember("job", "")
    result = _parts.asked_result(store, "Video")
    if result:
        _parts.result_picker(store, result, "pick")
        _show(result)


def _show(result: Result) -> None:
    st.title(_words.plain(_words.short(result.title, 60)))
    if st.session_state.pop("from_cache", "") == result.id:
        st.success("From cache: this clip was segmented before with the same prompts and engine.")
    for warning in result.warnings:
        st.warning(_words.plain(warning[:1].upper() + warning[1:]))
    left, right = st.columns([13, 7], gap="large")
    with left:
        _stage(result)
        _downloads(result)
        _exports.menu(result, store, jobs, _finish_of(result))
        _attention(result)
    with right:
        _status(result)
        _versions(result)
        _information(result)
        _timings(result)
        _manage(result)


def _stage(result: Result) -> None:
    """Show the player, and what can be done with the result beside it."""
    finish = _finish_of(result)
    player.show(
        f"/api/results/{result.id}/player.json",
        key=f"player_{result.id}",
        frame=_parts.asked_frame(result),
        finish=finish.query if finish.changes_masks else "",
        may_correct=_acts.may_change(),
        on_correct=functools.partial(_acts.attempt, _correct, result.id),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if result.missing:
            _acts.button(
                f"Track the other {result.missing} frames",
                _go_on,
                result.id,
                changes=True,
                icon=":material/play_arrow:",
                key="go_on",
            )
        with st.popover("Finishing touches", icon=":material/auto_fix_high:"):
            _finishing(result, finish)


def _correct(result_id: str, frame: int) -> None:
    _drafts.from_result(_parts.still_there(store, result_id), frame, store)
    _acts.go("upload.py")


def _go_on(result_id: str) -> None:
    _correct(result_id, _parts.still_there(store, result_id).frames - 1)


def _finish_of(result: Result) -> Finish:
    """Return the touches that the address names, else those that are kept with the result."""
    asked = st.query_params.get("finish", "")
    try:
        return read_finish(dict(parse_qsl(asked))) if asked else finish_of(result)
    except VosError:
        return Finish()


def _finishing(result: Result, finish: Finish) -> None:
    keys = {name: f"touch_{name}_{result.id}" for name in TOUCHES}
    for name, (label, low, high, step) in TOUCHES.items():
        value = getattr(finish, name)
        change = {"key": keys[name], "on_change": _acts.whole(_keep_touches), "args": (result.id, keys)}
        if isinstance(value, bool):
            st.toggle(label, value, **change)
        else:
            st.slider(label, low, high, value, step, **change)
    st.caption("The masks are kept as they are; the player and every export show them finished like this.")


def _keep_touches(result_id: str, keys: dict[str, str]) -> None:
    """Keep the touches with the result; who may only look has them in the address."""
    finish = Finish(**{name: st.session_state[key] for name, key in keys.items()})
    st.query_params.pop("finish", None)
    if _acts.may_change():
        _acts.attempt(keep_finish, store, result_id, finish)
    else:
        st.query_params["finish"] = finish.query or "grow=0"


def _versions(result: Result) -> None:
    """Show what a corrected result comes from, newest first."""
    if not result.parent:
        return
    st.subheader("Versions")
    seen, shown = {result.id}, result
    while shown.parent and shown.parent not in seen and len(seen) < MOST_VERSIONS:
        earlier = store.get(shown.parent)
        note = shown.note[:1].upper() + shown.note[1:]
        if earlier is None:
            st.caption(f"{note}; what it was made from is not there any more.")
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{_words.plain(note)} · {_words.ago(shown.created)}")
            _acts.button(
                "Undo" if shown.id == result.id else "Open what it was before",
                _parts.open_result,
                earlier.id,
                icon=":material/undo:",
                key=f"back_to_{earlier.id}",
            )
        seen.add(earlier.id)
        shown = earlier


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
            f'<span style="flex:1;overflow-wrap:anywhere">{_words.escape(result.name(object_id))}</span>'
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
        f'{_words.escape(name)}</td><td style="overflow-wrap:anywhere">{_words.escape(str(fact))}</td></tr>'
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


def _attention(result: Result) -> None:
    if "attention" not in result.files:
        return
    st.markdown("**Attention** of the object in the reference frames to each place; yellow is most")
    _parts.picture(result.files["attention"].read_bytes(), "Heat maps of attention over frames of the clip")


def _manage(result: Result) -> None:
    if _acts.may_change():
        with st.expander("Rename, delete", icon=":material/settings:"):
            st.text_input("Title", result.title, max_chars=120, key=f"title_{result.id}")
            for i in result.objects:
                st.text_input(
                    f"Name of object {i}", result.name(i), max_chars=60, key=f"name_{result.id}_{i}"
                )
            _acts.button("Save", _save, result.id, changes=True, key="save_names", icon=":material/save:")
            sure = st.checkbox("Yes, delete this result", key=f"sure_{result.id}")
            _acts.button(
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
            _acts.button(
                label,
                _open,
                result.id,
                f"{page}.py",
                icon=f":material/{icon}:",
                key=f"to_{page}",
            )


def _open(result_id: str, page: str) -> None:
    """Lead to another page with this result and the frame that the player has written into the address."""
    at = {"frame": frame} if (frame := st.query_params.get("frame", "")) and page == "trajectory.py" else {}
    _parts.open_result(result_id, page, **at)


def _save(result_id: str) -> None:
    result, typed = _parts.still_there(store, result_id), st.session_state
    names = {i: typed[f"name_{result_id}_{i}"].strip() or result.name(i) for i in result.objects}
    store.rename(result_id, title=typed[f"title_{result_id}"].strip() or result.title, names=names)


def _delete(result_id: str) -> None:
    if st.session_state[f"sure_{result_id}"]:
        store.discard(result_id)
        st.session_state["kept_result"] = ""
        _acts.go("gallery.py")


main()
