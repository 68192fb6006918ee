"""Whether the dashboard is up, and with what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vos import __version__, jobs, plugins
from vos.api.answers import explained
from vos.api.operations import Operation
from vos.api.schemas import HEALTH


@explained
def health(request: Request) -> Response:
    """Say that the server is up, and with what; 503 and a sentence when results cannot even be read."""
    known = jobs.runner().jobs()
    return JSONResponse(
        {
            "status": "ok",
            "version": __version__,
            "engines": plugins.names(plugins.ENGINES),
            "waiting": sum(job.state == "queued" for job in known),
            "running": sum(job.state == "running" for job in known),
        }
    )


operations = [
    Operation(
        "GET",
        "/api/health",
        health,
        "Whether the dashboard is up, and with what",
        {200: ("application/json", HEALTH)},
        (503,),
    )
]
