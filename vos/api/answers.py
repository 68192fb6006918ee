"""What the routes answer: a problem in a sentence, and an open file in the parts asked for."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from vos import jobs
from vos.errors import DiskFull, InvalidInput, QueueFull, VosError
from vos.types import Result

GONE = "there is no such result; it may have been deleted"
CHUNK = 2**18


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return what went wrong as RFC 9457 has it; the sentence is its `detail`."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": sentence}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


class NotThere(InvalidInput):
    """What a request names is not there: 404."""


def explain(error: VosError) -> JSONResponse:
    """Return the problem that an error is."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return problem(status, str(error), {"Retry-After": "30"} if kind is QueueFull else None)
    return problem(503, str(error))


_STATUS: dict[type[VosError], int] = {
    NotThere: 404,
    InvalidInput: 422,
    QueueFull: 503,
    DiskFull: 507,
}


def asked_result(request: Request) -> Result:
    """Return the result that a path names.

    Raises:
        NotThere: there is none.
    """
    result = jobs.runner().store.get(request.path_params["result_id"])
    if result is None:
        raise NotThere(GONE)
    return result


def send_bytes(request: Request, body: bytes, media: str) -> Response:
    """Send what was made for this request; who has it already is told so."""
    headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "Cache-Control": "private, no-cache"}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media, headers=headers)


def send_json(request: Request, content: object) -> Response:
    """Send JSON; who has it already is told so."""
    return send_bytes(request, json.dumps(content, default=str).encode(), "application/json")


def _has(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in given.split(",")]


def explained(route: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Turn what a route raises into an answer: 404 for what is not there, 503 for a disk that fails."""

    @functools.wraps(route)
    def answer(request: Request) -> Response:
        try:
            return route(request)
        except InvalidInput as error:
            return problem(404, str(error))
        except VosError as error:
            return problem(503, str(error))
        except FileNotFoundError:  # deleted while its files were being opened
            return problem(404, GONE)

    return answer


class _FileResponse(StreamingResponse):
    """A part of an open file, which is closed when all is sent or the other side is gone."""

    def __init__(self, file: BinaryIO, first: int, size: int, **more: object) -> None:
        super().__init__(_parts(file, first, size), **more)  # type: ignore[arg-type]
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


def _parts(file: BinaryIO, first: int, size: int) -> Iterator[bytes]:
    file.seek(first)
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


def send_file(request: Request, file: BinaryIO, media: str, headers: Mapping[str, str]) -> Response:
    """Send an open file from its handle, so that it reaches its end although its result is deleted.

    One range is answered with 206; several, or one that makes no sense, with the whole file, as HTTP allows.
    """
    facts = os.fstat(file.fileno())
    total = facts.st_size
    tag = f'"{facts.st_ino:x}-{facts.st_mtime_ns:x}-{total:x}"'
    sent = {**headers, "Accept-Ranges": "bytes", "ETag": tag}
    if _has(request, tag):
        file.close()
        return Response(status_code=304, headers=sent)
    span = _span(request.headers.get("range", ""), total)
    if request.headers.get("if-range", tag) != tag:
        span = None
    if span is not None and span[0] >= total:
        file.close()
        sent["Content-Range"] = f"bytes */{total}"
        return problem(416, f"the file has {total} bytes; the range begins at {span[0]}", sent)
    first, last = span or (0, total - 1)
    sent["Content-Length"] = str(last - first + 1)
    if span:
        sent["Content-Range"] = f"bytes {first}-{last}/{total}"
    if request.method == "HEAD":
        file.close()
        return Response(status_code=206 if span else 200, media_type=media, headers=sent)
    return _FileResponse(
        file, first, last - first + 1, status_code=206 if span else 200, media_type=media, headers=sent
    )


def _span(asked: str, total: int) -> tuple[int, int] | None:
    """Return the first and last byte of a Range header, or None for the whole file."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", asked.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        return max(0, total - int(match[2])) if int(match[2]) else total, total - 1
    first, last = int(match[1]), min(int(match[2] or total - 1), total - 1)
    return (first, last) if first <= last or first >= total else None
