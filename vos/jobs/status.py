"""How a job stands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from vos.jobs.rates import in_words
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

    @property
    def share(self) -> float:
        """How far it is, 0..1."""
        return min(1.0, self.done / max(self.total, 1) if self.done else self.prepared)

    @property
    def words(self) -> str:
        """How far it is, as people are told."""
        if self.state == "queued":
            return f"Waiting: number {self.position} in the queue"
        text = self.note[:1].upper() + self.note[1:]
        if self.done:
            text += f" · frame {self.done} of {self.total}"
        if self.done and self.fps:
            text += f" · {in_words(self.seconds_left)} left"
        return text


def first_status(job_id: str, job: Job) -> JobStatus:
    """Return the status of a job that was just submitted."""
    return JobStatus(id=job_id, title=job.title or job.clip.stem, engine=job.engine)
