"""OpenAPI 3.1 of the table of operations, and a page that shows it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from vos import __version__
from vos.api.answers import send_json
from vos.api.operations import Operation
from vos.api.schemas import PROBLEM

TITLE = "Video object segmentation"
_HEADER = {
    "name": "X-VOS-Request",
    "in": "header",
    "required": True,
    "description": "Any value: pages of other sites cannot send it. A token in Authorization does as well",
    "schema": {"type": "string", "enum": ["1"]},
}
_MEANT = {
    200: "Done",
    201: "Kept",
    202: "Accepted",
    204: "Done",
    403: "No token, or a page of another site",
    404: "It is not there",
    408: "The request broke off",
    409: "The job was cancelled",
    411: "The request does not say how long it is",
    413: "Too large",
    416: "The range is outside the file",
    422: "The request cannot be right; the sentence says what is allowed",
    503: "Too many jobs wait, or the folder of results cannot be used",
    507: "The disk is full",
    400: "The request is not as it should be",
}


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    text = {"type": "string"}
    parameters: list[Any] = [
        {"name": name, "in": "path", "required": True, "schema": text} for name in operation.parameters
    ]
    parameters += [{"name": name, "in": "query", "schema": kind} for name, kind in operation.query.items()]
    if operation.changes:
        parameters.append(_HEADER)
    answers: dict[str, Any] = {}
    for status, (media, schema) in operation.answers.items():
        answers[str(status)] = {"description": _MEANT[status]}
        if media:
            kinds = media.split(", ")
            answers[str(status)]["content"] = {kind: {"schema": schema} if schema else {} for kind in kinds}
    for status in operation.errors:
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        answers[str(status)] = {"description": _MEANT[status], "content": content}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.run.__name__,
        "parameters": parameters,
        "responses": answers,
    }
    if operation.body:
        media_types = {media: {"schema": schema} for media, schema in operation.body.items()}
        described["requestBody"] = {"content": media_types}
    return described


def pages_of(operations: list[Operation]) -> list[Operation]:
    """Return the operations that describe all, themselves included."""

    def openapi(request: Request) -> Response:
        return send_json(request, describe(every))

    def docs(request: Request) -> Response:
        return HTMLResponse(_page(every))

    named: list[tuple[str, Callable[[Request], Response], str, str]] = [
        ("/api/openapi.json", openapi, "This, as OpenAPI 3.1", "application/json"),
        ("/api/docs", docs, "This, as a page", "text/html"),
    ]
    every = operations + [
        Operation("GET", path, run, summary, {200: (media, None)}) for path, run, summary, media in named
    ]
    return every


def _page(operations: Iterable[Operation]) -> str:
    rows = "".join(_row(operation) for operation in operations)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>REST · {TITLE}</title>'
        '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "code{overflow-wrap:anywhere}b{display:inline-block;min-width:4.5rem}dt{margin-top:1.2rem}"
        "dd{margin:0 0 0 1rem}</style>"
        f'<h1>REST</h1><p>As OpenAPI 3.1: <a href="/api/openapi.json">/api/openapi.json</a>. '
        "Errors are <code>application/problem+json</code>. What changes something comes with a header "
        f"<code>X-VOS-Request: 1</code>.</p><dl>{rows}</dl></html>"
    )


def _row(operation: Operation) -> str:
    lines = [html.escape(operation.summary)]
    fields = {
        name: schema
        for body in operation.body.values()
        for name, schema in body.get("properties", {}).items()
    }
    for name, schema in {**operation.query, **fields}.items():
        allowed = " | ".join(map(str, schema.get("enum", [])))
        told = schema.get("description", "") or allowed
        lines.append(f"<code>{html.escape(name)}</code> {html.escape(told)}")
    answers = ", ".join(f"{status} {media}".strip() for status, (media, _) in operation.answers.items())
    lines.append(f"Answers {html.escape(answers)}")
    told = "".join(f"<dd>{line}</dd>" for line in lines)
    return f"<dt><b>{operation.method}</b> <code>{html.escape(operation.path)}</code></dt>{told}"
