"""Connections that say nothing, or half a request, are closed: uvicorn itself waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

SECONDS = 30.0


def limit(protocol: type[Any], seconds: float = SECONDS) -> None:
    """Close connections of a uvicorn HTTP protocol that have been without a whole request head for so long.

    Nothing in uvicorn's settings does this (timeout_keep_alive counts from the first answer on).
    """
    made, received = protocol.connection_made, protocol.data_received

    def watch(self: Any) -> None:
        if getattr(self, "vos_watched", False):
            return
        self.vos_watched = True
        self.loop.call_later(seconds, look, self)

    def look(self: Any) -> None:
        self.vos_watched = False
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.is_closing() and self.transport.get_protocol() is self:
            self.transport.close()

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        made(self, transport)
        watch(self)

    def data_received(self: Any, data: bytes) -> None:
        watch(self)
        received(self, data)

    protocol.connection_made, protocol.data_received = connection_made, data_received
