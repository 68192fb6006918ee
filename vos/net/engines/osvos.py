"""OSVOS: a network learns each object from its prompted frames, then finds it in every frame on its own.

Caelles et al. (CVPR 2017); vos/net/models/osvos.py has the networks, vos/net/online/finetune.py the learning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from vos.errors import InvalidInput
from vos.net.device import torch_device
from vos.net.frames import shrink, working_size
from vos.net.label_maps import measure_confidence, to_label_map
from vos.net.models.blocks import ready
from vos.net.models.osvos import COMPACT, NETWORKS, CompactOsvos, Osvos, Vgg16Osvos
from vos.net.online.finetune import networks_for, predict
from vos.net.options import check
from vos.net.prompts import by_frame, impose
from vos.net.snapping import snap
from vos.types import Clip, Device, Frame, Prediction, Prompt, Step, Weight, object_ids

TITLE = "OSVOS"
SUMMARY = "Learns the objects from their frame for half a minute, then finds them in each frame on its own."
NEEDS_PROMPT = True
FILES = {"compact": COMPACT.name, "vgg16": "osvos-vgg16.safetensors"}
OFFICIAL = {"parent": FILES["vgg16"]}
WEIGHTS = (
    COMPACT,
    Weight(FILES["vgg16"], licence="CC BY-NC 4.0 (the authors' parent_epoch-239.pth, trained on DAVIS)"),
)


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is out of range.
    """

    network: str = field(
        default="compact",
        metadata={"help": "vgg16 is the paper's: official weights, slow", "choices": tuple(NETWORKS)},
    )
    short_side: int = field(
        default=384,
        metadata={"help": "Frames are seen at this short side, in pixels", "min": 64, "max": 1080},
    )
    iterations: int = field(
        default=140,
        metadata={"help": "Training steps per object, at most; 0: none", "min": 0, "max": 2000},
    )
    snap: bool = field(default=False, metadata={"help": "Let masks end at contours of the picture"})

    def __post_init__(self) -> None:
        check(self)


def weights_for(options: Options) -> tuple[Weight, ...]:
    """Return the weights of the chosen network."""
    return tuple(weight for weight in WEIGHTS if weight.name == FILES[options.network])


def from_official(variant: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the authors' parent checkpoint into this engine's weights: names and shapes are the same.

    Raises:
        InvalidInput: it is a checkpoint of another network.
    """
    wanted = Vgg16Osvos().state_dict()
    for name in sorted({*wanted, *tensors}):
        shapes = [tuple(have[name].shape) if name in have else "none" for have in (tensors, wanted)]
        if shapes[0] != shapes[1]:
            raise InvalidInput(f"this is no OSVOS checkpoint: {name} is {shapes[0]}, expected {shapes[1]}")
    return {name: tensors[name].float() for name in wanted}


def build(weights: Mapping[str, Path], device: Device, options: Options) -> OsvosSegmenter:
    """Load the parent network, ready for any number of clips."""
    parent: Osvos = NETWORKS[options.network]()
    parent.load_state_dict(load_file(weights[FILES[options.network]]))
    return OsvosSegmenter(parent, device, options)


class OsvosSegmenter:
    """Learns every object, then segments frame by frame; see vos.types.Segmenter.

    An object's network sees all prompted frames that name it; in them the other objects are background.
    It takes part from the first of them on.
    """

    def __init__(self, parent: Osvos, device: Device, options: Options):
        self.options = options
        self._device = device
        self._parent = parent
        self._outlines: CompactOsvos | None = None
        if options.snap and isinstance(parent, CompactOsvos):
            self._outlines = ready(parent, device)

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield training Steps, then one Prediction per frame; only adapted weights outlive it, on disk."""
        masks = by_frame(clip, prompts)
        size_hw = working_size(clip.info.size_hw, self.options.short_side)
        joins: dict[int, int] = {}  # object -> the frame from which on it is looked for
        for index in sorted(masks):
            joins = dict.fromkeys(object_ids(masks[index]), index) | joins
        count, twice = self.options.iterations, self.options.network == "compact"
        networks = yield from networks_for(self._parent, clip, masks, size_hw, self._device, count)
        for index, frame in enumerate(clip):
            ids = [i for i in joins if joins[i] <= index]
            prob = predict([networks[i] for i in ids], shrink(frame, size_hw), self._device, twice)
            mask, sure = to_label_map(prob, ids, frame), measure_confidence(prob)
            if self.options.snap:
                mask = snap(mask, frame, self._contours(frame, size_hw))
            if index in masks:
                mask = impose(mask, masks[index])
                sure = 1.0 if set(ids) <= set(object_ids(masks[index])) else sure
            yield Prediction(mask, sure)

    @torch.inference_mode()
    def _contours(self, frame: Frame, size_hw: tuple[int, int]) -> NDArray[np.float32] | None:
        """Return how likely a contour is (H, W), 0..1, by the parent; None without that branch."""
        if self._outlines is None:
            return None
        image = torch.from_numpy(shrink(frame, size_hw))[None].to(torch_device(self._device))
        prob = self._outlines.branches(image)[-1].float().sigmoid()[0, 0].cpu().numpy()
        return np.asarray(cv2.resize(prob, frame.shape[1::-1]), np.float32)
