"""What the routes answer: a problem in a sentence, and an open file in the parts asked for."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from vos.errors import InvalidInput, VosError

GONE = "there is no such result; it may have been deleted"
CHUNK = 2**18


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return what went wrong as JSON."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


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
