"""Jobs, of segmenting and of exporting: how they stand, as it changes, and their end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vos import jobs
from vos.api.answers import NotThere, send_json
from vos.api.operations import Operation
from vos.api.schemas import JOB, array, job_of
from vos.jobs.exports import ExportStatus
from vos.jobs.status import JobStatus

LOOK_S = 0.25
ALIVE_S = 15.0  # a comment at least so often keeps proxies from closing the line


def all_jobs(request: Request) -> Response:
    """Send all remembered jobs, newest first."""
    runner = jobs.runner()
    known: list[JobStatus | ExportStatus] = [*runner.jobs(), *runner.exports.jobs()]
    return send_json(request, [job_of(status) for status in known])


def one_job(request: Request) -> Response:
    """Send how a job stands."""
    return send_json(request, job_of(asked_job(request)))


def end_job(request: Request) -> Response:
    """Cancel a job that waits or runs; forget one that is over."""
    status, runner = asked_job(request), jobs.runner()
    if isinstance(status, ExportStatus):
        runner.exports.cancel(status.id)
    elif status.active:
        runner.cancel(status.id)
    else:
        runner.forget(status.id)
        return send_json(request, job_of(status))
    return send_json(request, job_of(find(status.id) or status))


async def events(request: Request) -> Response:
    """Send how a job stands whenever it changes, until it is over."""
    status = asked_job(request)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(status), media_type="text/event-stream", headers=headers)


async def _events(status: JobStatus | ExportStatus) -> AsyncIterator[str]:
    last, silent = None, 0.0
    while True:
        if status != last:
            yield f"event: status\ndata: {json.dumps(job_of(status))}\n\n"
            last, silent = status, 0.0
        elif silent >= ALIVE_S:
            yield ": still here\n\n"
            silent = 0.0
        if not status.active or (now := find(status.id)) is None:
            return
        await anyio.sleep(LOOK_S)
        status, silent = now, silent + LOOK_S


async def ended(job_id: str) -> JobStatus | ExportStatus:
    """Wait until a job is over and return how it stands then.

    Raises:
        NotThere: it is not known (any more).
    """
    while (status := find(job_id)) is not None and status.active:
        await anyio.sleep(LOOK_S)
    if status is None:
        raise NotThere("there is no such job; it may have been forgotten")
    return status


def find(job_id: str) -> JobStatus | ExportStatus | None:
    """Return how a job stands, or None."""
    runner = jobs.runner()
    return runner.status(job_id) or runner.exports.status(job_id)


def asked_job(request: Request) -> JobStatus | ExportStatus:
    """Return the job that a path names.

    Raises:
        NotThere: there is none.
    """
    job_id = request.path_params["job_id"]
    status = find(job_id) if re.fullmatch(r"[0-9a-f]{64}", job_id) else None
    if status is None:
        raise NotThere("there is no such job; it may have been forgotten")
    return status


_ONE = "/api/jobs/{job_id}"
_JSON = ("application/json", JOB)
operations = [
    Operation(
        "GET",
        "/api/jobs",
        all_jobs,
        "All remembered jobs, newest first",
        {200: ("application/json", array(JOB))},
    ),
    Operation("GET", _ONE, one_job, "How a job stands", {200: _JSON}, (404,)),
    Operation("DELETE", _ONE, end_job, "Cancel a job, or forget one that is over", {200: _JSON}, (403, 404)),
    Operation(
        "GET",
        f"{_ONE}/events",
        events,
        "How a job stands, as server-sent events named status, until it is over",
        {200: ("text/event-stream", None)},
        (404,),
    ),
]
