"""A clip that is uploaded: streamed to disk as it arrives, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from vos import jobs, sharing, uploads
from vos.api.answers import problem
from vos.api.operations import CLOSE, Operation, same_origin
from vos.api.schemas import TEXT, UPLOAD
from vos.errors import InvalidInput, VosError

LIMIT_BYTES = 2 * 2**30
BUFFER = 2**20


async def receive(request: Request) -> Response:
    """Keep the body as a clip called ?name= and answer {"digest", "name", "size"}; a part leaves nothing."""
    name = request.query_params.get("name", "")[-255:] or "clip"
    if not same_origin(request):
        return problem(403, "uploads are taken from this dashboard's own pages only", CLOSE)
    if not (
        sharing.may_change(request.cookies) or sharing.has_bearer(request.headers.get("authorization", ""))
    ):
        return problem(403, "this dashboard is shared for looking; uploading needs its token", CLOSE)
    if int_or_none(request.headers.get("content-length")) is None:
        return problem(411, "an upload says how long it is", CLOSE)
    try:
        check_size(name, int(request.headers["content-length"]))
        kept, size = await _keep(request, name)
    except ClientDisconnect:
        return problem(408, f"the upload of {name} broke off; nothing of it was kept", CLOSE)
    except InvalidInput as error:
        return problem(413 if "at most" in str(error) else 400, str(error), CLOSE)
    except VosError as error:
        return problem(507, str(error), CLOSE)
    return JSONResponse({"digest": kept.digest, "name": kept.name, "size": size}, status_code=201)


def check_size(name: str, size: int) -> None:
    """Raise InvalidInput when a file is too large."""
    if size > LIMIT_BYTES:
        raise InvalidInput(
            f"{name} has {size / 2**30:.2f} GB; at most {LIMIT_BYTES / 2**30:g} GB can be uploaded"
        )


def int_or_none(text: str | None) -> int | None:
    """Return a whole number of up to 18 digits, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


async def _keep(request: Request, name: str) -> tuple[uploads.Upload, int]:
    """Write the body piece by piece, in a thread: a slow disk does not stop the pages."""
    store = await to_thread.run_sync(lambda: jobs.runner().store)
    incoming = await to_thread.run_sync(uploads.Incoming, name, store.folder / "uploads")
    size = 0
    with incoming:
        async for piece in pieces(request):
            size += len(piece)
            check_size(name, size)
            await to_thread.run_sync(incoming.write, piece)
        return await to_thread.run_sync(incoming.finish), size


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces of about a megabyte: one hop into a thread for each."""
    buffer = bytearray()
    async for chunk in request.stream():
        buffer += chunk
        if len(buffer) >= BUFFER:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


operations = [
    Operation(
        "POST",
        "/api/uploads",
        receive,
        "Keep a clip (or a picture): its digest stands for it in other requests",
        {201: ("application/json", UPLOAD)},
        (400, 403, 408, 411, 413, 507),
        query={"name": TEXT},
        body={"application/octet-stream": {"type": "string", "contentMediaType": "application/octet-stream"}},
        guarded=False,  # its own pages upload without a token of the REST routes
    )
]
