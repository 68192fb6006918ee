"""HTTP routes beside the dashboard: health, the files of results with Range, uploads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vos.api import frames, player
from vos.api.answers import problem
from vos.api.health import health
from vos.api.results import result_file
from vos.api.uploads import receive


def nothing(request: Request) -> Response:
    """Answer what no route knows; without this the dashboard's page would answer 200."""
    return problem(404, f"there is nothing at {request.url.path}")


_ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
routes: list[BaseRoute] = [
    Route("/api/health", health),
    *player.routes,
    *frames.routes,
    Route("/api/results/{result_id}/{file}", result_file),
    Route("/api/uploads", receive, methods=["POST"]),
    Route("/api", nothing, methods=_ANY),
    Route("/api/{rest:path}", nothing, methods=_ANY),
]
