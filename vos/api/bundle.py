"""Several results in one zip."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vos import jobs
from vos.api.answers import GONE, NotThere
from vos.api.operations import Operation
from vos.api.results import saved_as
from vos.api.schemas import TEXT, array
from vos.errors import InvalidInput
from vos.store.bundle import bundle

MOST = 200  # results of one zip: their ids are in its address


def many(request: Request) -> Response:
    """Send a zip with a folder for each result, as it is made."""
    asked = list(dict.fromkeys(request.query_params.getlist("id")))
    if not 1 <= len(asked) <= MOST:
        raise InvalidInput(f"{len(asked)} results are asked for; 1 to {MOST} are allowed")
    store = jobs.runner().store
    found = [result_id for result_id in asked if store.get(result_id)]
    if not found:
        raise NotThere(GONE)
    headers = {"Cache-Control": "no-store", "Content-Disposition": saved_as(f"{len(found)} results.zip")}
    return StreamingResponse(bundle(store, found), media_type="application/zip", headers=headers)


operations = [
    Operation(
        "GET",
        "/api/results.zip",
        many,
        "Several results in one zip: videos, masks, trajectories and facts",
        {200: ("application/zip", None)},
        (404, 422),
        query={"id": {**array(TEXT), "description": "Of a result; may come up to 200 times"}},
    )
]
