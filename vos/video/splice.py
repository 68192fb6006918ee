"""A film of our own with some pictures drawn anew: all others keep their very packets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vos.video.masks import replacing
from vos.video.open import open_container, open_film, packets
from vos.video.write import H264


class Splice:
    """A film that VideoWriter wrote: its pictures are packets in order, in groups from key frames on.

    Raises:
        UnreadableVideo: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with open_film(path) as film:
            found = [bool(p.is_keyframe) for p in packets(film.container, film.stream) if p.size]
        self.frames = len(found)
        starts = [index for index, key in enumerate(found) if key]
        self._groups = [range(a, b) for a, b in zip(starts, [*starts[1:], self.frames], strict=True)]

    def stale(self, changed: Collection[int]) -> list[range]:
        """Return the frames that have to be drawn anew where some change: whole groups, neighbours joined."""
        found: list[range] = []
        for group in self._groups:
            if not any(index in changed for index in group):
                continue
            if found and found[-1].stop == group.start:
                found[-1] = range(found[-1].start, group.stop)
            else:
                found.append(group)
        return found

    def write(self, target: Path, parts: Mapping[int, Path]) -> bool:
        """Write the film with the pictures of parts, by their first frames, in place of those there.

        Parts are films of the `stale` frames, without sound. Says False, and writes nothing, where they are
        encoded otherwise than the film: an earlier version may have made it.
        """
        with open_container(self._path) as container, ExitStack() as files:
            source = container.streams.video[0]
            news = {}
            for first, part in parts.items():
                film = files.enter_context(open_container(part))
                if film.streams.video[0].codec_context.extradata != source.codec_context.extradata:
                    return False
                news[first] = _pictures(film, film.streams.video[0])
            with replacing(target) as part:
                _mux(container, part, news)
        return True


def _mux(
    container: InputContainer, target: Path, news: Mapping[int, Iterator[av.Packet[VideoStream]]]
) -> None:
    with av.open(str(target), "w", format=H264.container, options=dict(H264.muxer)) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in container.streams}
        index = 0
        new: Iterator[av.Packet[VideoStream]] = iter(())
        for packet in container.demux():
            if not packet.size:
                continue
            chosen: av.Packet[Any] = packet
            if packet.stream.type == "video":
                new = news.get(index, new)
                index += 1
                chosen = next(new, packet)
                chosen.time_base = packet.time_base
                chosen.pts, chosen.dts, chosen.duration = packet.pts, packet.dts, packet.duration
            chosen.stream = streams[packet.stream_index]
            out.mux(chosen)


def _pictures(film: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    return (packet for packet in film.demux(stream) if packet.size)
