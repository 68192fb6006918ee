"""Unfinished requests: clip, masks, names, engine, with a history that undo and redo walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos import plugins
from vos.drafts.drawn import Clicks, Drawn, Step, drop_denied, free_id, without_gone
from vos.errors import InvalidInput
from vos.labels import Labeller, Labels, covers_most, merge_layers
from vos.options import read_options
from vos.types import MAX_OBJECTS, VOID, Job, Mask, Options, Prompt, object_ids
from vos.video.masks import pack, unpack

DEFAULT_ENGINE = "memory"
STEPS = 60  # that can be undone


@dataclass
class Draft:
    """What the user has put together so far.

    `frame` and `object_id` are what is looked at; `done` and `undone` are the history, newest last;
    `span` is the first and the last frame to track, or None for all; `base` is the id of the result that is
    corrected, or ""; `colours` is what the colours of mask files mean (`Labeller.to_json`); `revision` counts
    what was saved.
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
    options: Options = field(default_factory=lambda: read_options(plugins.ENGINES, DEFAULT_ENGINE))
    span: tuple[int, int] | None = None
    base: str = ""
    colours: dict[str, int] = field(default_factory=dict)
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

    @property
    def gone(self) -> Mapping[int, tuple[int, ...]]:
        """The objects that are said to be gone, by the frame from which on."""
        return self.drawn.gone

    def mask(self, frame: int) -> Mask:
        """Return the label map (H, W) of a frame, a copy; empty where nothing is drawn."""
        packed = self.drawn.masks.get(frame)
        return unpack(packed, self.size_hw) if packed is not None else np.zeros(self.size_hw, np.uint8)

    def clicks(self, frame: int, object_id: int) -> Clicks:
        """Return what was clicked of an object on a frame."""
        return self.drawn.clicks.get((frame, object_id), Clicks())

    def set_mask(self, frame: int, mask: Mask) -> bool:
        """Replace the label map of a frame; objects it names join the list. Say whether it changed.

        Clicks that the new mask denies are gone.

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
        clicks = drop_denied(self.drawn.clicks, frame, mask)
        gone = without_gone(self.gone, {frame: object_ids(mask)})
        return self._edit(frame, Drawn(masks, dict(sorted(names.items())), clicks, gone))

    def set_gone(self, frame: int, object_id: int, gone: bool = True) -> bool:
        """Say that an object is not there from a frame on, or take that back; one step. Say if it changed.

        What it has on the frame goes, and a mask that names it there later takes the word back.
        """
        if object_id not in self.names:
            return False
        if not gone:
            drawn = replace(self.drawn, gone=without_gone(self.gone, {frame: (object_id,)}))
            return self._edit(frame, drawn)
        mask = self.mask(frame)
        mask[mask == object_id] = 0
        masks = {f: packed for f, packed in self.drawn.masks.items() if f != frame}
        if mask.any():
            masks[frame] = pack(mask)
        clicks = {at: said for at, said in self.drawn.clicks.items() if at != (frame, object_id)}
        here = tuple(sorted({*self.gone.get(frame, ()), object_id}))
        return self._edit(frame, Drawn(masks, self.names, clicks, {**self.gone, frame: here}))

    def set_object(self, frame: int, object_id: int, inside: NDArray[np.bool_], said: Clicks) -> bool:
        """Give an object the pixels (H, W) that no other object has on a frame, and note what was clicked."""
        mask = self.mask(frame)
        free = (mask == 0) | (mask == object_id) | (mask == VOID)
        mask[mask == object_id] = 0
        mask[inside & free] = object_id
        before = self.done, self.undone, self.frame, self.drawn
        self.set_mask(frame, mask)
        clicks = {**self.drawn.clicks, (frame, object_id): said}
        after = replace(self.drawn, clicks=clicks)
        self.done, self.undone, self.frame, self.drawn = before  # mask and clicks are one step
        return self._edit(frame, after)

    def add_masks(self, frame: int, layers: Sequence[tuple[str, Labels]], labeller: Labeller) -> Labels:
        """Take what mask files, (name, labels), say of a frame, as one step; turn to the first object.

        A map of ids says what is on the frame, under the ids it has. Binary masks are one object each: the
        chosen one while that has no pixels here, and then the next free ones. What they came to is returned.
        """
        mask, names, first = self.mask(frame), dict(self.names), 0
        if all(labels.binary for _, labels in layers):
            for _, labels in layers:
                object_id = self.object_id if self.object_id not in object_ids(mask) else free_id(names)
                mask[labels.mask == object_ids(labels.mask)[0]] = object_id
                names.setdefault(object_id, f"Object {object_id}")
                first = first or object_id
            notes = tuple(dict.fromkeys(note for _, labels in layers for note in labels.notes))
            taken = Labels(mask, notes)
        else:
            taken = merge_layers(layers)
            first = object_ids(taken.mask)[0]
        self.set_mask(frame, taken.mask)
        self.colours = labeller.to_json()
        if first in self.names:
            self.object_id = first
        return taken

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

    def retouch(self, frame: int, object_id: int, touch: Callable[[Mask], Mask]) -> bool:
        """Change an object's plane (H, W) of 0 and 1 on a frame; other objects keep their pixels."""
        mask = self.mask(frame)
        inside = touch((mask == object_id).astype(np.uint8)) > 0
        free = (mask == 0) | (mask == object_id)
        mask[mask == object_id] = 0
        mask[inside & free] = object_id
        return self.set_mask(frame, mask)

    def before(self, frame: int) -> int | None:
        """Return the nearest frame before this one that has a mask, or None."""
        return max((f for f in self.frames if f < frame), default=None)

    def copy_before(self, frame: int) -> bool:
        """Give a frame the mask of the nearest one before it that has any."""
        source = self.before(frame)
        return source is not None and self.set_mask(frame, self.mask(source))

    def covers_most(self, frame: int) -> int:
        """Return the largest object where most of a frame is covered, as by an inverted mask, or 0."""
        mask = self.mask(frame)
        counts = np.bincount(mask.ravel(), minlength=256)[1:VOID]
        return int(counts.argmax()) + 1 if covers_most(mask) and counts.any() else 0

    def add_object(self) -> bool:
        """Add an object with the lowest free id and turn to it."""
        new = free_id(self.names)
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
        clicks = {at: said for at, said in self.drawn.clicks.items() if at[1] != object_id}
        gone = without_gone(self.gone, dict.fromkeys(self.gone, (object_id,)))
        return self._edit(self.frame, Drawn(masks, names, clicks, gone))

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

    def take_engine(self, engine: str) -> None:
        """Choose an engine, with its options as they are by default."""
        self.engine, self.options = engine, read_options(plugins.ENGINES, engine)

    def turn_to(self, frame: int, object_id: int) -> None:
        """Look at a frame and choose an object; an object that is not there is ignored."""
        self.frame = max(frame, 0)
        if object_id in self.names:
            self.object_id = object_id

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the frames of which something is said, as prompts; none where no mask is wanted."""
        if not self.by_hand:
            return ()
        said = ((f, self.mask(f), self.gone.get(f, ())) for f in sorted({*self.frames, *self.gone}))
        return tuple(Prompt(frame, mask, gone) for frame, mask, gone in said if gone or object_ids(mask))

    def job(self) -> Job:
        """Return the request as it stands."""
        return Job(
            clip=Path(self.path),
            engine=self.engine,
            prompts=self.prompts(),
            options=self.options,
            title=self.title,
            names=self.names,
            span=self.span,
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
