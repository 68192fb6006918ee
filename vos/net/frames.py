"""Frames and masks as networks take them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.blocks import MEAN_RGB, STD_RGB, STRIDE
from vos.types import Frame

MAX_ASPECT = 4  # longer frames are made smaller rather than let memory grow
_BYTES = np.arange(256)[None, :, None]
NORMALISED = ((_BYTES / 255 - MEAN_RGB) / np.array(STD_RGB)).astype(np.float32)  # (1, 256, 3)


def working_size(size_hw: tuple[int, int], short_side: int, stride: int = STRIDE) -> tuple[int, int]:
    """Return the size (h, w) at which a network sees frames: multiples of a stride, at most four to one."""
    scale = min(short_side / min(size_hw), MAX_ASPECT * short_side / max(size_hw))
    h, w = (max(1, round(side * scale / stride)) * stride for side in size_hw)
    return h, w


def shrink(frame: Frame, size_hw: tuple[int, int]) -> Frame:
    """Return a frame at another size, each pixel the mean of what it covers."""
    return np.asarray(cv2.resize(frame, size_hw[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def to_image(frame: Frame, size_hw: tuple[int, int]) -> Tensor:
    """Return a frame as `vos.net.models.blocks.normalise` has it, (1, 3, h, w), channels last."""
    return torch.from_numpy(cv2.LUT(shrink(frame, size_hw), NORMALISED))[None].permute(0, 3, 1, 2)


def to_plane(pixels: NDArray[np.bool_], size_hw: tuple[int, int]) -> Tensor:
    """Return the share of true pixels, 0..1, in each pixel (h, w) of another size."""
    area = cv2.resize(pixels.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(area)
