"""The default engine: the space-time memory network (vos/net/memory.py) follows a clip (vos/net/tracker.py).

docs/engines.md draws it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safetensors.torch import load_file

from vos.net.backbones import ready, upsample
from vos.net.finetune import look, networks_for
from vos.net.frames import smaller, working_size
from vos.net.memory import MemoryNetwork
from vos.net.options import check
from vos.net.osvos import COMPACT, CompactOsvos
from vos.net.prompts import by_frame
from vos.net.tracker import Tracker
from vos.types import Clip, Device, Prediction, Prompt, Step, Weight

TITLE = "Memory network"
SUMMARY = "Follows up to 20 objects from their masks on one or more frames; made for a laptop's processor."
NEEDS_PROMPT = True
LOOKAHEAD = 0
WEIGHTS = (
    Weight(
        "memory.safetensors",
        "a11e197e40b60b4a3d22956a16130c136d986d2850951b8a3f2d6cb6554bc313",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
    COMPACT,
)
MODES = ("fast", "accurate")
FINER = 1.25  # times as large the memory network sees frames in accurate mode


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is out of range.
    """

    mode: str = field(
        default="fast",
        metadata={"help": "accurate first learns the objects from their first frame", "choices": MODES},
    )
    short_side: int = field(
        default=384,
        metadata={
            "help": "Frames are seen at this short side, in pixels; accurate: 1.25 times",
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

    In accurate mode OSVOS gives a second opinion of every frame. It knows the objects by their looks alone,
    so it errs where the memory network, which follows them, does not, and the other way round.
    """

    def __init__(self, net: MemoryNetwork, parent: CompactOsvos | None, device: Device, options: Options):
        self.options = options
        self._net, self._parent, self._device = ready(net, device), parent, device

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield one Prediction per frame, in accurate mode training Steps before; nothing outlives it."""
        masks = by_frame(clip, prompts)
        parent, short_side, count = self._parent, self.options.short_side, self.options.iterations
        fine_hw = working_size(clip.info.size_hw, round(short_side * (FINER if parent else 1)))
        tracker = Tracker(self._net, fine_hw, self.options.memory)
        size_hw, networks = working_size(clip.info.size_hw, short_side), {}
        if parent:
            networks = yield from networks_for(parent, clip, masks, size_hw, self._device, count)
        for index, frame in enumerate(clip):
            second = None
            if networks and tracker.objects:
                known = [networks[i] for i in tracker.objects]
                second = upsample(look(known, smaller(frame, size_hw), self._device), tracker.prob)
            yield tracker.step(frame, masks.get(index), second)
