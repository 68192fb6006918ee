"""What the dashboard shows of a job while it goes: how far it is, in words, and its newest frame."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vos import jobs
from vos.api.answers import explained, problem
from vos.api.jobs import asked_job

NEVER = {"Cache-Control": "no-store"}


@explained
def progress(request: Request) -> Response:
    """Send whether a job is active, its share done (0..1), that in words, and its newest frame's number."""
    status = asked_job(request)
    facts = {"active": status.active, "share": status.share, "text": status.words, "newest": status.done}
    return JSONResponse(facts, headers=NEVER)


@explained
def newest(request: Request) -> Response:
    """Send a job's newest frame with its mask."""
    jpeg = jobs.runner().preview(request.path_params["job_id"])
    if not jpeg:
        return problem(404, "there is no frame of this job yet")
    return Response(jpeg, media_type="image/jpeg", headers=NEVER)


routes: list[BaseRoute] = [
    Route("/api/jobs/{job_id}/progress.json", progress),
    Route("/api/jobs/{job_id}/newest.jpg", newest),
]
