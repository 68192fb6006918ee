"""Who may change things: everyone on this computer; on a shared dashboard those who have its token."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping

COOKIE = "vos_token"
TOKEN = "VOS_SHARE_TOKEN"  # set by scripts/run --share


def is_token(given: str) -> bool:
    """Say whether this is the token of the shared dashboard."""
    token = os.environ.get(TOKEN, "")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def may_change(cookies: Mapping[str, str]) -> bool:
    """Say whether who sends these cookies may upload, run, rename and delete, and not only look."""
    return not os.environ.get(TOKEN) or is_token(cookies.get(COOKIE, ""))
