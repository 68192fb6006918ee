"""How long a job will take, by the last one of its kind on this machine."""

from __future__ import annotations

from vos.store import Store
from vos.types import Options

LOOKED_AT = 8  # of an engine's newest results


def expected_seconds(store: Store, engine: str, options: Options, frames: int) -> float | None:
    """Return the seconds that so many frames will take, or None where nothing like it was measured here.

    What counts is the newest result of the engine in the same mode that was computed as a whole.
    """
    for row in store.page(0, LOOKED_AT, engine=engine).rows:
        result = store.get(row.id)
        if result is None or result.parent:  # a correction computes a part only
            continue
        mode = getattr(options, "mode", "fast")
        total = result.seconds.get("total", 0.0)
        if result.options.get("mode", "fast") == mode and result.frames and total > 0:
            return total / result.frames * frames
    return None


def in_words(seconds: float) -> str:
    """Return a length of time as people guess it: about 20 s, about 3 min."""
    if seconds < 60:
        step = 1 if seconds < 10 else 5
        return f"about {max(1, round(seconds / step) * step)} s"
    return f"about {round(seconds / 60)} min" if seconds < 3600 else f"about {seconds / 3600:.1f} h"
