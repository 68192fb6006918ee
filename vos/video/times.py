"""When each frame of a film is shown, from its packets: nothing is decoded."""

from __future__ import annotations

from pathlib import Path

from vos.video.open import open_film, packets


def frame_times(path: Path) -> tuple[list[float], float]:
    """Return when each frame begins and when the last one ends, in seconds from the first.

    Raises:
        UnreadableVideo: the file cannot be opened.
    """
    with open_film(path) as film:
        seconds = float(film.stream.time_base or 1)
        shown = sorted(
            (packet.pts, packet.duration or 0)
            for packet in packets(film.container, film.stream)
            if packet.size and packet.pts is not None
        )
    if not shown:
        return [], 0.0
    start = shown[0][0]
    end = shown[-1][0] + shown[-1][1]
    return [(pts - start) * seconds for pts, _ in shown], (end - start) * seconds
