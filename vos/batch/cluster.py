"""Clips on the machines of a Ray cluster: each travels there and comes back as a result, into one store."""

from __future__ import annotations

import io
import socket
import tempfile
import zipfile
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from vos import segment
from vos.batch.clip import DONE, FAILED, Outcome, Settings, job_of, process, waiting
from vos.batch.tasks import Task
from vos.errors import InvalidInput, VosError
from vos.net.device import choose
from vos.segment import Finished
from vos.store import Store, parcel
from vos.types import Job
from vos.video.read import open_clip

CONNECT_S = 5.0
RETRIES = 3  # for a clip whose machine or process is lost
AHEAD = 2  # clips on their way for each processor or card: so many are in memory at once


def run_cluster(tasks: Sequence[Task], settings: Settings, address: str) -> Generator[Outcome, None, None]:
    """Yield outcomes as they come from the cluster at an address; what the store has is not asked for.

    Raises:
        InvalidInput: Ray is not installed, or there is no cluster at the address.
    """
    ray = _connect(address)
    cards = settings.device.startswith("cuda")
    remote = ray.remote(num_cpus=1, num_gpus=int(cards), max_retries=RETRIES)(segment_there)
    width = max(1, int(ray.cluster_resources().get("GPU" if cards else "CPU", 1))) * AHEAD
    left, away = deque(tasks), dict[Any, tuple[Task, str]]()
    try:
        with Store(settings.store) as store:
            while left or away:
                while left and len(away) < width:
                    task = left.popleft()
                    sent = _send(task, settings, store)
                    if isinstance(sent, Outcome):
                        yield sent
                    else:
                        away[remote.remote(*sent, settings.device, settings.precision)] = task, sent[-1]
                for come in ray.wait(list(away))[0] if away else ():
                    task, key = away.pop(come)
                    yield _receive(task, key, come, settings, store, ray)
    finally:
        for gone in away:
            ray.cancel(gone, force=True)


def segment_there(
    clip: bytes, name: str, job: Job, digest: str, key: str, device: str, precision: str
) -> Any:
    """Return a clip's result as one file's bytes, or a sentence of what is wrong; runs there."""
    with tempfile.TemporaryDirectory() as top, Store(Path(top) / "store") as store:
        path, packed = Path(top) / name, Path(top) / "result.vos.zip"
        path.write_bytes(clip)
        job = replace(job, clip=path)
        try:
            if segment.job_id(job, digest) != key:
                return "that machine has other weights or another version"
            with closing(segment.run(job, store, device=choose(device, precision), digest=digest)) as steps:
                for item in steps:
                    if isinstance(item, Finished):
                        parcel.pack(store, item.result.id, packed)
            return packed.read_bytes()
        except VosError as error:
            return str(error)


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise InvalidInput("--ray needs the extra cluster: pip install '.[cluster]'") from error
    host, colon, port = address.rpartition(":")
    try:
        if colon and port.isdecimal() and "/" not in address:  # Ray itself tries for minutes
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        ray.init(address, ignore_reinit_error=True, log_to_driver=False)
    except (OSError, OverflowError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"there is no Ray cluster at {address}: {error}") from error
    return ray


def _send(task: Task, settings: Settings, store: Store) -> Outcome | tuple[bytes, str, Job, str, str]:
    """Return what travels, or the outcome where the clip is stored already or cannot be read."""
    try:
        job, _ = job_of(task, settings)
        digest = open_clip(task.clip).digest()
        key = segment.job_id(job, digest)
        if store.get(key):
            return process(task, settings, store)
        name = f"{task.name}.zip" if task.clip.is_dir() else task.clip.name
        return _bytes_of(task.clip), name, job, digest, key
    except (VosError, OSError):
        return process(task, settings, store)  # which says what is wrong


def _bytes_of(clip: Path) -> bytes:
    if not clip.is_dir():
        return clip.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(clip.iterdir()):
            if path.is_file():
                archive.write(path, path.name)
    return packed.getvalue()


def _receive(task: Task, key: str, come: Any, settings: Settings, store: Store, ray: Any) -> Outcome:
    """Take a result into the store; the same one twice is kept once."""
    try:
        answer = ray.get(come)
    except ray.exceptions.RayError as error:
        lost = f"its machine or process was lost {RETRIES + 1} times: {type(error).__name__}"
        return replace(waiting(task), state=FAILED, error=lost)
    if isinstance(answer, str):
        return replace(waiting(task), state=FAILED, error=answer)
    with store.workspace() as folder:
        file = Path(folder) / "result.zip"
        file.write_bytes(answer)
        result = parcel.unpack(store, file)
    outcome = process(task, settings, store)
    return replace(outcome, state=DONE, seconds=result.seconds["total"]) if not outcome.error else outcome
