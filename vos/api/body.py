"""A small JSON object as the body of a request."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from vos.errors import InvalidInput

BODY_BYTES = 2**16


async def read_object(request: Request, known: Collection[str]) -> Mapping[str, Any]:
    """Return the body's JSON object; one without a body is empty.

    Raises:
        InvalidInput: it is no JSON object, is too long, or has other names than the known ones.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise InvalidInput(f"the body has more than {BODY_BYTES >> 10} KB; at most that is allowed")
    try:
        given = json.loads(bytes(body) or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no JSON: {error}") from error
    if not isinstance(given, Mapping) or not set(given) <= {*known}:
        raise InvalidInput(f"the body is a JSON object with {', '.join(known)}, or nothing")
    return given
