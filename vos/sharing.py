"""Who may change something on a shared dashboard, who takes turns, and which sites may show it in theirs."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable, Mapping

from vos.errors import InvalidInput

COOKIE = "vos_token"
API_TOKEN = "VOS_API_TOKEN"  # set by who wants REST requests that change something to bring it
TOKEN = "VOS_SHARE_TOKEN"  # set by scripts/run --share
EMBED = "VOS_EMBED_ORIGIN"  # sites, with spaces between, whose pages may show this dashboard in a frame


def is_token(given: str, name: str = TOKEN) -> bool:
    """Say whether this is the token of the shared dashboard, or of the REST routes (API_TOKEN)."""
    token = os.environ.get(name, "")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def may_change(cookies: Mapping[str, str]) -> bool:
    """Say whether who sends these cookies may upload, run, rename and delete, and not only look."""
    return not os.environ.get(TOKEN) or is_token(cookies.get(COOKIE, ""))


def has_bearer(authorization: str) -> bool:
    """Say whether an Authorization header brings one of the tokens."""
    kind, _, given = authorization.partition(" ")
    return kind.lower() == "bearer" and any(is_token(given.strip(), name) for name in (TOKEN, API_TOKEN))


def may_call(authorization: str, cookies: Mapping[str, str]) -> bool:
    """Say whether who sends these may change something by REST."""
    return has_bearer(authorization) or (not os.environ.get(API_TOKEN) and may_change(cookies))


def visitor(address: str | None) -> str:
    """Return who takes turns with others, by the address of the computer; "" where nobody shares."""
    return (address or "here") if os.environ.get(TOKEN) else ""


def read_origins(given: Iterable[str]) -> tuple[str, ...]:
    """Return sites as a browser names them: scheme, host and port.

    Raises:
        InvalidInput: one is something else.
    """
    origins = tuple(origin.rstrip("/").lower() for origin in given)
    for origin in origins:
        if not re.fullmatch(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?", origin):
            raise InvalidInput(f"an origin is {origin[:80]!r}; https://HOST or https://HOST:PORT is needed")
    return origins


def embedders() -> tuple[str, ...]:
    """Return the sites that may show this dashboard, as VOS_EMBED_ORIGIN names them.

    Raises:
        InvalidInput: as `read_origins`.
    """
    return read_origins(os.environ.get(EMBED, "").split())
