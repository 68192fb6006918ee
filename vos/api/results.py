"""Results: a list, one, its files with Range, its masks, its end; and whatever vos.downloads makes of one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from vos import downloads, jobs
from vos.api.answers import GONE, NotThere, asked_result, explained, problem, send_bytes, send_file, send_json
from vos.api.operations import Operation
from vos.api.schemas import RESULT, RESULTS, TEXT, result_of, row_of
from vos.errors import InvalidInput
from vos.store.rows import SORTS
from vos.types import read_number
from vos.video.masks import MaskReader, encode_png

MEDIA = {"overlay.mp4": "video/mp4", "source.mp4": "video/mp4", "thumbnail.jpg": "image/jpeg"}
MOST = 100  # results of one answer
TABLES = ("csv", "json", "txt")


def all_results(request: Request) -> Response:
    """Send some of the results that match."""
    asked = request.query_params
    offset, limit = _number(request, "offset", 0), min(_number(request, "limit", 24), MOST)
    which = {"search": asked.get("search", ""), "sort": asked.get("sort", "newest")}
    which |= {name: asked.get(name, "") for name in ("engine", "tag")}
    pinned = asked.get("pinned", "0") == "1"
    page = jobs.runner().store.page(offset, limit, pinned=pinned, **which)
    links = {}
    if offset + limit < page.total and limit:
        more = which | {"pinned": int(pinned), "offset": offset + limit, "limit": limit}
        links["next"] = f"/api/results?{urlencode(more)}"
    rows = [row_of(row) for row in page.rows]
    content = {"results": rows, "total": page.total, "offset": offset, "limit": limit, "links": links}
    return send_json(request, content)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(f"{name} is {text[:40]!r}; a whole number is needed")
    return read_number(text)


def one_result(request: Request) -> Response:
    """Send all that is known of a result."""
    result = asked_result(request)
    return send_json(request, result_of(result, jobs.runner().store.marking.of(result.id)))


def delete(request: Request) -> Response:
    """Delete a result; for a day the gallery can bring it back."""
    jobs.runner().store.discard(asked_result(request).id)
    return Response(status_code=204)


def video(request: Request) -> Response:
    """Send the rendered video, or with ?which=source the clip."""
    which = request.query_params.get("which", "overlay")
    if which not in ("overlay", "source"):
        raise InvalidInput(f"which is {which[:40]!r}; allowed are: overlay, source")
    return _stored(request, asked_result(request).id, f"{which}.mp4")


def masks(request: Request) -> Response:
    """Send all masks as a zip of PNGs in the DAVIS palette."""
    return _made(request, request.path_params["result_id"], "davis_png.zip")


def mask(request: Request) -> Response:
    """Send the mask of a frame as a PNG in the DAVIS palette."""
    result, text = asked_result(request), request.path_params["frame"]
    with MaskReader(result.files["masks"]) as stored:
        if not (text.isascii() and text.isdigit() and read_number(text) < len(stored)):
            raise NotThere(f"the frame {text[:20]} is outside 0..{len(stored) - 1}")
        png = encode_png(stored[read_number(text)])
    return send_bytes(request, png, "image/png")


def trajectory(request: Request) -> Response:
    """Send where the objects are, as a table."""
    kind = request.query_params.get("format", "csv")
    if kind not in TABLES:
        raise InvalidInput(f"format is {kind[:40]!r}; allowed are: {', '.join(TABLES)}")
    return _made(request, request.path_params["result_id"], f"trajectory.{kind}")


@explained
def result_file(request: Request) -> Response:
    """Send one file of a result: shown in place with Range, or made and saved with ?download=1."""
    result_id, name = request.path_params["result_id"], request.path_params["file"]
    return (_stored if name in MEDIA else _made)(request, result_id, name)


def _stored(request: Request, result_id: str, name: str) -> Response:
    store = jobs.runner().store
    headers = {"Cache-Control": "private, max-age=3600"}
    if "download" in request.query_params:
        result = store.get(result_id)
        if result is None:
            return problem(404, GONE)
        headers["Content-Disposition"] = saved_as(downloads.file_name(result, name))
    file = store.open_file(result_id, name.partition(".")[0])
    if file is None:
        return problem(404, GONE)
    return send_file(request, file, MEDIA[name], headers)


def saved_as(name: str) -> str:
    """Return the Content-Disposition of a file that is saved under a name."""
    return f"attachment; filename*=utf-8''{quote(name, safe='')}"


def _made(request: Request, result_id: str, name: str) -> Response:
    store = jobs.runner().store
    folder = store.workspace()
    try:
        result = store.borrow(result_id, Path(folder.name))
        if result is None:
            folder.cleanup()
            return problem(404, GONE)
        path = downloads.make(result, name, Path(folder.name))
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path, filename=downloads.file_name(result, name), background=BackgroundTask(folder.cleanup)
    )


_ONE = "/api/results/{result_id}"
_JSON = ("application/json", RESULT)
_WHOLE = {"type": "integer", "minimum": 0, "maximum": 10**9 - 1}
_LIST = {
    "search": {**TEXT, "description": "Part of a title, of an object's name or of a tag"},
    "sort": {"enum": list(SORTS)},
    "engine": TEXT,
    "tag": TEXT,
    "pinned": {"enum": ["0", "1"], "description": "1: only those that are pinned"},
    "offset": _WHOLE,
    "limit": {**_WHOLE, "maximum": MOST, "default": 24},
}
_FORMAT = {"format": {"enum": list(TABLES)}}
operations = [
    Operation(
        "GET",
        "/api/results",
        all_results,
        "Results: a page of those that match",
        {200: ("application/json", RESULTS)},
        (422,),
        query=_LIST,
    ),
    Operation("GET", _ONE, one_result, "All that is known of a result", {200: _JSON}, (404,)),
    Operation("DELETE", _ONE, delete, "Delete a result", {204: ("", None)}, (403, 404)),
    Operation(
        "GET",
        f"{_ONE}/video",
        video,
        "The rendered video, or the clip",
        {200: ("video/mp4", None)},
        (404, 416, 422),
        query={"which": {"enum": ["overlay", "source"]}},
    ),
    Operation(
        "GET",
        f"{_ONE}/masks",
        masks,
        "All masks, a zip of PNGs in the DAVIS palette",
        {200: ("application/zip", None)},
        (404,),
    ),
    Operation(
        "GET", f"{_ONE}/masks/{{frame}}.png", mask, "The mask of a frame", {200: ("image/png", None)}, (404,)
    ),
    Operation(
        "GET",
        f"{_ONE}/trajectory",
        trajectory,
        "Where the objects are, frame by frame",
        {200: ("text/csv, application/json, text/plain", None)},
        (404, 422),
        query=_FORMAT,
    ),
]
