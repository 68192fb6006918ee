"""What moves by itself: optical flow between two frames, less what the camera does."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import Frame

MIN_SIDE, MAX_ASPECT = 64, 8  # smaller and longer frames are padded: DIS crashes below 32, and on 24x512
STRIDE = 4  # of the motion that networks get
ROUNDS = 4  # of fitting the camera's motion to what followed it in the round before
STILL = 0.25  # pixels: less than this is not told from nothing
LARGEST = 4.0  # times the frame's root mean square

Grey = NDArray[np.uint8]  # (H, W)
Field = NDArray[np.float32]  # (H, W, 2) x, y in pixels: a motion or a place


def brightness(frame: Frame) -> Grey:
    """Return a frame's brightness."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def dense_flow(dis: cv2.DISOpticalFlow, now: Grey, other: Grey) -> Field:
    """Return where each pixel (H, W) of the first image lies in the other, relative to itself."""
    h, w = now.shape
    least = max(MIN_SIDE, max(h, w) // MAX_ASPECT)
    pad = (0, max(0, least - h)), (0, max(0, least - w))
    first, second = np.pad(now, pad, "edge"), np.pad(other, pad, "edge")
    flow = dis.calc(first, second, np.zeros((*first.shape, 2), np.float32))
    return np.asarray(flow[:h, :w], np.float32)


def own_motion(now: Frame, other: Frame) -> NDArray[np.float32]:
    """Return what moves against the camera between two frames (H, W, 3): (3, H/4, W/4) x, y and length.

    In units of their root mean square over the frame, so that fast and slow clips look alike. The camera is
    the affine motion that fits most pixels: least squares, then again with weights 1 / (1 + error^2).
    H and W are multiples of 4.
    """
    h, w = now.shape[0] // STRIDE, now.shape[1] // STRIDE
    half = [cv2.resize(brightness(f), (2 * w, 2 * h), interpolation=cv2.INTER_AREA) for f in (now, other)]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = cv2.resize(dense_flow(dis, *half), (w, h), interpolation=cv2.INTER_AREA)  # type: ignore[arg-type]
    flow = flow.reshape(-1, 2)  # (N, 2)
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].reshape(2, -1).astype(np.float32)
    basis = np.stack((x, y, np.ones_like(x)), 1)  # (N, 3)
    weights = np.ones((h * w, 1), np.float32)
    for _ in range(ROUNDS):
        weighted = basis * weights
        camera = np.linalg.lstsq(weighted.T @ basis, weighted.T @ flow, rcond=None)[0]  # (3, 2)
        rest = flow - basis @ camera
        weights = 1 / (1 + np.square(rest).sum(1, keepdims=True))
    rest /= np.sqrt(np.square(rest).sum(1).mean()) + STILL
    motion = np.c_[rest, np.linalg.norm(rest, axis=1)].T.reshape(3, h, w)
    return np.asarray(np.clip(motion, -LARGEST, LARGEST), np.float32)
