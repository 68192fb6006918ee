"""Jobs and exports that wait, run and can be cancelled. The only package with threads."""

import threading

from vos.folders import results
from vos.jobs.queue import JobRunner
from vos.jobs.status import JobStatus
from vos.store import Store

__all__ = ["JobRunner", "JobStatus", "runner"]

_making = threading.Lock()
_made: list[JobRunner] = []


def runner() -> JobRunner:
    """Return the process's one runner, on the default store.

    Raises:
        StorageUnavailable: the folder of results cannot be used.
    """
    with _making:
        if not _made:
            _made.append(JobRunner(Store(results())))
        return _made[0]
