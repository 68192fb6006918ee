"""The default engine: the space-time memory network follows a clip.

vos/net/models/memory.py is the network, vos/net/propagation.py the following; docs/engines.md draws it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file

from vos.net.frames import shrink, working_size
from vos.net.models.blocks import ready, upsample
from vos.net.models.memory import MemoryNetwork
from vos.net.models.osvos import COMPACT, CompactOsvos
from vos.net.online.finetune import networks_for, predict
from vos.net.options import check
from vos.net.prompts import by_frame
from vos.net.propagation import Propagation
from vos.types import Clip, Device, Prediction, Prompt, Step, Weight

TITLE = "Memory network"
SUMMARY = "Follows up to 20 objects from their masks on one or more frames; made for a laptop's processor."
NEEDS_PROMPT = True
WEIGHTS = (
    Weight(
        "memory.safetensors",
        "a921f82ccac33b8c0fbfb0fe0e5ee1a8f18c1a50ac6025430f79013eb8c8f899",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
    COMPACT,
)
MODES = ("fast", "accurate")
FINER = 1.5  # times as large the memory network sees frames in accurate mode, beside the usual size


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is out of range.
    """

    mode: str = field(
        default="fast",
        metadata={
            "help": "accurate first learns the objects from their first frame",
            "choices": MODES,
            "captions": (
                "Starts at once.",
                "Better masks at a third of the speed, after half a minute of learning.",
            ),
        },
    )
    short_side: int = field(
        default=384,
        metadata={
            "help": "Frames are seen at this short side, in pixels; accurate: at 1.5 times that, too",
            "min": 64,
            "max": 1080,
        },
    )
    memory: int = field(
        default=1,
        metadata={"help": "Frames remembered between the prompt and the present", "min": 0, "max": 16},
    )
    iterations: int = field(
        default=140,
        metadata={"help": "Accurate: training steps per object, at most", "min": 1, "max": 2000},
    )

    def __post_init__(self) -> None:
        check(self)


def weights_for(options: Options) -> tuple[Weight, ...]:
    """Return the weights that the mode needs."""
    return WEIGHTS if options.mode == "accurate" else WEIGHTS[:1]


def build(weights: Mapping[str, Path], device: Device, options: Options) -> MemorySegmenter:
    """Load the networks, ready for any number of clips."""
    net, parent = MemoryNetwork(), None
    net.load_state_dict(load_file(weights[WEIGHTS[0].name]))
    if options.mode == "accurate":
        parent = CompactOsvos()
        parent.load_state_dict(load_file(weights[WEIGHTS[1].name]))
    return MemorySegmenter(net, parent, device, options)


class MemorySegmenter:
    """Follows the prompted objects; see vos.types.Segmenter.

    In accurate mode three opinions are averaged: the network's at two sizes, each with a memory of its own,
    and that of OSVOS, which knows the objects by their looks alone. They do not err at the same places.
    The whole frame is seen at the usual size; the other two see what is near the objects.
    """

    def __init__(self, net: MemoryNetwork, parent: CompactOsvos | None, device: Device, options: Options):
        self.options = options
        self._net, self._parent, self._device = ready(net, device), parent, device

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield one Prediction per frame, in accurate mode training Steps before; nothing outlives it."""
        masks = by_frame(clip, prompts)
        size_hw = working_size(clip.info.size_hw, self.options.short_side)
        if self._parent is None:
            tracker = self._tracker(size_hw)
            for index, frame in enumerate(clip):
                yield tracker.step(frame, masks.get(index))
            return
        count = self.options.iterations
        networks = yield from networks_for(self._parent, clip, masks, size_hw, self._device, count)
        coarse = self._tracker(size_hw)
        fine = self._tracker(working_size(clip.info.size_hw, round(self.options.short_side * FINER)))
        for index, frame in enumerate(clip):
            known, prompt = list(fine.objects), masks.get(index)
            coarse.follow(frame, prompt)
            beliefs = coarse.prob[: len(known)], fine.prob
            opinions = []
            if known:
                part = coarse.enclose_likely(*beliefs).slices(1)
                close = shrink(frame, size_hw)[part]
                seen = torch.zeros_like(beliefs[0])
                seen[(..., *part)] = predict([networks[i] for i in known], close, self._device)
                opinions = [upsample(x, fine.prob) for x in (seen, beliefs[0])]
            yield fine.step(frame, prompt, opinions, fine.enclose_likely(*beliefs))

    def _tracker(self, size_hw: tuple[int, int]) -> Propagation:
        return Propagation(self._net, size_hw, self.options.memory)
