"""Sequence to sequence: a ConvLSTM (vos/net/models/s2s.py) carries each object's state from frame to frame.

Xu et al., "YouTube-VOS: Sequence-to-Sequence Video Object Segmentation" (ECCV 2018).
docs/engines.md draws it.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.errors import InvalidInput
from vos.net.device import dtype, torch_device
from vos.net.frames import to_image, to_plane, working_size
from vos.net.label_maps import measure_confidence, to_label_map
from vos.net.models.blocks import ready
from vos.net.models.s2s import NETWORKS, S2S, FullS2S
from vos.net.models.s2s_compact import CompactS2S
from vos.net.online.learnt import key_of, load_or_learn
from vos.net.online.loop import learn
from vos.net.options import check
from vos.net.prompts import by_frame, impose
from vos.net.train.checkpoint import load_weights
from vos.net.train.clips import FirstFrameClips
from vos.net.train.data import pick
from vos.net.train.s2s import S2SRecipe
from vos.net.train.tracks import batch_of
from vos.types import Clip, Device, Frame, Mask, Prediction, Prompt, Step, Weight, object_ids

TITLE = "Sequence to sequence"
SUMMARY = "Carries what it knows of each object from frame to frame, in a state that never grows."
NEEDS_PROMPT = True
FILES = {
    "compact": Weight(
        "s2s.safetensors",
        "07dcb30b6c6fe8ee2dc3c7d442026fb3fd4931bee0bc95ccf55aa54765d3d21f",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
    "full": Weight("s2s-full.safetensors", licence="that of the data it is trained on"),
}
WEIGHTS = (FILES["compact"],)
OFFICIAL: Mapping[str, str] = {}  # its authors published no weights
BACKGROUND = 0.5  # its score: an object is where it is likelier than this, and than the other objects
PAIRS, SIZE = 4, 208  # of a batch of the online variant
RATES = {"compact": 1.5e-4, "full": 1e-5}
FORMAT = 1  # part of every key of adapted weights: raise it when learning changes


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is out of range.
    """

    network: str = field(
        default="compact",
        metadata={
            "help": "compact, or the paper's full size (to be trained first)",
            "choices": tuple(NETWORKS),
        },
    )
    online: bool = field(default=False, metadata={"help": "First learn the objects from the prompted frames"})
    iterations: int = field(
        default=60, metadata={"help": "Training steps of the online variant", "min": 1, "max": 1000}
    )
    short_side: int = field(
        default=256,
        metadata={"help": "Frames are seen at this short side, in pixels", "min": 64, "max": 1080},
    )

    def __post_init__(self) -> None:
        check(self)


def weights_for(options: Options) -> tuple[Weight, ...]:
    """Return the file of the network that the options name."""
    return (FILES[options.network],)


def build(weights: Mapping[str, Path], device: Device, options: Options) -> S2SSegmenter:
    """Load the network, ready for any number of clips."""
    net = NETWORKS[options.network]()
    load_weights(net, weights[FILES[options.network].name])
    return S2SSegmenter(net, device, options)


