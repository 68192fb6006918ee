"""Drawing a scene: layers that move, pasted over each other with their labels, then seen by a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.net.train.motion import Array, Matrices, Motion, shift

LONGEST_BLUR = 10  # pixels; longer ones cost more than all the rest of a scene
HALF = 127


@dataclass(frozen=True, eq=False)
class Layer:
    """A moving picture, uint8 (h, w, 4) premultiplied, or (h, w, 3) for a background without edges.

    Attributes:
        picture: RGB times alpha, and alpha; or RGB.
        motion: where it is in every frame.
        label: its object's id, 0 for what is not to be followed.
        shutter: how much of the time between two frames its movement is smeared over, 0..1.
    """

    picture: NDArray[np.uint8]
    motion: Motion
    label: int = 0
    shutter: float = 0.0


def shrink_to_shown(layer: Layer) -> Layer:
    """Shrink a picture that is never shown at its full size, so that sampling it does not alias."""
    scale = layer.motion.largest_scale()
    height, width = layer.picture.shape[:2]
    small_wh = max(round(width * scale), 2), max(round(height * scale), 2)
    if scale > 0.8 or small_wh[0] >= width or small_wh[1] >= height:
        return layer
    picture = cv2.resize(layer.picture, small_wh, interpolation=cv2.INTER_AREA)
    ratio = width / small_wh[0], height / small_wh[1]
    return replace(layer, picture=picture.astype(np.uint8), motion=layer.motion.resampled(*ratio))


def render(
    background: Layer, layers: Sequence[Layer], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a clip back to front; returns frames uint8 (T, S, S, 3) and label maps uint8 (T, S, S).

    A pixel has the label of the last layer that covers at least half of it.
    """
    length = len(background.motion.matrices)
    frames = np.empty((length, size, size, 3), np.uint8)
    masks = np.zeros((length, size, size), np.uint8)
    for t in range(length):
        canvas = _seen(background, t, size)
        for layer in layers:
            canvas, inside = paste(canvas, layer, t, size)
            masks[t][inside] = layer.label
        frames[t] = canvas
    return frames, masks


def paste(
    canvas: NDArray[np.uint8], layer: Layer, t: int, size: int, hidden: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a canvas (S, S, 3) with a layer of frame t over it, and what the layer covers by half, (S, S).

    The layer lies behind what is `hidden`, bool (S, S).
    """
    seen = _seen(layer, t, size)
    if hidden is not None:
        seen[hidden] = 0
    *colour, alpha = cv2.split(seen)
    behind = cv2.multiply(canvas, cv2.merge([255 - alpha] * 3), scale=1 / 255)
    return np.asarray(cv2.add(behind, cv2.merge(colour)), np.uint8), alpha > HALF


def centred(size_wh: tuple[int, int], scale: float) -> Matrices:
    """Return the 3x3 matrix that puts a picture's centre on the origin, scaled."""
    return np.asarray(np.diag([scale, scale, 1]) @ shift(-size_wh[0] / 2, -size_wh[1] / 2))


def _seen(layer: Layer, t: int, size: int) -> NDArray[np.uint8]:
    """Return the layer as it lies on the canvas in frame t, uint8 (S, S, 3 or 4)."""
    map_x, map_y = layer.motion.maps(t, size)
    border = cv2.BORDER_REFLECT_101 if layer.picture.shape[2] == 3 else cv2.BORDER_CONSTANT
    seen = cv2.remap(layer.picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=border)
    if layer.shutter:
        dx, dy = layer.motion.velocity(t, layer.picture.shape[1] / 2, layer.picture.shape[0] / 2)
        kernel = _streak(dx * layer.shutter, dy * layer.shutter)
        seen = cv2.filter2D(seen, -1, kernel) if kernel.size > 1 else seen
    return np.asarray(seen, np.uint8)


def _streak(dx: float, dy: float) -> Array:
    """Return the kernel of a movement by (dx, dy) pixels: a line that sums to 1."""
    longest = max(abs(dx), abs(dy), 1e-6)
    dx, dy = dx * min(1, LONGEST_BLUR / longest), dy * min(1, LONGEST_BLUR / longest)
    reach = int(max(abs(dx), abs(dy)) / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    end = round(dx / 2), round(dy / 2)
    cv2.line(kernel, (reach - end[0], reach - end[1]), (reach + end[0], reach + end[1]), 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def develop(frames: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Photograph a clip uint8 (T, H, W, 3): light that drifts, a shade, defocus, noise."""
    length, *size_hw = frames.shape[:3]
    change = rng.normal(0, [0.12, 0.04, 0.04, 0.04]) * (rng.random() < 0.4)
    drift = np.linspace(0, 1, length)[:, None] * change
    gain = np.exp(drift[:, :1] + drift[:, 1:]) * rng.uniform(0.75, 1.25) * rng.uniform(0.88, 1.12, 3)
    offset = rng.uniform(-20, 20)
    shade = _shade(rng, size_hw)
    defocus = rng.uniform(0.4, 1.4) if rng.random() < 0.2 else 0.0
    noise = rng.uniform(0, 7) * (rng.random() < 0.7)
    developed = np.empty(frames.shape, np.uint8)
    for t, frame in enumerate(frames):
        light = frame * gain[t].astype(np.float32) + np.float32(offset)
        if shade is not None:
            light *= shade
        if defocus:
            light = cv2.GaussianBlur(light, (0, 0), defocus)
        if noise:
            light += rng.standard_normal((*size_hw, 1), np.float32) * np.float32(noise)
        developed[t] = np.clip(light, 0, 255)
    return developed


def _shade(rng: np.random.Generator, size_hw: Sequence[int]) -> Array | None:
    if rng.random() > 0.25:
        return None
    coarse = rng.uniform(0.6, 1.15, (4, 4)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC), np.float32)[..., None]
