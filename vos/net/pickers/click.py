"""The click network (vos/net/models/click.py) as a picker: the whole frame, then a look around the object."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from vos.errors import InvalidInput
from vos.net.device import dtype, torch_device
from vos.net.frames import shrink, to_image, working_size
from vos.net.label_maps import follow_edges
from vos.net.models.blocks import ready
from vos.net.models.click import STRIDE, ClickNetwork, Encoding, full_size
from vos.net.pieces import keep_meant
from vos.types import Device, Frame, Point, Weight

TITLE = "Click network"
SUMMARY = "A mask from a click or two; made for a laptop's processor."
WEIGHTS = (
    Weight(
        "lite0.safetensors",
        "4dc1085a3c2e5f6d0a068a61a4dbc88197c041fceb8608c3d5837890abf09713",
        licence="Apache-2.0",
    ),
    Weight(
        "click.safetensors",
        "020a5d2d3e13134d5b2408c7fb1c2433ea003abc6b0e8922c18f9e08f10d1df3",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
)
SHORT_SIDE = 384  # at which the frame is seen, and then the window around the object
REMEMBERED = 4  # frames whose encodings are kept, and windows
MARGIN = 0.2  # of the object's sides, on each of its sides, and at least
LEAST_PX = 24
TOUCHED = 1 / 160  # of the short side: the radius of what a click settles by itself
COARSEST = 0.75  # of the frame's area: a larger window would show nothing new
STEPS = 16  # a window's sides lie on so many parts of the frame's: clicks of one object share its window

Box = tuple[float, float, float, float]


def build(weights: Mapping[str, Path], device: Device) -> ClickPicker:
    """Load the network, ready for any number of frames."""
    network = ClickNetwork()
    parts = [load_file(weights[weight.name]) for weight in WEIGHTS]
    network.load_state_dict({name: tensor for part in parts for name, tensor in part.items()})
    return ClickPicker(network, device)


class Window(NamedTuple):
    """A part of a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class View:
    """A window of a frame as the network sees it; two of the same pixels are equal."""

    def __init__(self, frame: Frame, window: Window):
        self.shape = window.height, window.width
        self.size_hw = working_size(self.shape, SHORT_SIDE, STRIDE)
        self.pixels = shrink(frame[window.slices], self.size_hw)
        self._key = self.shape, hashlib.blake2b(self.pixels.data, digest_size=16).digest()

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self._key == other._key


