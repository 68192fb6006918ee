"""The clip that most tests take: twelve frames of a disk that rolls to the right; requests and runs on it."""

from fractions import Fraction

import cv2
import numpy as np

from vos import segment
from vos.cli import main
from vos.net.engines import flow
from vos.segment import Finished
from vos.types import Job, Prompt
from vos.video.read import probe
from vos.video.write import VideoWriter

HEIGHT, WIDTH, COUNT = 95, 121, 12  # odd on purpose


def disk(index):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return ((rows - 45) ** 2 + (columns - 30 - 2 * index) ** 2 <= 15**2).astype(np.uint8)


def texture(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def picture(index):
    frame, ball = texture(1) // 2, 128 + np.roll(texture(2), 2 * index, axis=1) // 2
    return np.where(disk(index)[..., None] > 0, ball, frame).astype(np.uint8)


def write_disk_clip(path):
    with VideoWriter(path, (HEIGHT, WIDTH), fps=Fraction(30000, 1001)) as film:
        for index in range(COUNT):
            film.add(picture(index), index * 3003)
    return path


def prompt(index, size_hw):
    mask = np.zeros(size_hw, np.uint8)
    mask[:HEIGHT, :WIDTH] = disk(index)
    return Prompt(index, mask)


def make_job(clip, *frames, **more):
    size_hw = probe(clip).size_hw
    return Job(clip, "flow", tuple(prompt(f, size_hw) for f in frames), flow.Options(), **more)


def finish(job, store):
    for item in segment.run(job, store):
        if isinstance(item, Finished):
            return item
    raise AssertionError


def run_segment(clip, *more):
    """Run the command line on a clip, with the engine flow; return the exit code."""
    return main(["segment", str(clip), "--engine", "flow", *map(str, more)])
