"""HTTP routes beside the dashboard: health, and the files of results with Range."""

from __future__ import annotations

from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vos import __version__, downloads, plugins
from vos.api import frames, player
from vos.errors import VosError
from vos.jobs import runner

MEDIA = {"overlay.mp4": "video/mp4", "source.mp4": "video/mp4", "thumbnail.jpg": "image/jpeg"}


def _problem(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status)


def health(request: Request) -> Response:
    """Say that the server is up, and with what."""
    jobs = runner().jobs()
    return JSONResponse(
        {
            "status": "ok",
            "version": __version__,
            "engines": plugins.names(plugins.ENGINES),
            "waiting": sum(job.state == "queued" for job in jobs),
            "running": sum(job.state == "running" for job in jobs),
        }
    )


def result_file(request: Request) -> Response:
    """Send one file of a result: shown in place with Range, or made and saved with ?download=1."""
    store = runner().store
    result = store.get(request.path_params["result_id"])
    name = request.path_params["file"]
    if result is None:
        return _problem(404, "there is no such result; it may have been deleted")
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    if name in MEDIA:
        save_as = downloads.file_name(result, name) if "download" in request.query_params else None
        path = result.files[name.partition(".")[0]]
        return FileResponse(path, media_type=MEDIA[name], headers=headers, filename=save_as)
    folder = store.workspace()
    try:
        path = downloads.make(result, name, Path(folder.name))
    except VosError as error:
        folder.cleanup()
        return _problem(404, str(error))
    return FileResponse(
        path, filename=downloads.file_name(result, name), background=BackgroundTask(folder.cleanup)
    )


def nothing(request: Request) -> Response:
    """Answer what no route knows; without this the dashboard's page would answer 200."""
    return _problem(404, f"there is nothing at {request.url.path}")


routes: list[BaseRoute] = [
    Route("/api/health", health),
    *player.routes,
    *frames.routes,
    Route("/api/results/{result_id}/{file}", result_file),
    Route("/api/{rest:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
]
