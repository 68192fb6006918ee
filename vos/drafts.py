"""Unfinished requests: clip, masks, names, engine, with a history that undo and redo walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vos.errors import InvalidInput
from vos.types import MAX_OBJECTS, VOID, Job, Mask, OptionValue, Prompt, object_ids
from vos.video.masks import pack, unpack

DEFAULT_ENGINE = "memory"
STEPS = 60  # that can be undone
MOSTLY = 0.6  # of the frame: a mask that covers more may be inverted


@dataclass(frozen=True)
class Drawn:
    """What undo gives back: masks by frame, as `masks.pack` makes them, and the objects' names."""

    masks: Mapping[int, bytes] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=lambda: {1: "Object 1"})


@dataclass(frozen=True)
class Step:
    """What was drawn before an edit, and the frame on which the edit is seen."""

    frame: int
    drawn: Drawn


@dataclass
class Draft:
    """What the user has put together so far.

    `frame` and `object_id` are what is looked at; `done` and `undone` are the history, newest last;
    `revision` counts what was saved.
    """

    token: str
    path: str
    digest: str
    title: str
    size_hw: tuple[int, int]
    frame: int = 0
    object_id: int = 1
    drawn: Drawn = field(default_factory=Drawn)
    by_hand: bool = True  # or no mask: an engine finds the object
    engine: str = DEFAULT_ENGINE
    options: dict[str, OptionValue] = field(default_factory=dict)
    job_id: str = ""
    revision: int = 0
    done: tuple[Step, ...] = ()
    undone: tuple[Step, ...] = ()

    @property
    def names(self) -> Mapping[int, str]:
        """The objects' names by id."""
        return self.drawn.names

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that have a mask, ascending."""
        return tuple(sorted(self.drawn.masks))

    def mask(self, frame: int) -> Mask:
        """Return the label map (H, W) of a frame, a copy; empty where nothing is drawn."""
        packed = self.drawn.masks.get(frame)
        return unpack(packed, self.size_hw) if packed is not None else np.zeros(self.size_hw, np.uint8)

    def set_mask(self, frame: int, mask: Mask) -> bool:
        """Replace the label map of a frame; objects it names join the list. Say whether it changed.

        Raises:
            InvalidInput: another size than the clip's, or more than 20 objects in all.
        """
        if mask.shape != self.size_hw:
            raise InvalidInput(f"the mask is {mask.shape}; the clip's (height, width) is {self.size_hw}")
        names = {i: f"Object {i}" for i in object_ids(mask)} | dict(self.names)
        if len(names) > MAX_OBJECTS:  # names without a pixel make room
            used = {i for f in {*self.frames} - {frame} for i in object_ids(self.mask(f))} | {
                *object_ids(mask)
            }
            names = {i: name for i, name in names.items() if i in used}
        if len(names) > MAX_OBJECTS:
            raise InvalidInput(f"that makes {len(names)} objects; at most {MAX_OBJECTS} are allowed")
        masks = {f: packed for f, packed in self.drawn.masks.items() if f != frame}
        if mask.any():
            masks[frame] = pack(mask)
        return self._edit(frame, Drawn(masks, dict(sorted(names.items()))))

    def add_masks(self, frame: int, masks: Sequence[Mask]) -> bool:
        """Take the masks of files for one frame, as one step, and turn to the first object of the first.

        A label map with several objects, or one whose id is not 1, says what is on the frame, under
        the ids it has. A binary mask is one object: the chosen one while that has no pixels here and the next
        free one otherwise, so that several binary files are several objects.
        """
        mask, names, first = self.mask(frame), dict(self.names), 0
        for new in masks:
            if object_ids(new) == (1,):
                object_id = self.object_id if self.object_id not in object_ids(mask) else _free(names)
                mask[new == 1] = object_id
            else:
                object_id, mask = object_ids(new)[0], new
            names.setdefault(object_id, f"Object {object_id}")
            first = first or object_id
        changed = self.set_mask(frame, mask)
        if first in self.names:
            self.object_id = first
        return changed

    def clear(self, frame: int) -> bool:
        """Take away all that is drawn on a frame."""
        return self.set_mask(frame, np.zeros(self.size_hw, np.uint8))

    def invert(self, frame: int, object_id: int) -> bool:
        """Give an object what no object has on a frame, and take from it what it has."""
        mask = self.mask(frame)
        inside = mask == object_id
        mask[mask == 0] = object_id
        mask[inside] = 0
        return self.set_mask(frame, mask)

    def covers_most(self, frame: int) -> int:
        """Return the object that covers most of a frame, as inverted masks do, or 0."""
        mask = self.mask(frame)
        counts = np.bincount(mask.ravel(), minlength=256)[1:VOID]
        return int(counts.argmax()) + 1 if counts.max() > MOSTLY * mask.size else 0

    def add_object(self) -> bool:
        """Add an object with the lowest free id and turn to it."""
        new = _free(self.names)
        self._edit(self.frame, replace(self.drawn, names={**self.names, new: f"Object {new}"}))
        self.object_id = new
        return True

    def remove_object(self, object_id: int) -> bool:
        """Take an object away, on all frames; the last one stays."""
        names = {i: name for i, name in self.names.items() if i != object_id}
        if not names or object_id not in self.names:
            return False
        masks = {}
        for frame in self.frames:
            mask = self.mask(frame)
            mask[mask == object_id] = 0
            if mask.any():
                masks[frame] = pack(mask)
        return self._edit(self.frame, Drawn(masks, names))

    def rename(self, object_id: int, name: str) -> bool:
        """Name an object; an empty name gives it back the one it had at first."""
        if object_id not in self.names:
            return False
        name = name if name.strip() else f"Object {object_id}"
        return self._edit(self.frame, replace(self.drawn, names={**self.names, object_id: name}))

    def undo(self) -> bool:
        """Take the last edit back and turn to the frame where that is seen."""
        if not self.done:
            return False
        *done, step = self.done
        self.undone = (*self.undone, Step(step.frame, self.drawn))
        self.done = tuple(done)
        self._put(step)
        return True

    def redo(self) -> bool:
        """Do again what was undone last."""
        if not self.undone:
            return False
        *undone, step = self.undone
        self.done = (*self.done, Step(step.frame, self.drawn))
        self.undone = tuple(undone)
        self._put(step)
        return True

    def turn_to(self, frame: int, object_id: int) -> None:
        """Look at a frame and choose an object; an object that is not there is ignored."""
        self.frame = max(frame, 0)
        if object_id in self.names:
            self.object_id = object_id

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the frames that have an object, as prompts; none where no mask is wanted."""
        if not self.by_hand:
            return ()
        masks = ((frame, self.mask(frame)) for frame in self.frames)
        return tuple(Prompt(frame, mask) for frame, mask in masks if object_ids(mask))

    def job(self) -> Job:
        """Return the request as it stands."""
        return Job(
            clip=Path(self.path),
            engine=self.engine,
            prompts=self.prompts(),
            options=self.options,
            title=self.title,
            names=self.names,
        )

    def _edit(self, frame: int, drawn: Drawn) -> bool:
        if drawn == self.drawn:
            return False
        self.done = (*self.done, Step(frame, self.drawn))[-STEPS:]
        self.undone = ()
        self._put(Step(self.frame, drawn))
        return True

    def _put(self, step: Step) -> None:
        self.frame, self.drawn = step.frame, step.drawn
        if self.object_id not in self.names:
            self.object_id = min(self.names)


def _free(names: Mapping[int, str]) -> int:
    if len(names) >= MAX_OBJECTS:
        raise InvalidInput(f"there are {len(names)} objects already; at most {MAX_OBJECTS} are allowed")
    return next(i for i in range(1, VOID) if i not in names)
