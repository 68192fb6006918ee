"""A small result with exact pixels, made without an engine: what every export is tried on."""

import io
import math
import zipfile
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos.tracks import TrackBuilder
from vos.types import VideoInfo
from vos.video.alpha import AlphaReader
from vos.video.exportable import Exportable
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import open_clip

HEIGHT, WIDTH, COUNT = 47, 61, 5  # odd on purpose
NAMES = {1: "Ball, red", 2: 'Rahmen "ß"'}


def mask_of(index):
    """Object 1, a disc, leaves after frame 2; 2 has a hole and a part on its own; frame 3 is empty."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    if index != 3:
        mask[5:20, 30 + index : 50 + index] = 2
        mask[9:15, 36 + index : 44 + index] = 0
        mask[30:34, 50:55] = 2
    if index < 3:
        cv2.circle(mask, (14 + 2 * index, 25), 9, 1, -1)
    if index == 1:
        mask[0, 0] = 255
    return mask


def labels_of(index):
    """The label map as exports have it: void is background."""
    mask = mask_of(index)
    return np.where(mask == 255, 0, mask)


def frame_of(index):
    """A flat ground of (40, 80, 120); objects in (200, 40, 30) and (30, 60, 220)."""
    colours = np.array([(40, 80, 120), (200, 40, 30), (30, 60, 220)], np.uint8)
    return colours[labels_of(index)]


def picture_folder(folder, count=COUNT, frame=frame_of):
    """Write the frames as PNGs, so that what is read is exactly what was drawn."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        Image.fromarray(frame(index)).save(folder / f"{index:05d}.png")
    return folder


@contextmanager
def scene(folder: Path, *, count=COUNT, mask=mask_of, clip=None, names=None, alpha=None, info=None):
    """Open the result of `count` masks over a clip, by default the one of `frame_of`."""
    tracks = TrackBuilder()
    with MaskWriter(folder / "masks") as writer:
        for index in range(count):
            writer.add(mask(index))
            tracks.add(mask(index))
    names = NAMES if names is None else names
    opened = open_clip(clip or picture_folder(folder / "clip", count))
    with MaskReader(folder / "masks") as masks:
        height, width = masks.size_hw
        yield Exportable(
            title="Szene <1>",
            info=info or VideoInfo("mp4", "h264", width, height, opened.info.fps, count, count / 24),
            clip=opened,
            masks=masks,
            names=names,
            tracks=tracks.tracks(names, names),
            confidence=tuple([0.5] * (count - 1) + [math.nan]),
            facts={"Engine": "test & <b>"},
            alpha=AlphaReader(alpha) if alpha else None,
        )


def write_alpha(path, alphas):
    """Write soft masks: (frame, object) -> uint8 (H, W)."""
    with zipfile.ZipFile(path, "w") as archive:
        for (frame, object_id), levels in alphas.items():
            archive.writestr(f"{frame:05d}_{object_id}.png", cv2.imencode(".png", levels)[1].tobytes())
    return path


def run(export, source, target, **options):
    """Do an export to the end and return its file and its steps."""
    steps = list(export.export(source, export.Options(**options), target))
    return target, steps


def pictures(path):
    """Return the names in a zip and its pictures as arrays, 16 bits kept."""
    with zipfile.ZipFile(path) as archive:
        return {name: decode(archive.read(name)) for name in archive.namelist()}


def decode(data):
    """Return a PNG as PIL has it (palette indices, RGB, RGBA, uint16)."""
    return np.array(Image.open(io.BytesIO(data)))


FPS = Fraction(24)
