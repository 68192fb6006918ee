"""python -m vos bench: frames per second of every stage, peak memory, and how cost grows."""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from vos import folders, plugins, segment
from vos.commands import _bench_correction, _device, _options
from vos.net.device import choose
from vos.propagate import Stopwatch, propagate
from vos.segment import Finished
from vos.store import Store
from vos.types import Device, Frame, Job, Options, Prompt
from vos.video import sample
from vos.video.read import FileClip, open_clip
from vos.video.write import VideoWriter

HELP = "measure speed and memory of every engine on the sample clip"
SIZES = {"480p": (480, 854), "1080p": (1080, 1920)}
OBJECTS = (1, 2, 4, 8)
FRAMES = 90  # of a clip, where its length is not what is measured
LENGTHS = (100, 1000)
STAGES = ("decode", "segment", "render", "encode", "pack")
FPS = Fraction(30)


@dataclass(frozen=True)
class Row:
    """One measurement: a run of its own in a process of its own.

    `learn_s` is what an engine takes to learn the objects before the first frame; `stages` are frames per
    second of each stage, "end to end" of all together with learning and storing. "segment" has a run to
    itself, as the video encoder's threads compute at the same time. `peak_mb` is the process's largest
    resident size.
    """

    engine: str
    size: str
    objects: int
    frames: int
    learn_s: float
    stages: dict[str, float]
    peak_mb: float


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    names = plugins.names(plugins.ENGINES)
    parser.add_argument("--engine", action="append", choices=names, help="default: all; may be repeated")
    _options.arguments(parser)
    parser.add_argument("--quick", action="store_true", help="480p and one object only, no cost curves")
    parser.add_argument("--correction", action="store_true", help=_bench_correction.HELP)
    _device.arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")


def run(args: argparse.Namespace) -> int:
    """Measure and print a table as it comes."""
    device = choose(args.device, args.precision)
    names = args.engine or plugins.names(plugins.ENGINES)
    engines = {name: _options.read_engine(name, args.option) for name in names}
    if args.correction:
        return _measure_correction(engines, device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{platform.machine()}, {cores} cores, {device.name}, {device.precision}"
    print(f"fps of each stage on {machine}; peak memory of the whole process")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in _rows(engines, args.quick, device, Path(folder)):
            if not rows:
                print(_line(["engine", "size", "objects", "frames", "learn s", *row.stages, "peak MB"]))
            cells = [row.engine, row.size, row.objects, row.frames, row.learn_s, *row.stages.values()]
            print(_line([*cells, row.peak_mb]), flush=True)
            rows.append(row)
    if args.json:
        content = {"machine": machine, "python": sys.version.split()[0], "rows": [asdict(r) for r in rows]}
        args.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


def _measure_correction(engines: Mapping[str, Options], device: Device) -> int:
    with tempfile.TemporaryDirectory() as folder:
        clip = _clip(Path(folder), "480p", 1, _bench_correction.FRAMES)
        print(_line(["engine", "whole s", "correction s", "share"]))
        mask = sample.prompt(SIZES["480p"])
        for row in _bench_correction.measure(clip, mask, engines, device):
            share = f"{row.share:.0%}"
            print(_line([row.engine, row.whole_s, row.correction_s, share]), flush=True)
    return 0


def _line(cells: Iterable[object]) -> str:
    return "  ".join(f"{c:>10.1f}" if isinstance(c, float) else f"{c!s:>10}" for c in cells)


def _rows(engines: Mapping[str, Options], quick: bool, device: Device, folder: Path) -> Iterator[Row]:
    runs = [(size, 1, FRAMES) for size in SIZES]
    runs += [("480p", objects, FRAMES) for objects in OBJECTS[1:]] + [
        ("480p", 1, frames) for frames in LENGTHS
    ]
    for engine, options in engines.items():
        for size, objects, frames in runs[:1] if quick else runs:
            _, mask = next(sample.frames(1, SIZES[size], objects=objects))
            job = Job(_clip(folder, size, objects, frames), engine, (Prompt(0, mask),), options)
            yield _measure(job, size, objects, device)


def _measure(job: Job, size: str, objects: int, device: Device) -> Row:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:  # a process of its own: its peak memory is its own
        return pool.submit(_alone, job, size, objects, device).result()


def _alone(job: Job, size: str, objects: int, device: Device) -> Row:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        folders.choose(Path(folder))  # what an engine learns is learnt anew, not found from an earlier run
        finished = [step for step in segment.run(job, store, device=device) if isinstance(step, Finished)]
        alone = Stopwatch()
        again = segment.build(job.engine, job.options, device)
        deque(propagate(open_clip(job.clip), again, job.prompts, Path(folder) / "spool", alone), maxlen=0)
    result = finished[0].result
    stages = {stage: result.frames / max(result.seconds[stage], 1e-9) for stage in STAGES}
    stages["segment"] = result.frames / alone.seconds["segment"]
    stages["end to end"] = result.frames / result.seconds["total"]
    learn_s = result.seconds.get("learn", 0.0)
    return Row(job.engine, size, objects, result.frames, learn_s, stages, _peak_mb())


def _peak_mb() -> float:
    """Return this process's own peak, NaN where it is not told; ru_maxrss starts at its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
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
