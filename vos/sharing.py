"""Who may change things: everyone on this computer; on a shared dashboard those who have its token."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping

COOKIE = "vos_token"
API_TOKEN = "VOS_API_TOKEN"  # set by who wants REST requests that change something to bring it
TOKEN = "VOS_SHARE_TOKEN"  # set by scripts/run --share


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
