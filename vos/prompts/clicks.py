"""Clicks and boxes become prompts: a picker makes their masks, so that engines know masks only."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vos import plugins, weights
from vos.errors import InvalidInput
from vos.types import VOID, Clip, Device, Frame, Picker, Point, Prompt


@dataclass(frozen=True)
class Click:
    """A click on a frame of a clip, on an object or, where the point is not positive, beside it.

    Raises:
        InvalidInput: no such frame or object can be.
    """

    frame: int
    point: Point
    object: int = 1

    def __post_init__(self) -> None:
        _check("click", self.frame, self.object)


@dataclass(frozen=True)
class Box:
    """A box around an object on a frame of a clip: x1, y1, x2, y2 in pixels, any two opposite corners.

    Raises:
        InvalidInput: no such frame or object can be.
    """

    frame: int
    xyxy: tuple[float, float, float, float]
    object: int = 1

    def __post_init__(self) -> None:
        _check("box", self.frame, self.object)


def build(name: str, device: Device) -> Picker:
    """Return a picker by name, ready for clicks.

    Raises:
        InvalidInput: there is no such picker.
        MissingWeights: its weights are not there.
    """
    module = plugins.load(plugins.PICKERS, name)
    paths = {weight.name: weights.locate(weight) for weight in module.WEIGHTS}
    return typing.cast(Picker, module.build(paths, device))


def pick_all(
    picker: Picker,
    frame: Frame,
    points: Sequence[Point],
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.float32]:
    """Return the probabilities (H, W) after clicks that are made one by one, each seeing the mask before.

    Clicks on the object come first, as a picker that knows nothing yet makes nothing of one beside it.

    Raises:
        InvalidInput: as `Picker.pick`.
    """
    ordered = sorted(points, key=lambda point: not point.positive)
    prob = None
    if box is not None or not ordered:
        prob = picker.pick(frame, [], box)
    for count in range(1, len(ordered) + 1):
        prob = picker.pick(frame, ordered[:count], box, prob)
    assert prob is not None
    return prob


def prompts_from_clicks(
    clip: Clip, clicks: Sequence[Click], boxes: Sequence[Box], picker: Picker
) -> list[Prompt]:
    """Return a prompt for every frame that was clicked on or has a box, ascending.

    Where objects overlap, the likelier has the pixel.

    Raises:
        InvalidInput: a frame, click or box is outside the clip; an object has two boxes on a frame, or only
            clicks beside it, or none of its pixels is found.
    """
    everything: list[Click | Box] = [*clicks, *boxes]
    frames = sorted({said.frame for said in everything})
    outside = [frame for frame in frames if frame >= clip.info.frames]
    if outside:
        raise InvalidInput(f"the click or box on frame {outside[0]} is outside 0..{clip.info.frames - 1}")
    prompts = []
    for index, frame in zip(frames, clip.sample(frames), strict=True):
        here = [said for said in everything if said.frame == index]
        best = np.full(frame.shape[:2], 0.5, np.float32)
        mask = np.zeros(frame.shape[:2], np.uint8)
        for number in sorted({said.object for said in here}):
            prob = _pick(picker, frame, [said for said in here if said.object == number])
            mask[prob > best] = number
            best = np.maximum(best, prob)
            if not (prob > 0.5).any():
                raise InvalidInput(f"nothing is found where object {number} is clicked on frame {index}")
        prompts.append(Prompt(index, mask))
    return prompts


def _pick(picker: Picker, frame: Frame, said: Sequence[Click | Box]) -> NDArray[np.float32]:
    boxes = [one for one in said if isinstance(one, Box)]
    if len(boxes) > 1:
        where = f"object {boxes[0].object} has {len(boxes)} boxes on frame {boxes[0].frame}"
        raise InvalidInput(f"{where}; one is allowed")
    points = [one.point for one in said if isinstance(one, Click)]
    return pick_all(picker, frame, points, boxes[0].xyxy if boxes else None)


def _check(what: str, frame: int, number: int) -> None:
    if frame < 0:
        raise InvalidInput(f"the {what} is on frame {frame}; frames count from 0")
    if not 1 <= number < VOID:
        raise InvalidInput(f"the {what} is for object {number}; objects are 1 to {VOID - 1}")
