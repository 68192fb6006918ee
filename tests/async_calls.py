"""Coroutines called from tests, whatever runs in the tests' own thread."""

from anyio.from_thread import start_blocking_portal


def run_async(function, *arguments):
    """Run it to its end in a thread of its own: an open browser keeps an event loop running in this one."""
    with start_blocking_portal() as portal:
        return portal.call(function, *arguments)
