"""Exports of a result: started as jobs, and their files."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import fields

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vos import downloads, jobs, plugins
from vos.api.answers import NotThere, asked_result, send_file, send_json
from vos.api.body import read_object
from vos.api.operations import Operation
from vos.api.results import saved_as
from vos.api.schemas import JOB, PLUGIN, RESULT, TEXT, array, export_of, job_of, result_of
from vos.errors import InvalidInput
from vos.jobs.export_options import read_browser_options
from vos.store.finish import keep_finish
from vos.video.finish import Finish, read_finish


def all_exports(request: Request) -> Response:
    """Send the exports with their options."""
    return send_json(request, [export_of(name) for name in plugins.names(plugins.EXPORTS)])


async def start(request: Request) -> Response:
    """Queue an export: 202 with its job, 200 where its file is there."""
    given = await read_object(request, ("options", "finish"))
    return await to_thread.run_sync(_start, request, given)


async def keep(request: Request) -> Response:
    """Keep finishing touches with a result, in place of earlier ones; answer the result."""
    given = await read_object(request, [field.name for field in fields(Finish)])
    return await to_thread.run_sync(_keep, request, given)


def _keep(request: Request, given: Mapping[str, object]) -> Response:
    store, result_id = jobs.runner().store, asked_result(request).id
    keep_finish(store, result_id, _touches(given))
    return send_json(request, result_of(asked_result(request), store.marking.of(result_id)))


def _start(request: Request, given: Mapping[str, object]) -> Response:
    name, runner = request.path_params["name"], jobs.runner()
    result = asked_result(request)
    _known(name)
    chosen = given.get("options", {})
    if not isinstance(chosen, Mapping) or any(
        not isinstance(value, bool | int | float | str) for value in chosen.values()
    ):
        raise InvalidInput("options is no JSON object of texts, numbers and truth values")
    options = read_browser_options(runner.store, name, chosen)
    status = runner.exports.status(runner.exports.submit(result.id, name, options, _finish(given)))
    if status is None:
        raise NotThere("the export is not known any more; please ask for it again")
    content = job_of(status)
    location = content["links"].get("file") or content["links"]["self"]
    return JSONResponse(content, 202 if status.active else 200, {"Location": location})


def _finish(given: Mapping[str, object]) -> Finish | None:
    """Return the touches of a request; None, those that are kept with the result, where it says nothing."""
    if "finish" not in given:
        return None
    touches = given["finish"]
    if not isinstance(touches, Mapping):
        raise InvalidInput("finish is no JSON object")
    return _touches(touches)


def _touches(given: Mapping[str, object]) -> Finish:
    return read_finish({str(name): str(value) for name, value in given.items()})


def export_file(request: Request) -> Response:
    """Send the file of an export that was made: the one of ?key=, or the newest."""
    result, name = asked_result(request), request.path_params["name"]
    suffix = _known(name)
    key = request.query_params.get("key", "")
    made = [file for file in result.files if file.rpartition("-")[0] == f"export-{name}"]
    found = [file for file in made if key in ("", file)]
    file = jobs.runner().store.open_file(result.id, found[0]) if found else None
    if file is None:
        raise NotThere(f"there is no export {name} with these options; POST makes it")
    media = mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
    called = downloads.file_name(result, downloads.file_of(name))
    headers = {"Cache-Control": "private, no-cache", "Content-Disposition": saved_as(called)}
    return send_file(request, file, media, headers)


def _known(name: str) -> str:
    """Return the ending of an export's file; Raises NotThere when there is no such export."""
    if name not in plugins.names(plugins.EXPORTS):
        raise NotThere(f"there is no export {name[:40]!r}; GET /api/exports lists them")
    return str(plugins.load(plugins.EXPORTS, name).SUFFIX)


_ONE = "/api/results/{result_id}/exports/{name}"
_BODY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "options": {"type": "object", "description": "By name; files are the sha256 of uploads"},
        "finish": {
            "type": "object",
            "description": "smooth, specks, holes, grow, feather; left out: those kept with the result",
        },
    },
}
operations = [
    Operation(
        "GET",
        "/api/exports",
        all_exports,
        "The exports and their options",
        {200: ("application/json", array(PLUGIN))},
    ),
    Operation(
        "GET",
        _ONE,
        export_file,
        "The file of an export that was made",
        {200: ("application/octet-stream", None)},
        (404, 416),
        query={"key": {**TEXT, "description": "Which, where options differ; the job's links have it"}},
    ),
    Operation(
        "POST",
        _ONE,
        start,
        "Start an export: 202 with its job; 200 where its file is there",
        {200: ("application/json", JOB), 202: ("application/json", JOB)},
        (403, 404, 408, 422, 503),
        body={"application/json": _BODY},
    ),
    Operation(
        "PUT",
        "/api/results/{result_id}/finish",
        keep,
        "Keep finishing touches with a result: exports and the player take them",
        {200: ("application/json", RESULT)},
        (403, 404, 408, 422, 507),
        body={"application/json": {"type": "object", "description": "smooth, specks, holes, grow, feather"}},
    ),
]
