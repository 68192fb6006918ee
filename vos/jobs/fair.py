"""Who waits where: visitors of a shared dashboard take turns, and each may have so many jobs waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vos.errors import QueueFull

MOST_WAITING = 3  # jobs of one visitor


def place(waiting: Sequence[str], running: str, visitor: str) -> int:
    """Return the place, from 0 on, of a new job of a visitor among those that wait.

    waiting: whose jobs wait, the next one first. running: whose job runs. A job comes after those of others
    that have as few jobs of the same visitor before them. "" is who need not share: all are one visitor then.

    Raises:
        QueueFull: three of the visitor's jobs wait.
    """
    if visitor and waiting.count(visitor) >= MOST_WAITING:
        raise QueueFull(f"{MOST_WAITING} of your jobs wait already; at most {MOST_WAITING} can")
    before = Counter([running])
    turns = []
    for other in waiting:
        turns.append(before[other])
        before[other] += 1
    own = before[visitor]
    return next((at for at, turn in enumerate(turns) if turn > own), len(turns))
