"""A clip and where its object is, in; a job or its result, out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vos import jobs, plugins, segment, sharing, uploads
from vos.api.answers import NotThere, problem, send_file
from vos.api.form import Form, read_form
from vos.api.jobs import ended
from vos.api.operations import Operation
from vos.api.schemas import JOB, RESULT, TEXT, TITLE_LETTERS, array, job_of, read_names, result_of
from vos.correct import merge_prompts
from vos.errors import InvalidInput
from vos.net.device import choose
from vos.options import read_kept_options, read_options
from vos.prompts import clicks
from vos.prompts.click_texts import read_box, read_click, read_gone
from vos.prompts.gone import add_gone
from vos.prompts.mask_files import MaskFile, read_prompts
from vos.prompts.stored import prompts_of
from vos.store import Store
from vos.types import Job, OptionValue, Prompt, Result, read_number
from vos.uploads import Upload
from vos.video.read import open_clip, probe

FIELDS = ("clip", "digest", "mask", "click", "box", "gone", "engine", "options", "title", "names")
MARKS = ("mask", "click", "box", "gone")
ENGINE, PICKER = "memory", "click"
PARENT = "/api/results/{result_id}"


async def infer(request: Request) -> Response:
    """Queue what a form asks for: 202 with the job; 200 with the result where it is stored already."""
    store = await to_thread.run_sync(lambda: jobs.runner().store)
    folder = await to_thread.run_sync(store.workspace)
    try:
        form = await read_form(request, store, Path(folder.name), FIELDS)
        job, digest = await to_thread.run_sync(_read_job, form, store)
    finally:
        await to_thread.run_sync(folder.cleanup)
    return await _answer(request, job, digest)


async def correct(request: Request) -> Response:
    """Queue a result anew with further masks, clicks or boxes: what they do not change stays as it is."""
    store = await to_thread.run_sync(lambda: jobs.runner().store)
    base = await to_thread.run_sync(store.get, request.path_params["result_id"])
    if base is None:
        raise NotThere("there is no such result; it may have been deleted")
    folder = await to_thread.run_sync(store.workspace)
    try:
        form = await read_form(request, store, Path(folder.name), (*MARKS, "title", "blend"))
        job = await to_thread.run_sync(_read_correction, form, store, base)
    finally:
        await to_thread.run_sync(folder.cleanup)
    return await _answer(request, job, base.digest)


async def _answer(request: Request, job: Job, digest: str) -> Response:
    runner = await to_thread.run_sync(jobs.runner)
    visitor = sharing.visitor(request.client.host if request.client else None)
    job_id = await to_thread.run_sync(runner.submit, job, digest, visitor)
    if request.query_params.get("wait", "0") not in ("0", "", "false"):
        return await _whole(request, job_id)
    status = runner.status(job_id)
    if status is None or status.cached:
        result = await to_thread.run_sync(runner.store.get, job_id)
        if result:
            marks = await to_thread.run_sync(runner.store.marking.of, job_id)
            return JSONResponse(result_of(result, marks))
    if status is None:
        raise NotThere("the job is not known any more; please ask for it again")
    body = job_of(status)
    return JSONResponse(body, 202, {"Location": body["links"]["self"]})


async def _whole(request: Request, job_id: str) -> Response:
    """Wait for a job and send its rendered video with its facts as headers."""
    status = await ended(job_id)
    if status.state != "done":
        return problem(422 if status.error else 409, status.error or f"the job was {status.state}")
    store = jobs.runner().store
    result = await to_thread.run_sync(store.get, status.result_id)
    file = await to_thread.run_sync(store.open_file, status.result_id, "overlay")
    if result is None or file is None:
        raise NotThere("the result was deleted a moment ago")
    return send_file(request, file, "video/mp4", _facts(result))


def _facts(result: Result) -> dict[str, str]:
    facts = {
        "Result": result.id,
        "Engine": result.engine,
        "Frames": result.frames,
        "Fps": result.info.fps,
        "Width": result.info.width,
        "Height": result.info.height,
        "Seconds": round(result.seconds["total"], 3),
        "Visible": json.dumps(dict(result.visible)),
        "Warnings": json.dumps(result.warnings),  # ASCII, as headers must be
    }
    named = {f"X-VOS-{name}": str(value) for name, value in facts.items()}
    return named | {"Content-Location": f"/api/results/{result.id}/video"}


def _read_job(form: Form, store: Store) -> tuple[Job, str]:
    clip = _clip(form, store)
    info = probe(clip.path)
    engine = form.one("engine", ENGINE)
    job = Job(
        clip=clip.path,
        engine=engine,
        prompts=_prompts(form, clip.path, info.size_hw),
        options=read_options(plugins.ENGINES, engine, _options(form)),
        title=form.one("title").strip()[:TITLE_LETTERS] or Path(clip.name).stem[:TITLE_LETTERS],
        names=read_names(_json(form, "names")),
    )
    segment.check(job, info)
    return job, clip.digest


def _read_correction(form: Form, store: Store, base: Result) -> Job:
    clip = uploads.find(base.digest, store.folder / "uploads") or base.files["source"]
    given = _prompts(form, clip, base.info.size_hw)
    if not given:
        raise InvalidInput("a correction needs a mask, a click, a box or what is gone")
    job = Job(
        clip=clip,
        engine=base.engine,
        prompts=merge_prompts(prompts_of(base), given),
        options=read_kept_options(plugins.ENGINES, base.engine, base.options),
        title=form.one("title").strip()[:TITLE_LETTERS] or base.title,
        names=base.names,
        span=base.span,
        base=base.id,
        blend=form.one("blend", "0") not in ("0", "", "false"),
    )
    segment.check(job, replace(base.info, frames=max(base.frames, base.info.frames)))
    return job


def _clip(form: Form, store: Store) -> Upload:
    if form.clip:
        return form.clip
    digest = form.one("digest")
    path = uploads.find(digest, store.folder / "uploads")
    if path is None:
        raise InvalidInput("the form has neither a clip nor the digest of an uploaded one")
    return Upload(path, digest, path.name[:12])


def _prompts(form: Form, clip: Path, size_hw: tuple[int, int]) -> tuple[Prompt, ...]:
    masks = [MaskFile(_frame(part.field), part.name, part.path) for part in form.files]
    prompts, _ = read_prompts(masks, size_hw)
    points = [read_click(text) for text in form.fields.get("click", [])]
    boxes = [read_box(text) for text in form.fields.get("box", [])]
    if points or boxes:
        prompts += clicks.prompts_from_clicks(open_clip(clip), points, boxes, clicks.build(PICKER, choose()))
    return add_gone(prompts, read_gone(form.fields.get("gone", [])), size_hw)


def _frame(field: str) -> int:
    """Return the frame of a mask: that of mask[12] is 12, that of mask is 0."""
    match = re.fullmatch(r"mask(?:\[([0-9]+)\])?", field)
    if match is None:
        raise InvalidInput(f"the file {field[:40]!r} is no mask; masks are mask or mask[FRAME]")
    return read_number(match[1] or "0")


def _options(form: Form) -> dict[str, OptionValue]:
    given = _json(form, "options")
    for name, value in given.items():
        if not isinstance(value, bool | int | float | str):
            raise InvalidInput(f"option {name[:40]} is no text, number or truth value")
    return given


def _json(form: Form, field: str) -> dict[str, Any]:
    text = form.one(field, "{}")
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{field} is no JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{field} is no JSON object")
    return dict(given)


_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_MARKS: dict[str, Any] = {
    "mask": array({**_FILE, "description": "Mask of frame 0; mask[12] is that of frame 12"}),
    "click": array({**TEXT, "description": "FRAME:X,Y[:OBJECT]; FRAME:-X,Y[:OBJECT] is beside it"}),
    "box": array({**TEXT, "description": "FRAME:X1,Y1,X2,Y2[:OBJECT]"}),
    "gone": array({**TEXT, "description": "FRAME[:OBJECT]: not there from that frame on"}),
    "title": TEXT,
}
_BLEND = {"enum": ["0", "1"], "description": "1: bend the frames before, back to the prompt before, too"}
_FORM = {
    "type": "object",
    "properties": {
        "clip": {**_FILE, "description": "The video, or a zip of images"},
        "digest": {**TEXT, "description": "Instead of the clip: what POST /api/uploads answered"},
        "engine": {**TEXT, "default": ENGINE},
        "options": {**TEXT, "description": "JSON object; GET /api/engines tells them"},
        "names": {**TEXT, "description": 'JSON object: {"1": "Dog"}'},
        **_MARKS,
    },
}
_WAIT = {"wait": {"enum": ["0", "1"], "description": "1: wait, and answer the rendered video"}}
_ANSWERS = {200: ("application/json", RESULT), 202: ("application/json", JOB)}
_ERRORS = (403, 404, 408, 409, 422, 503, 507)
operations = [
    Operation(
        "POST",
        "/api/infer",
        infer,
        "Segment a clip: 202 with the job; 200 with the result where the same was asked before",
        _ANSWERS,
        _ERRORS,
        query=_WAIT,
        body={"multipart/form-data": _FORM},
    ),
    Operation(
        "POST",
        f"{PARENT}/corrections",
        correct,
        "Correct a result with more masks, clicks, boxes, or what is gone; it stays, the new one is another",
        _ANSWERS,
        _ERRORS,
        query=_WAIT,
        body={"multipart/form-data": {"type": "object", "properties": {**_MARKS, "blend": _BLEND}}},
    ),
]
