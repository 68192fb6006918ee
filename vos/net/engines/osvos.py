"""OSVOS: a network learns each object from its prompted frames, then finds it in every frame on its own.

Caelles et al. (CVPR 2017); vos/net/osvos.py has the networks, vos/net/finetune.py the learning.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from vos.errors import InvalidInput
from vos.net.adapted import key_of, learnt
from vos.net.backbones import ready
from vos.net.device import torch_device
from vos.net.finetune import Example, finetuned
from vos.net.frames import smaller, working_size
from vos.net.memory import aggregate
from vos.net.merge import confidence, labels
from vos.net.options import check
from vos.net.osvos import NETWORKS, CompactOsvos, Vgg16Osvos
from vos.net.prompts import by_frame, impose
from vos.net.snapping import snap
from vos.types import VOID, Clip, Device, Frame, Mask, Prediction, Prompt, Step, Weight, object_ids

TITLE = "OSVOS"
SUMMARY = "Learns the objects from their frame for half a minute, then finds them in each frame on its own."
NEEDS_PROMPT = True
LOOKAHEAD = 0
FILES = {"compact": "osvos.safetensors", "vgg16": "osvos-vgg16.safetensors"}
OFFICIAL = {"parent": FILES["vgg16"]}
WEIGHTS = (
    Weight(
        FILES["compact"],
        "91168a5b9974cb62444025d8eb7832f46f1bd23ae5e5d1c8dc51b6b73502dbc5",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
    Weight(FILES["vgg16"], licence="CC BY-NC 4.0 (the authors' parent_epoch-239.pth, trained on DAVIS)"),
)
RATES = {"compact": 6e-4, "vgg16": 1e-5}  # of AdamW
FORMAT = 2  # part of every key of adapted weights: raise it when fine-tuning changes


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
    parent = NETWORKS[options.network]()
    parent.load_state_dict(load_file(weights[FILES[options.network]]))
    return OsvosSegmenter(parent, device, options)


class OsvosSegmenter:
    """Learns every object, then segments frame by frame; see vos.types.Segmenter.

    An object's network sees all prompted frames that name it; in them the other objects are background.
    It takes part from the first of them on.
    """

    def __init__(self, parent: nn.Module, device: Device, options: Options):
        self.options = options
        self._device = device
        self._parent = parent.eval()
        self._hash = key_of(parent.state_dict())
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
        networks = yield from self._networks(clip, masks, size_hw, list(joins))
        for index, frame in enumerate(clip):
            ids = [i for i in joins if joins[i] <= index]
            prob = self._look(smaller(frame, size_hw), [networks[i] for i in ids])
            mask, sure = labels(prob, ids, frame), confidence(prob)
            if self.options.snap:
                mask = snap(mask, frame, self._contours(frame, size_hw))
            if index in masks:
                mask = impose(mask, masks[index])
                sure = 1.0 if set(ids) <= set(object_ids(masks[index])) else sure
            yield Prediction(mask, sure)

    def _networks(
        self, clip: Clip, masks: Mapping[int, Mask], size_hw: tuple[int, int], ids: Sequence[int]
    ) -> Generator[Step, None, dict[int, nn.Module]]:
        """Return a network for each object, adapted to the prompted frames that name it."""
        networks = {}
        for i in ids:
            named = [index for index in sorted(masks) if i in object_ids(masks[index])]
            frames = clip.sample(named)
            examples = [
                _example(frame, masks[index], i, size_hw) for index, frame in zip(named, frames, strict=True)
            ]
            note = "adapting to the first frame" if len(ids) == 1 else f"adapting to object {i}"
            networks[i] = yield from self._adapted(examples, note)
        return networks

    def _adapted(self, examples: Sequence[Example], note: str) -> Generator[Step, None, nn.Module]:
        """Return the parent fine-tuned, here or before; the weights are rounded to what is kept of them."""
        count, rate = self.options.iterations, RATES[self.options.network]
        compact = self.options.network == "compact"
        if count == 0:
            return ready(self._parent, self._device)
        arrays = [array for example in examples for array in (example.frame, example.mask)]
        text = f"osvos {FORMAT} {count} {rate} {self._device.name} {self._device.precision}"
        learning = finetuned(self._parent, examples, self._device, count, rate, note, compact)
        key = key_of(text, self._hash, *arrays)
        network = yield from learnt(self._parent, self._device, key, learning)
        assert network is not None
        return network

    @torch.inference_mode()
    def _contours(self, frame: Frame, size_hw: tuple[int, int]) -> NDArray[np.float32] | None:
        """Return how likely a contour is (H, W), 0..1, by the parent; None without that branch."""
        if self._outlines is None:
            return None
        image = torch.from_numpy(smaller(frame, size_hw))[None].to(torch_device(self._device))
        prob = self._outlines.branches(image)[-1].float().sigmoid()[0, 0].cpu().numpy()
        return np.asarray(cv2.resize(prob, frame.shape[1::-1]), np.float32)

    @torch.inference_mode()
    def _look(self, frame: Frame, networks: Sequence[nn.Module]) -> Tensor:
        """Return the probability of each object on a frame of the working size, (O, 1, h, w).

        The compact network also looks at the frame in a mirror; the mean of the logits counts.
        """
        image = torch.from_numpy(frame)[None].to(torch_device(self._device))
        logits = torch.cat([network(image)[-1].float() for network in networks])
        if self.options.network == "compact":
            mirrored = torch.cat([network(image.flip(2))[-1].float() for network in networks])
            logits = (logits + mirrored.flip(3)) / 2
        return aggregate(logits)


def _example(frame: Frame, mask: Mask, object_id: int, size_hw: tuple[int, int]) -> Example:
    """Return one object's example at the working size."""
    single = np.where(mask == VOID, VOID, mask == object_id).astype(np.uint8)
    single = np.asarray(cv2.resize(single, size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    return Example(smaller(frame, size_hw), single)
