"""The default engine: the space-time memory network (vos/net/memory.py) follows a clip (vos/net/tracker.py).

docs/engines.md draws it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safetensors.torch import load_file

from vos.errors import InvalidInput
from vos.net.adapt import adapted
from vos.net.adapted import key_of, learnt
from vos.net.backbones import ready
from vos.net.frames import working_size
from vos.net.memory import MemoryNetwork
from vos.net.options import check
from vos.net.prompts import by_frame
from vos.net.tracker import Tracker, step_together
from vos.types import Clip, Device, Frame, Mask, Prediction, Prompt, Step, Weight

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
)


MODES = ("fast", "accurate")
FINER = 1.25  # times finer than the original sees the adapted network: it adds what the other cannot make out
FORMAT = 2  # part of every key of adapted weights: raise it when adaptation changes


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
        metadata={"help": "Frames are seen at this short side, in pixels", "min": 64, "max": 1080},
    )
    memory: int = field(
        default=1,
        metadata={"help": "Frames remembered between the prompt and the present", "min": 0, "max": 16},
    )
    steps: int = field(
        default=40, metadata={"help": "Training steps of the accurate mode", "min": 1, "max": 1000}
    )

    def __post_init__(self) -> None:
        check(self)


def build(weights: Mapping[str, Path], device: Device, options: Options) -> MemorySegmenter:
    """Load the network, ready for any number of clips."""
    net = MemoryNetwork()
    net.load_state_dict(load_file(weights["memory.safetensors"]))
    return MemorySegmenter(net, device, options)


class MemorySegmenter:
    """Follows the prompted objects; see vos.types.Segmenter.

    In accurate mode two networks do it together, the original and one adapted to the first frame, which sees
    the clip larger and in a mirror; their probabilities are averaged on every frame, because adaptation alone
    helps hard clips and hurts easy ones.
    """

    def __init__(self, net: MemoryNetwork, device: Device, options: Options):
        self.options = options
        self._device = device
        self._trainable = net.eval()
        self._ready = ready(net, device)

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield one Prediction per frame, in accurate mode training Steps before; nothing outlives it."""
        masks = by_frame(clip, prompts)
        nets = [self._ready]
        if self.options.mode == "accurate":
            learner = yield from self._adapted(clip, masks[0])
            nets += [learner] if learner else []
        trackers = [self._tracker(net, clip.info.size_hw, bool(i)) for i, net in enumerate(nets)]
        for index, frame in enumerate(clip):
            yield step_together(trackers, frame, masks.get(index))

    def _tracker(self, net: MemoryNetwork, size_hw: tuple[int, int], second: bool) -> Tracker:
        short_side = round(self.options.short_side * (FINER if second else 1))
        return Tracker(net, working_size(size_hw, short_side), self.options.memory, mirrored=second)

    def _adapted(self, clip: Clip, mask: Mask) -> Generator[Step, None, MemoryNetwork | None]:
        """Return the adapted network, or None where nothing can be learnt or it got no better."""
        frame, steps = next(iter(clip.sample([0]))), self.options.steps
        text = f"memory {FORMAT} {steps} {self._device.name} {self._device.precision}"
        key = key_of(text, self._trainable.state_dict(), frame, mask)
        return learnt(self._trainable, self._device, key, self._learning(frame, mask))

    def _learning(self, frame: Frame, mask: Mask) -> Generator[Step, None, MemoryNetwork | None]:
        try:
            return (yield from adapted(self._trainable, frame, mask, self._device, self.options.steps))
        except InvalidInput:  # too small to make clips of
            return None
