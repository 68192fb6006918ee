"""Where results are kept."""

from __future__ import annotations

import os
from pathlib import Path


def results() -> Path:
    """Return the folder of the results: $VOS_CACHE, or cache/ beside the package."""
    return Path(os.environ.get("VOS_CACHE") or Path(__file__).parent.parent / "cache")
