"""python -m vos bench: frames per second of every stage, peak memory, and how cost grows."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from vos import plugins, segment
from vos.commands import _device
from vos.net.device import choose
from vos.segment import Finished
from vos.store import Store
from vos.types import Device, Frame, Job, Prompt
from vos.video import sample
from vos.video.read import FileClip, open_clip
from vos.video.write import VideoWriter

HELP = "measure speed and memory of every engine on the sample clip"
SIZES = {"480p": (480, 854), "1080p": (1080, 1920)}
OBJECTS = (1, 2, 4, 8)
LENGTHS = (100, 1000)
STAGES = ("decode", "segment", "render", "encode", "pack")
FPS = Fraction(30)


@dataclass(frozen=True)
class Row:
    """One measurement: a run of its own in a process of its own.

    `stages` are frames per second of each stage alone, "end to end" of all of them together with
    storing; `peak_mb` is the process's largest resident size.
    """

    engine: str
    size: str
    objects: int
    frames: int
    stages: dict[str, float]
    peak_mb: float


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    names = plugins.names(plugins.ENGINES)
    parser.add_argument("--engine", action="append", choices=names, help="default: all; may be repeated")
    parser.add_argument("--quick", action="store_true", help="480p and one object only, no cost curves")
    _device.arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")


def run(args: argparse.Namespace) -> int:
    """Measure and print a table as it comes."""
    device = choose(args.device, args.precision)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{platform.machine()}, {cores} cores, {device.name}, {device.precision}"
    print(f"fps of each stage on {machine}; peak memory of the whole process")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in _rows(args, device, Path(folder)):
            if not rows:
                print(_line(["engine", "size", "objects", "frames", *row.stages, "peak MB"]))
            print(_line([row.engine, row.size, row.objects, row.frames, *row.stages.values(), row.peak_mb]))
            rows.append(row)
    if args.json:
        content = {"machine": machine, "python": sys.version.split()[0], "rows": [asdict(r) for r in rows]}
        args.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


def _line(cells: Iterable[object]) -> str:
    return "  ".join(f"{c:>10.1f}" if isinstance(c, float) else f"{c!s:>10}" for c in cells)


def _rows(args: argparse.Namespace, device: Device, folder: Path) -> Iterator[Row]:
    engines = args.engine or plugins.names(plugins.ENGINES)
    sizes = ["480p"] if args.quick else list(SIZES)
    for engine in engines:
        for size in sizes:
            yield _measure(engine, size, 1, 90, device, folder)
        if args.quick:
            continue
        for objects in OBJECTS[1:]:
            yield _measure(engine, "480p", objects, 90, device, folder)
        for frames in LENGTHS:
            yield _measure(engine, "480p", 1, frames, device, folder)


def _measure(engine: str, size: str, objects: int, frames: int, device: Device, folder: Path) -> Row:
    clip = _clip(folder, size, objects, frames)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:  # a process of its own: its peak memory is its own
        return pool.submit(_alone, clip, engine, size, objects, device).result()


def _alone(clip: Path, engine: str, size: str, objects: int, device: Device) -> Row:
    _, mask = next(sample.frames(1, SIZES[size], objects=objects))
    job = Job(clip=clip, engine=engine, prompts=(Prompt(0, mask),))
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        os.environ["VOS_CACHE"] = (
            folder  # what an engine learns is learnt anew, not found from an earlier run
        )
        finished = [step for step in segment.run(job, store, device=device) if isinstance(step, Finished)]
    result = finished[0].result
    stages = {stage: result.frames / max(result.seconds[stage], 1e-9) for stage in STAGES}
    stages["end to end"] = result.frames / result.seconds["total"]
    return Row(engine, size, objects, result.frames, stages, _peak_mb())


def _peak_mb() -> float:
    """Return this process's own peak; ru_maxrss starts at its parent's where /proc tells better."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _clip(folder: Path, size: str, objects: int, frames: int) -> Path:
    """Return the sample clip at this size; beyond its 90 frames it runs to and fro."""
    path = folder / f"{size}_{objects}_{frames}.mp4"
    if path.exists():
        return path
    if frames > 90:
        source = open_clip(_clip(folder, size, objects, 90))
        pictures: Iterator[Frame] = _to_and_fro(source, frames)
    else:
        pictures = (frame for frame, _ in sample.frames(frames, SIZES[size], objects=objects))
    with VideoWriter(path, SIZES[size], fps=FPS) as film:
        for index, frame in enumerate(pictures):
            film.add(frame, int(index * 90000 / FPS))
    return path


def _to_and_fro(clip: FileClip, frames: int) -> Iterator[Frame]:
    last, done = clip.info.frames - 1, 0
    while True:
        for index, frame in enumerate(clip):
            if index < last:
                yield frame
                done += 1
                if done == frames:
                    return
        for frame in clip.backwards(last):
            yield frame
            done += 1
            if done == frames:
                return
