"""A clip at rest, on which the flow engine keeps every mask where it is; boxes and requests on it."""

from fractions import Fraction

import numpy as np

from vos.net.engines import flow
from vos.types import Job
from vos.video.write import VideoWriter

SIZE, COUNT = (72, 96), 12
FLOW = flow.Options()


def write_resting_clip(path):
    frame = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    with VideoWriter(path, SIZE, fps=Fraction(25)) as film:
        for index in range(COUNT):
            film.add(frame, index * 3600)
    return path


def box(left, top=20, value=1):
    mask = np.zeros(SIZE, np.uint8)
    mask[top : top + 20, left : left + 20] = value
    return mask


def flow_job(clip, prompts, **more):
    return Job(clip, "flow", prompts, FLOW, **more)
