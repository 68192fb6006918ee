"""What people set on a result: its title, its objects' names, whether it is pinned, its tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from vos import jobs
from vos.api.answers import asked_result, send_json
from vos.api.body import read_object
from vos.api.operations import Operation
from vos.api.schemas import RESULT, TEXT, TITLE_LETTERS, TRUTH, array, read_names, result_of
from vos.errors import InvalidInput
from vos.store import Marks

FIELDS: Mapping[str, Any] = {
    "title": {**TEXT, "minLength": 1},
    "names": {"type": "object", "additionalProperties": TEXT, "description": 'By object: {"1": "Dog"}'},
    "pinned": {**TRUTH, "description": "A pinned result never makes room for others"},
    "tags": {**array(TEXT), "description": "All its tags, in place of those it had"},
}


async def change(request: Request) -> Response:
    """Set what the body names and leave the rest as it is."""
    given = await read_object(request, FIELDS)
    return await to_thread.run_sync(_change, request, given)


def _change(request: Request, given: Mapping[str, Any]) -> Response:
    result, store = asked_result(request), jobs.runner().store
    title, pinned, tags = given.get("title", result.title), given.get("pinned"), given.get("tags")
    if not isinstance(title, str) or not title.strip():
        raise InvalidInput("title is no text, or empty")
    if not isinstance(pinned, bool | None):
        raise InvalidInput("pinned is neither true nor false")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise InvalidInput("tags is no list of texts")
    names = {**result.names, **read_names(given.get("names", {}))}

    def marked(old: Marks) -> Marks:
        return Marks(old.pinned if pinned is None else pinned, old.tags if tags is None else tuple(tags))

    if pinned is not None or tags is not None:  # first: it may refuse
        store.marking.change(result.id, marked)
    if (title, names) != (result.title, result.names):
        result = store.rename(result.id, title=title.strip()[:TITLE_LETTERS], names=names)
    return send_json(request, result_of(result, store.marking.of(result.id)))


operations = [
    Operation(
        "PATCH",
        "/api/results/{result_id}",
        change,
        "Name a result and its objects, pin it, give it tags",
        {200: ("application/json", RESULT)},
        (403, 404, 408, 422, 503),
        body={"application/json": {"type": "object", "additionalProperties": False, "properties": FIELDS}},
    )
]
