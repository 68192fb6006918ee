"""How a job stands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from vos.types import Job

ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class JobStatus:
    """A job at one moment: queued, running, done, failed, cancelled, or interrupted when its process died.

    `position` is 1 for the next job to run and 0 for one that is not waiting. `fps` and
    `seconds_left` are 0 while they are unknown. `prepared` is as in vos.segment.Progress. `result_id` is the
    result of one that is done: another than `id` where it was stopped.
    """

    id: str
    title: str
    engine: str
    state: str = "queued"
    position: int = 0
    done: int = 0
    total: int = 0
    prepared: float = 0.0
    fps: float = 0.0
    seconds_left: float = 0.0
    note: str = ""
    error: str = ""
    cached: bool = False
    result_id: str = ""

    @property
    def active(self) -> bool:
        """Whether the job still waits or runs."""
        return self.state in ACTIVE


def first_status(job_id: str, job: Job) -> JobStatus:
    """Return the status of a job that was just submitted."""
    return JobStatus(id=job_id, title=job.title or job.clip.stem, engine=job.engine)
