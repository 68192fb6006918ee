"""Interlaced pictures become whole ones: bwdif, one picture for each that was decoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

NOTE = "it is interlaced: every frame was made whole from its fields"
NEIGHBOURS = 2  # pictures on each side that one is made from, at most


def deinterlace(pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield the pictures with interlaced ones made whole; others pass as they are.

    Each keeps its time. A picture is made from its neighbours too, so the first and last ones after a
    seek are not those of a pass from the start.
    """
    graph: Graph | None = None
    kind = None
    for picture in pictures:
        if kind != (picture.width, picture.height, picture.format.name):
            if graph:
                graph.push(None)
                yield from _ready(graph)
            kind = picture.width, picture.height, picture.format.name
            graph = _graph(picture)
        assert graph is not None
        graph.push(picture)
        yield from _ready(graph)
    if graph:
        graph.push(None)
        yield from _ready(graph)


def _graph(like: av.VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=like.width, height=like.height, format=like.format, time_base=like.time_base
    )
    step = graph.add("bwdif", mode="send_frame", deint="interlaced")
    sink = graph.add("buffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            picture = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(picture, av.VideoFrame)
        if picture.pts is not None:
            picture.pts //= 2  # the filter counts fields
            picture.time_base = (picture.time_base or 1) * Fraction(2)
        yield picture