class S2SSegmenter:
    """Follows the prompted objects; see vos.types.Segmenter."""

    def __init__(self, net: CompactS2S | FullS2S, device: Device, options: Options):
        self.options = options
        self._device = device
        self._trainable = net.eval().requires_grad_(False)
        self._ready = ready(net, device)

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield one Prediction per frame, online Steps before; on disk it keeps what it has learnt."""
        masks = by_frame(clip, prompts)
        net = self._ready
        if self.options.online:
            net = (yield from self._tuned(clip, masks)) or net
        size_hw = working_size(clip.info.size_hw, self.options.short_side, net.stride)
        follower = Follower(net, size_hw, torch_device(self._device), dtype(self._device))
        for index, frame in enumerate(clip):
            yield follower.step(frame, masks.get(index))

    def _tuned(
        self, clip: Clip, masks: Mapping[int, Mask]
    ) -> Generator[Step, None, CompactS2S | FullS2S | None]:
        """Learn, or find what was learnt before; return None where nothing can be or it got no better."""
        indices, options = sorted(masks), self.options
        frames = list(zip(clip.sample(indices), (masks[i] for i in indices), strict=True))
        text = f"s2s {FORMAT} {options.iterations} {self._device.name} {self._device.precision}"
        key = key_of(text, self._trainable.state_dict(), *(array for pair in frames for array in pair))
        return load_or_learn(self._trainable, self._device, key, self._learning(frames))

    def _learning(
        self, frames: Sequence[tuple[Frame, Mask]]
    ) -> Generator[Step, None, CompactS2S | FullS2S | None]:
        """Train all but the ConvLSTM on prompted frames and their masks."""
        learner = copy.deepcopy(self._trainable).to(torch_device(self._device)).requires_grad_(True)
        learner.lstm.requires_grad_(False)
        side = SIZE // learner.stride * learner.stride
        try:
            sources = tuple(FirstFrameClips(frame, mask, side, length=2) for frame, mask in frames)
            recipe = S2SRecipe(learner, PairBatches(sources))
            rate = RATES[self.options.network]
            better = yield from learn(recipe, self._device, self.options.iterations, rate)
        except InvalidInput:  # too small to make clips of
            return None
        return learner if better else None


@dataclass(frozen=True)
class PairBatches:
    """Pairs of frames made of the prompted ones, moved and bent, in the form of S2SBatches."""

    sources: tuple[FirstFrameClips, ...]

    def __call__(self, progress: float, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
        """Return a batch; it does not depend on the progress."""
        batch = batch_of([pick(self.sources, rng).sample(rng) for _ in range(PAIRS)])
        return batch | {"annotated": np.ones((PAIRS, 2), bool), "taught": np.zeros(2, bool)}


class Follower:
    """One clip being followed: the state of each object, which is all that is kept of the frames before."""

    def __init__(self, net: S2S, size_hw: tuple[int, int], device: torch.device, number: torch.dtype):
        self.net, self.size_hw, self.device, self.number = net, size_hw, device, number
        self.objects: list[int] = []  # in the order in which they joined
        self.state: Any = None  # a named tuple, one row an object
        self.before: Any = None  # the features of the frame before

    @torch.inference_mode()
    def step(self, frame: Frame, prompt: Mask | None) -> Prediction:
        """Segment the next frame; each object is a run of its own on the one encoding of the frame."""
        features = self.net.encode(to_image(frame, self.size_hw).to(self.device, self.number))
        prob = torch.zeros((0, 1, *self.size_hw), device=self.device)
        if self.objects:
            self.state = self.net.advance(self.before, features, self.state)
            prob = self.net.decode(features, self.state).sigmoid()
        mask, sure = to_label_map(prob, self.objects, frame, BACKGROUND), measure_confidence(prob)
        if prompt is not None:
            mask = impose(mask, prompt)
            prob = self._with_prompt(prob, prompt)
            sure = measure_confidence(prob) if len(object_ids(prompt)) < len(self.objects) else 1.0
        if self.objects:
            self._settle(features, prob, object_ids(prompt) if prompt is not None else ())
        self.before = features
        return Prediction(mask, sure)

    def _with_prompt(self, prob: Tensor, prompt: Mask) -> Tensor:
        """Return soft masks with the prompt's objects as given, the others where room remains."""
        named = object_ids(prompt)
        self.objects += [i for i in named if i not in self.objects]
        rest = prob * (1 - to_plane(np.isin(prompt, named), self.size_hw).to(self.device))
        prob = torch.zeros((len(self.objects), 1, *self.size_hw), device=self.device)
        prob[: len(rest)] = rest
        for i in named:
            prob[self.objects.index(i), 0] = to_plane(prompt == i, self.size_hw).to(self.device)
        return prob

    def _settle(self, features: Any, prob: Tensor, named: Sequence[int]) -> None:
        """Take soft masks (O, 1, h, w) as the frame's truth; named objects start anew."""
        prob = torch.where(prob >= prob.amax(0), prob, 0)  # a pixel belongs to one object at most
        known = 0 if self.state is None else len(self.state[0])
        rows = [self.objects.index(i) for i in named]
        old = self.net.feed(features, self.state, prob[:known]) if known else None
        if not rows:
            self.state = old
            return
        new = self.net.start(features, prob[rows])
        if old is None:
            self.state = new
            return
        joined = [torch.cat((a, b)) for a, b in zip(old, new, strict=True)]
        order = [known + rows.index(i) if i in rows else i for i in range(len(self.objects))]
        self.state = type(old)(*(part[order] for part in joined))
