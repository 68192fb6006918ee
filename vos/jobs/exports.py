"""Exports that wait, run, can be cancelled, and are kept with their result; a second, shorter queue."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from vos import downloads
from vos.downloads import Exported
from vos.errors import Cancelled, InvalidInput, QueueFull, VosError
from vos.jobs.status import ACTIVE
from vos.store import Store
from vos.store.finish import finish_of
from vos.types import Options, Step
from vos.video.finish import Finish

log = logging.getLogger(__name__)

CAPACITY = 16
REMEMBERED = 100


@dataclass(frozen=True)
class ExportStatus:
    """An export at one moment: queued, running, done, failed or cancelled.

    `key` is the name of its file among those of the result, `file_name` what a download is called.
    """

    id: str
    result_id: str
    name: str
    title: str
    key: str
    file_name: str
    state: str = "queued"
    done: int = 0
    total: int = 0
    note: str = ""
    error: str = ""
    cached: bool = False

    @property
    def active(self) -> bool:
        """Whether the export still waits or runs."""
        return self.state in ACTIVE

    @property
    def share(self) -> float:
        """How far it is, 0..1."""
        return min(1.0, self.done / max(1, self.total))

    @property
    def words(self) -> str:
        """How far it is, as people are told."""
        if self.state == "queued":
            return f"{self.file_name} · waiting"
        return f"{self.file_name} · " + (f"frame {self.done} of {self.total}" if self.total else "…")


class _Entry:
    def __init__(self, status: ExportStatus, options: Options, finish: Finish) -> None:
        self.status, self.options, self.finish = status, options, finish
        self.cancelled = False


class Worker:
    """A thread of its own that calls what it is given, one after another."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, call: Callable[[], None]) -> None:
        """Call something in its turn; it must not raise."""
        self._calls.put(call)

    def close(self) -> None:
        """End when all is called."""
        self._calls.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


class ExportQueue:
    """Exports of stored results, one at a time, in order; the same one twice is one.

    `do` calls what it is given, one after another, in a thread of its own (Worker).
    """

    def __init__(self, store: Store, do: Callable[[Callable[[], None]], None]) -> None:
        self._store, self._do = store, do
        self._entries: dict[str, _Entry] = {}

    def submit(self, result_id: str, name: str, options: Options, finish: Finish | None = None) -> str:
        """Queue an export unless it waits, runs, or its file is there; return its id.

        Without `finish` its masks get the touches that are kept with the result now.

        Raises:
            InvalidInput: no such result or export.
            QueueFull: too many exports wait.
        """
        result = self._store.get(result_id)
        if result is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        finish = finish_of(result) if finish is None else finish
        key = downloads.export_key(result, name, options, finish)
        export_id = hashlib.sha256(f"{result_id}/{key}".encode()).hexdigest()
        known = self._entries.get(export_id)
        if known and known.status.active and not known.cancelled:
            return export_id
        called = downloads.file_name(result, downloads.file_of(name))
        status = ExportStatus(export_id, result_id, name, result.title, key, called)
        entry = _Entry(status, options, finish)
        if key in result.files:
            entry.status = replace(status, state="done", cached=True)
        elif sum(other.active for other in self.jobs()) >= CAPACITY:
            raise QueueFull(f"{CAPACITY} exports wait already; at most {CAPACITY} can")
        self._entries.pop(export_id, None)
        self._entries[export_id] = entry
        self._forget()
        if entry.status.active:
            self._do(lambda: self._work(entry))
        return export_id

    def status(self, export_id: str) -> ExportStatus | None:
        """Return how an export stands, or None when it is not known (any more)."""
        return entry.status if (entry := self._entries.get(export_id)) else None

    def jobs(self) -> list[ExportStatus]:
        """Return all remembered exports, newest first."""
        return [entry.status for entry in reversed(list(self._entries.values()))]

    def cancel(self, export_id: str) -> None:
        """Stop an export: a waiting one at once, the running one at its next frame."""
        entry = self._entries.get(export_id)
        if entry is None or not entry.status.active:
            return
        entry.cancelled = True
        if entry.status.state == "queued":
            entry.status = replace(entry.status, state="cancelled")

    def close(self) -> None:
        """Cancel everything."""
        for status in self.jobs():
            self.cancel(status.id)

    def _forget(self) -> None:
        old = [key for key, entry in list(self._entries.items()) if not entry.status.active]
        for key in old[: max(0, len(self._entries) - REMEMBERED)]:
            self._entries.pop(key, None)

    def _work(self, entry: _Entry) -> None:
        try:
            if not entry.cancelled:
                entry.status = replace(entry.status, state="running", note="starting")
                done = self._run(entry)
                entry.status = replace(entry.status, state="done", note="", cached=done.cached)
        except Cancelled:
            entry.status = replace(entry.status, state="cancelled", note="")
        except VosError as error:
            log.warning("export %s failed", entry.status.id, exc_info=True)
            entry.status = replace(entry.status, state="failed", error=str(error), note="")
        except Exception as error:  # the last line of defence: logged, and told to the user
            log.exception("export %s failed", entry.status.id)
            text = f"an unexpected {type(error).__name__} stopped the export; the log has the details"
            entry.status = replace(entry.status, state="failed", error=text, note="")

    def _run(self, entry: _Entry) -> Exported:
        status = entry.status
        with self._store.workspace() as folder:
            borrowed = Path(folder) / "result"
            borrowed.mkdir()
            result = self._store.borrow(status.result_id, borrowed)
            if result is None:
                raise InvalidInput("the result was deleted before it could be exported")
            made = Path(folder) / "made"
            made.mkdir()
            run = downloads.run_export(self._store, result, status.name, entry.options, made, entry.finish)
            with closing(run) as steps:
                for item in steps:
                    if entry.cancelled:
                        raise Cancelled("the export was cancelled")
                    if isinstance(item, Exported):
                        return item
                    entry.status = _advanced(entry.status, item)
        raise AssertionError("an export ended without a file")


def _advanced(status: ExportStatus, step: Step) -> ExportStatus:
    return replace(status, done=step.done, total=step.total, note=step.note)
