"""Files of results: videos and pictures with Range, and whatever vos.downloads makes of a result."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from vos import downloads, jobs
from vos.api.answers import GONE, explained, problem, send_file

MEDIA = {"overlay.mp4": "video/mp4", "source.mp4": "video/mp4", "thumbnail.jpg": "image/jpeg"}


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
        headers["Content-Disposition"] = _saved_as(downloads.file_name(result, name))
    file = store.open_file(result_id, name.partition(".")[0])
    if file is None:
        return problem(404, GONE)
    return send_file(request, file, MEDIA[name], headers)


def _saved_as(name: str) -> str:
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
