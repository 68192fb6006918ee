"""HTTP routes beside the dashboard: REST (one table of operations), and what its own pages read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vos.api import (
    bundle,
    engines,
    exports,
    frames,
    health,
    infer,
    jobs,
    marks,
    openapi,
    player,
    progress,
    results,
    uploads,
)
from vos.api.answers import problem
from vos.api.operations import ANY, Operation, routes_of


def nothing(request: Request) -> Response:
    """Answer what no route knows; without this the dashboard's page would answer 200."""
    return problem(404, f"there is nothing at {request.url.path}")


operations: list[Operation] = openapi.pages_of(
    [
        *infer.operations,
        *jobs.operations,
        *results.operations,
        *marks.operations,
        *bundle.operations,
        *exports.operations,
        *engines.operations,
        *uploads.operations,
        *health.operations,
    ]
)
routes: list[BaseRoute] = [
    *routes_of(operations),
    *player.routes,
    *frames.routes,
    *progress.routes,
    Route("/api/results/{result_id}/{file}", results.result_file),
    Route("/api", nothing, methods=ANY),
    Route("/api/{rest:path}", nothing, methods=ANY),
]
