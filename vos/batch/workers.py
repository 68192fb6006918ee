"""Clips one after another here, or several at a time in processes of their own, of which one may die."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from vos.batch.clip import FAILED, Outcome, Settings, process, waiting
from vos.batch.tasks import Task
from vos.process import prepare_process
from vos.store import Store


def run_here(tasks: Sequence[Task], settings: Settings) -> Iterator[Outcome]:
    """Yield each clip's outcome as it comes."""
    with Store(settings.store) as store:
        for task in tasks:
            yield process(task, settings, store)


def run_apart(tasks: Sequence[Task], settings: Settings, count: int) -> Iterator[Outcome]:
    """Yield outcomes as they come from `count` processes; one that dies costs its clip only.

    Closing it ends the processes; what they had half done is swept by the store.
    """
    left = deque(tasks)
    workers = [_start(settings, count) for _ in range(min(count, len(tasks)))]
    try:
        for worker in workers:
            worker.give(left.popleft())
        while busy := {worker.line: worker for worker in workers if worker.task}:
            for line in wait(list(busy)):
                worker = busy[line]  # type: ignore[index]
                yield worker.take()
                if left and not worker.process.is_alive():
                    workers.remove(worker)
                    workers.append(worker := _start(settings, count))
                if left:
                    worker.give(left.popleft())
    finally:
        for worker in workers:
            worker.end()


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection
    task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        try:
            self.line.send(task)
        except OSError:  # it died before it began; `take` says so
            self.line.close()

    def take(self) -> Outcome:
        """Return the outcome of the task, also where the process died over it."""
        task, self.task = self.task, None
        assert task
        try:
            outcome: Outcome = self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            sentence = f"its process was ended {how}; was there enough memory?"
            return replace(waiting(task), state=FAILED, error=sentence)
        return outcome

    def end(self) -> None:
        self.line.close()
        self.process.terminate()
        self.process.join()


def _start(settings: Settings, count: int) -> _Worker:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(theirs, settings, count), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _work(line: Connection, settings: Settings, count: int) -> None:
    """Answer each task with its outcome until the line is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked; it ends this process
    prepare_process()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // count))
    with Store(settings.store) as store:
        while True:
            try:
                task = line.recv()
            except (EOFError, OSError):
                return
            line.send(process(task, settings, store))
