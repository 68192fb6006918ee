"""What is remembered of a clip: frames as keys and values, for objects that were first prompted together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

MAX_PROMPTED = 8  # prompted frames in memory: the first and the seven latest
CORRECTED = 4.0  # before the softmax: what was remembered before a prompt counts less than the prompt


class Entry(NamedTuple):
    """What is remembered of a frame, or of several, one after another: M places in all."""

    key: Tensor  # (1, M, C)
    values: Tensor  # (O, M, V)
    masks: Tensor  # (O, M), at stride 16
    bias: Tensor  # (1, M), below 0 for what a later prompt has corrected

    @classmethod
    def joined(cls, entries: Iterable[Entry]) -> Entry:
        """Return one entry of several entries' places."""
        return cls(*(torch.cat(parts, 1) for parts in zip(*entries, strict=True)))


@dataclass
class Group:
    """The memory of objects that were first prompted on one frame."""

    count: int
    between: deque[Entry]
    prompted: deque[Entry] = field(default_factory=lambda: deque(maxlen=MAX_PROMPTED - 1))
    first: Entry | None = None
    previous: Entry | None = None

    def remember(self, entry: Entry, prompted: bool, keep: bool) -> None:
        """Take a frame as the previous one; a prompted one, or one to keep, stays for longer."""
        if prompted:
            self._yield_to_prompt()
            self.prompted.append(entry)
        elif keep:
            self.between.append(entry)
        self.previous = entry

    def _yield_to_prompt(self) -> None:
        """Make what is remembered count less than the prompt that comes: it may have been wrong."""
        assert self.first is not None
        for entry in (self.first, *self.prompted, *self.between):
            entry.bias.fill_(-CORRECTED)

    @property
    def memory(self) -> Entry:
        """All that is remembered, the previous frame last."""
        assert self.first is not None
        assert self.previous is not None
        return Entry.joined((self.first, *self.prompted, *self.between, self.previous))
