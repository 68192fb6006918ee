"""The baseline: dense optical flow carries the masks from frame to frame; no weights, no network.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), as OpenCV has it. Flow is
taken backwards, so that every pixel asks where it was in the frame before. These answers are composed:
each pixel knows its place in the last prompted frame and takes the label from there, so sub-pixel motion
adds up and any number of objects costs the same. (Dropping pixels whose flow there and back does not close
was tried: it loses more of the object than it keeps off.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.net.motion import Field, Grey, brightness, dense_flow
from vos.net.options import check
from vos.net.prompts import by_frame, impose
from vos.types import VOID, Clip, Device, Mask, Prediction, Prompt, Step, Weight

TITLE = "Optical flow"
SUMMARY = "Carries the masks along with the motion between frames: a baseline without a network."
NEEDS_PROMPT = True
WEIGHTS: tuple[Weight, ...] = ()
PRESETS = {
    "fast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "fine": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
ALIKE = 20  # grey levels between a pixel and where it came from that still pass for the same thing


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is not among the choices.
    """

    preset: str = field(
        default="medium", metadata={"help": "How carefully motion is measured", "choices": tuple(PRESETS)}
    )

    def __post_init__(self) -> None:
        check(self)


def build(weights: Mapping[str, Path], device: Device, options: Options) -> FlowSegmenter:
    """Return the segmenter; it needs no weights and always computes on the CPU."""
    return FlowSegmenter(options)


class FlowSegmenter:
    """Carries the prompted masks along; see vos.types.Segmenter."""

    def __init__(self, options: Options):
        self.options = options

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield one Prediction per frame; its confidence: the share of object pixels that look as before."""
        masks = by_frame(clip, prompts)
        dis = cv2.DISOpticalFlow.create(PRESETS[self.options.preset])
        here = _grid(clip.info.size_hw)
        reference, origin = np.zeros(clip.info.size_hw, np.uint8), here
        before: Grey | None = None
        for index, frame in enumerate(clip):
            grey = brightness(frame)
            mask, confidence = reference, 1.0
            if before is not None:
                source = here + dense_flow(dis, grey, before)
                origin = _look_up(origin, source, cv2.INTER_LINEAR)
                mask = _look_up(reference, origin, cv2.INTER_NEAREST)
                confidence = _alike(grey, before, source, mask)
            if index in masks:
                mask = reference = impose(mask, masks[index])
                origin = here
            before = grey
            yield Prediction(mask, confidence)


def _grid(size_hw: tuple[int, int]) -> Field:
    h, w = size_hw
    return np.dstack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)))


def _look_up(image: NDArray[Any], places: Field, interpolation: int) -> NDArray[Any]:
    """Return the image's values at places (H, W, 2); outside it, those of its border."""
    # None: both coordinates are in `places`; OpenCV's stubs do not know that this is allowed.
    return cv2.remap(image, places, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload,no-any-return]


def _alike(grey: Grey, before: Grey, source: Field, mask: Mask) -> float:
    """Return the share of object pixels within ALIKE of where they came from; NaN without objects."""
    pixels = (mask > 0) & (mask < VOID)
    if not pixels.any():
        return math.nan
    moved = _look_up(before, source, cv2.INTER_LINEAR)
    return float((cv2.absdiff(grey, moved)[pixels] <= ALIKE).mean())
