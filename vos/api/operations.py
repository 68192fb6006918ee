"""What the REST routes are, in one table: from it come the routes, their refusals, and OpenAPI."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vos import sharing
from vos.api.answers import GONE, explain, problem
from vos.errors import VosError

ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
READING = ("GET", "HEAD", "OPTIONS")
HEADERS = ("x-vos-request", "x-vos-upload", "authorization")  # pages of other sites must ask before, in vain
CLOSE = {"Connection": "close"}  # the rest of a refused body is not read
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `answers` are the media types and JSON schema (None: bytes) by status; `errors` the statuses of its
    problems. `query` and `body` hold JSON schemas: of parameters by name, of bodies by media type.
    `guarded`: a change is refused to pages of other sites and to those who have no token.
    """

    method: str
    path: str
    run: Callable[[Request], Response | Awaitable[Response]]
    summary: str
    answers: Mapping[int, tuple[str, Schema | None]]
    errors: tuple[int, ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] = field(default_factory=dict)
    guarded: bool = True

    @property
    def changes(self) -> bool:
        """Whether it does more than read."""
        return self.method not in READING

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"{(\w+)}", self.path)


def routes_of(operations: Iterable[Operation]) -> list[BaseRoute]:
    """Return a route for each path; a method that it does not have is told which it has."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, _answering(path, methods), methods=ANY) for path, methods in paths.items()]


def _answering(path: str, methods: Mapping[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])

    async def answer(request: Request) -> Response:
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            sentence = f"{request.method} is not for {path}; allowed are: {allowed}"
            return problem(405, sentence, {"Allow": allowed})
        if operation.changes and operation.guarded and (refused := refusal(request)):
            return refused
        try:
            if inspect.iscoroutinefunction(operation.run):
                return await operation.run(request)  # type: ignore[no-any-return]
            return await to_thread.run_sync(operation.run, request)  # type: ignore[arg-type]
        except VosError as error:
            return explain(error)
        except FileNotFoundError:  # deleted while its files were being opened
            return problem(404, GONE)
        except ClientDisconnect:
            return problem(408, "the request broke off; nothing of it was kept", CLOSE)

    return answer


def refusal(request: Request) -> Response | None:
    """Return why a request may change nothing: it comes from a page of another site, or has no token."""
    if not same_origin(request):
        return problem(
            403, "requests that change something come with a header X-VOS-Request, from no other site", CLOSE
        )
    if not sharing.may_call(request.headers.get("authorization", ""), request.cookies):
        return problem(
            403, "this needs the token: Authorization: Bearer TOKEN", CLOSE | {"WWW-Authenticate": "Bearer"}
        )
    return None


def same_origin(request: Request) -> bool:
    """Say whether a request comes from a page of ours, or from no page at all."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    try:
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:  # no address at all
        own = False
    return any(name in request.headers for name in HEADERS) and site in ("same-origin", "none") and own
