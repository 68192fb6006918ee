"""The engines with their options."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from vos import plugins
from vos.api.answers import send_json
from vos.api.operations import Operation
from vos.api.schemas import PLUGIN, array, engine_of


def all_engines(request: Request) -> Response:
    """Send the engines."""
    return send_json(request, [engine_of(name) for name in plugins.names(plugins.ENGINES)])


operations = [
    Operation(
        "GET",
        "/api/engines",
        all_engines,
        "The engines and their options",
        {200: ("application/json", array(PLUGIN))},
    )
]
