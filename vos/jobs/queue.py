"""One thread that runs jobs: a bounded queue, status, cancel."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from contextlib import closing
from dataclasses import replace

from vos import segment
from vos.errors import Cancelled, InvalidInput, QueueFull, VosError
from vos.jobs import fair
from vos.jobs.exports import ExportQueue, Worker
from vos.jobs.files import JobFiles
from vos.jobs.status import JobStatus, first_status
from vos.propagate import MaskedFrame
from vos.segment import Finished, Progress
from vos.store import Store
from vos.types import Device, Job
from vos.video.draw import overlay
from vos.video.write import thumbnail

log = logging.getLogger(__name__)

CAPACITY = 16
REMEMBERED = 100
PREVIEW_EVERY_S = 0.5
PREVIEW_SIDE = 640


class _Entry:
    def __init__(self, job: Job, digest: str, status: JobStatus, visitor: str = "") -> None:
        self.job, self.digest, self.status, self.visitor = job, digest, status, visitor
        self.cancel, self.stop = threading.Event(), threading.Event()
        self.preview = b""
        self._first: tuple[float, int] | None = None
        self._drawn = 0.0

    def update(self, progress: Progress) -> None:
        """Take a Progress into the status and, twice a second, into the preview."""
        now = time.monotonic()
        fps = left = 0.0
        if progress.seen:
            self._first = self._first or (now, progress.done)
            frames, seconds = progress.done - self._first[1], now - self._first[0]
            if frames and seconds > 0:
                fps = frames / seconds
                left = (progress.total - progress.done) / fps
            if now - self._drawn >= PREVIEW_EVERY_S:
                self._draw(progress.seen)
                self._drawn = now
        self.status = replace(
            self.status,
            done=progress.done,
            total=progress.total,
            prepared=progress.prepared,
            note=progress.note,
            fps=fps,
            seconds_left=left,
        )

    def _draw(self, seen: MaskedFrame) -> None:
        self.preview = thumbnail(overlay(seen.frame, seen.mask), PREVIEW_SIDE)


class JobRunner:
    """Runs jobs one at a time, in order, in a thread of its own.

    The same request twice is one job. Finished jobs are remembered until a hundred newer ones. Jobs that wait
    or run are on disk, too: those of a process that was killed come back as interrupted.
    """

    def __init__(self, store: Store, *, device: Device | None = None, capacity: int = CAPACITY) -> None:
        self.store = store
        self._device = device
        self._capacity = capacity
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._queue: deque[_Entry] = deque()
        self._running = ""  # the visitor whose job runs
        self._changed = threading.Condition()
        self._closing = False
        self._files = JobFiles(store.folder / "jobs")
        self._recall()
        self._worker = Worker("exports")
        self.exports = ExportQueue(store, self._worker.do)
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def submit(self, job: Job, digest: str, visitor: str = "") -> str:
        """Queue a job unless it is queued, running or stored already; return its id.

        `visitor` is who asks, where several take turns (vos.sharing.visitor).

        Raises:
            InvalidInput: the request cannot be right.
            QueueFull: too many jobs wait, or too many of this visitor's.
        """
        job_id = segment.job_id(job, digest)
        stored = self.store.get(job_id) is not None  # the disk is never asked while the lock is held
        entry = _Entry(job, digest, first_status(job_id, job), visitor)
        if stored:
            self._files.remove(job_id)
        else:
            self._files.save(job_id, job, digest)
        try:
            self._enter(entry, stored=stored)
        except QueueFull:
            self._files.remove(job_id)
            raise
        return job_id

    def resume(self, job_id: str) -> str:
        """Queue a job that was interrupted (or failed, or was cancelled) anew; return its id.

        Raises:
            InvalidInput: it is not known any more.
            QueueFull: too many jobs wait.
        """
        if (entry := self._entries.get(job_id)) is None:
            raise InvalidInput(f"the job {job_id[:12]} is not known any more; please ask for it again")
        new_id = self.submit(entry.job, entry.digest, entry.visitor)
        if new_id != job_id:  # other weights make it another request
            self.forget(job_id)
        return new_id

    def forget(self, job_id: str) -> None:
        """Let go of a job that is over or was interrupted."""
        with self._changed:
            entry = self._entries.get(job_id)
            if entry is None or entry.status.active:
                return
            del self._entries[job_id]
        self._files.remove(job_id)

    def status(self, job_id: str) -> JobStatus | None:
        """Return how a job stands, or None when it is not known (any more)."""
        with self._changed:
            entry = self._entries.get(job_id)
            return self._placed(entry) if entry else None

    def jobs(self) -> list[JobStatus]:
        """Return all remembered jobs, newest first."""
        with self._changed:
            return [self._placed(entry) for entry in reversed(self._entries.values())]

    def preview(self, job_id: str) -> bytes:
        """Return the newest frame with its mask as a JPEG; empty before the first."""
        return entry.preview if (entry := self._entries.get(job_id)) else b""

    def cancel(self, job_id: str) -> None:
        """Stop a job: a waiting one at once, the running one at its next frame."""
        with self._changed:
            entry = self._entries.get(job_id)
            if entry is None or not entry.status.active:
                return
            entry.cancel.set()
            if entry in self._queue:
                self._queue.remove(entry)
                entry.status = replace(entry.status, state="cancelled")
            else:
                entry.status = replace(entry.status, note="cancelling")
            self._changed.notify_all()
            waited = not entry.status.active
        if waited:
            self._files.remove(job_id)

    def stop(self, job_id: str) -> None:
        """Let the running job end at its next frame and keep what has come; a waiting one is cancelled."""
        with self._changed:
            entry = self._entries.get(job_id)
            running = entry is not None and entry.status.state == "running"
            if entry is not None and running:
                entry.stop.set()
                entry.status = replace(entry.status, note="stopping")
        if not running:
            self.cancel(job_id)

    def wait(self, job_id: str, timeout_s: float) -> JobStatus | None:
        """Return the status once the job is no longer active, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_active(job_id), timeout_s)
        return self.status(job_id)

    def close(self) -> None:
        """Cancel everything and end the threads."""
        self.exports.close()
        self._worker.close()
        for status in self.jobs():
            self.cancel(status.id)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._files.close()

    def _enter(self, entry: _Entry, *, stored: bool) -> None:
        job_id = entry.status.id
        with self._changed:
            known = self._entries.get(job_id)
            if known and known.status.active:
                return
            if stored:
                entry.status = replace(entry.status, state="done", cached=True, result_id=job_id)
            elif len(self._queue) >= self._capacity:
                raise QueueFull(f"{len(self._queue)} jobs wait already; at most {self._capacity} can")
            else:
                at = fair.place([waits.visitor for waits in self._queue], self._running, entry.visitor)
                self._queue.insert(at, entry)
            self._entries[job_id] = entry
            self._entries.move_to_end(job_id)
            self._forget()
            self._changed.notify_all()

    def _recall(self) -> None:
        """Show the jobs of a process that died as interrupted, unless their results came about."""
        for job_id, job, digest in self._files.interrupted():
            if self.store.get(job_id):
                self._files.remove(job_id)
            else:
                status = replace(first_status(job_id, job), state="interrupted")
                self._entries[job_id] = _Entry(job, digest, status)

    def _is_active(self, job_id: str) -> bool:
        entry = self._entries.get(job_id)
        return entry is not None and entry.status.active

    def _placed(self, entry: _Entry) -> JobStatus:
        position = self._queue.index(entry) + 1 if entry in self._queue else 0
        return replace(entry.status, position=position)

    def _forget(self) -> None:
        old = [key for key, entry in self._entries.items() if not entry.status.active]
        for key in old[: max(0, len(self._entries) - REMEMBERED)]:
            del self._entries[key]

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if self._closing:
                    return
                entry = self._queue.popleft()
                self._running = entry.visitor
                entry.status = replace(entry.status, state="running", note="starting")
            final = self._run(entry)
            self._files.remove(final.id)
            with self._changed:
                entry.status, self._running = final, ""
                self._changed.notify_all()

    def _run(self, entry: _Entry) -> JobStatus:
        try:
            request = entry.job, self.store
            run = segment.run(*request, device=self._device, digest=entry.digest, stopping=entry.stop.is_set)
            with closing(run) as steps:
                for item in steps:
                    if entry.cancel.is_set():
                        raise Cancelled("the job was cancelled")
                    if isinstance(item, Finished):
                        done = replace(entry.status, state="done", note="", cached=item.cached)
                        return replace(done, result_id=item.result.id)
                    entry.update(item)
            raise AssertionError("a run ended without a result")
        except Cancelled:
            return replace(entry.status, state="cancelled", note="")
        except VosError as error:
            log.warning("job %s failed", entry.status.id, exc_info=True)
            return replace(entry.status, state="failed", error=str(error), note="")
        except Exception as error:  # the last line of defence: logged, and told to the user
            log.exception("job %s failed", entry.status.id)
            text = f"an unexpected {type(error).__name__} stopped the job; the log has the details"
            return replace(entry.status, state="failed", error=text, note="")