class ClickPicker:
    """Turns clicks into masks; see vos.types.Picker. It holds nothing but the last encodings."""

    def __init__(self, network: ClickNetwork, device: Device):
        self._net, self._device = ready(network, device), device
        self._encoding = lru_cache(REMEMBERED)(self._encode)
        self._closer = lru_cache(REMEMBERED)(self._encode)

    def see(self, frame: Frame) -> None:
        """Encode a frame; see vos.types.Picker."""
        self._encoding(View(frame, Window(0, 0, *frame.shape[:2])))

    def pick(
        self,
        frame: Frame,
        points: Sequence[Point],
        box: Box | None = None,
        previous: NDArray[np.generic] | None = None,
    ) -> NDArray[np.float32]:
        """Return the probability (H, W) that a pixel is of the object; see vos.types.Picker."""
        before = np.zeros(frame.shape[:2], np.float32) if previous is None else previous.astype(np.float32)
        _check(frame, points, box, before)
        whole = Window(0, 0, *frame.shape[:2])
        view = View(frame, whole)
        prob = self._look(view, self._encoding(view), points, box, before)
        on = [(p.x, p.y) for p in points if p.positive]
        meant = (before > 0.5) | (_filled(box, frame.shape) > 0)
        keep_meant(prob, on, meant)
        window = around(prob, points, box)
        if window.height * window.width < COARSEST * prob.size:
            closer = View(frame, window)
            encoding = self._closer(closer)
            near = [p for p in (_moved(p, window) for p in points) if _within(p, window)]
            moved = None if box is None else _shifted(box, window)
            part = prob[window.slices]
            part[:] = self._look(closer, encoding, near, moved, part)
            keep_meant(prob, on, meant)
        follow_edges(prob, frame)
        obey(prob, points)
        return np.clip(prob, 0, 1, out=prob)

    @torch.inference_mode()
    def _encode(self, view: View) -> Encoding:
        image = to_image(view.pixels, view.size_hw)
        return self._net.encode(image.to(torch_device(self._device), dtype(self._device)))

    @torch.inference_mode()
    def _look(
        self,
        view: View,
        encoding: Encoding,
        points: Sequence[Point],
        box: Box | None,
        before: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return the probabilities (H, W) of a view, in whose pixels everything is given."""
        (h, w), (height, width) = view.size_hw, view.shape
        down, right = h / height, w / width
        clicks = [
            ((p.x + 0.5) * right - 0.5, (p.y + 0.5) * down - 0.5, 1 if p.positive else -1) for p in points
        ]
        planes = [self._plane(plane, (h, w)) for plane in (_filled(box, (height, width)), before)]
        where = torch.tensor(clicks or [(0, 0, 0)], dtype=torch.float32, device=planes[0].device)[None]
        logits = full_size(self._net.decode(encoding, where, *planes))
        return np.asarray(cv2.resize(logits.sigmoid()[0, 0].cpu().numpy(), (width, height)), np.float32)

    def _plane(self, plane: NDArray[np.float32], size_hw: tuple[int, int]) -> Tensor:
        small = torch.from_numpy(cv2.resize(plane, size_hw[::-1], interpolation=cv2.INTER_AREA))
        return small[None, None].to(torch_device(self._device), dtype(self._device))


def obey(prob: NDArray[np.float32], points: Sequence[Point]) -> None:
    """Let a mask (H, W) be what every click says, in place: a small disk at those that it denies."""
    radius = max(1, round(min(prob.shape) * TOUCHED))
    for p in points:
        x, y = int(p.x), int(p.y)
        if (prob[y, x] > 0.5) != p.positive:
            cv2.circle(prob, (x, y), radius, 0.75 if p.positive else 0.25, -1)


def around(prob: NDArray[np.float32], points: Sequence[Point], box: Box | None) -> Window:
    """Return the window around a mask, the clicks on it and the box, with a margin."""
    height, width = prob.shape
    x, y, w, h = cv2.boundingRect((prob > 0.5).view(np.uint8))
    places: list[Box] = [(x, y, x + w, y + h)] if w else []
    places += [(p.x, p.y, p.x + 1, p.y + 1) for p in points if p.positive]
    places += [] if box is None else [_ordered(box)]
    if not places:
        return Window(0, 0, height, width)
    x1, y1 = np.min(places, 0)[:2]
    x2, y2 = np.max(places, 0)[2:]
    sides = []
    for low, high, limit in ((y1, y2, height), (x1, x2, width)):
        margin = max((high - low) * MARGIN, LEAST_PX)
        step = limit / STEPS
        first = max(0, int((low - margin) // step * step))
        sides.append((first, min(limit, int(-(-(high + margin) // step) * step)) - first))
    (top, tall), (left, wide) = sides
    return Window(top, left, tall, wide)


def _check(frame: Frame, points: Sequence[Point], box: Box | None, before: NDArray[np.float32]) -> None:
    height, width = frame.shape[:2]
    for p in points:
        if not (0 <= p.x < width and 0 <= p.y < height):
            raise InvalidInput(
                f"the click at {p.x:g},{p.y:g} is outside the frame of {width}x{height} pixels"
            )
    if box is not None:
        x1, y1, x2, y2 = _ordered(box)
        if min(x2, width) - max(x1, 0) < 1 or min(y2, height) - max(y1, 0) < 1:
            where = f"the box {x1:g},{y1:g},{x2:g},{y2:g}"
            raise InvalidInput(f"{where} covers nothing of the frame of {width}x{height} pixels")
    if before.shape != (height, width):
        got = "x".join(map(str, before.shape[::-1]))
        raise InvalidInput(f"the mask before is {got}, the frame {width}x{height} pixels")
    if box is None and not any(p.positive for p in points) and not (before > 0.5).any():
        raise InvalidInput("nothing says where the object is: click on it first, or draw a box around it")


def _ordered(box: Box) -> Box:
    x1, y1, x2, y2 = box
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _filled(box: Box | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a plane (H, W) that is 1 in the box, 0 elsewhere."""
    plane = np.zeros(shape[:2], np.float32)
    if box is not None:
        x1, y1, x2, y2 = _ordered(box)
        plane[max(0, round(y1)) : max(0, round(y2)), max(0, round(x1)) : max(0, round(x2))] = 1
    return plane


def _shifted(box: Box, window: Window) -> Box:
    x1, y1, x2, y2 = box
    return x1 - window.left, y1 - window.top, x2 - window.left, y2 - window.top


def _moved(point: Point, window: Window) -> Point:
    return Point(point.x - window.left, point.y - window.top, point.positive)


def _within(point: Point, window: Window) -> bool:
    return 0 <= point.x < window.width and 0 <= point.y < window.height
