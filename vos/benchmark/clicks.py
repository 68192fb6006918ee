"""How many clicks a mask takes: simulated clicks where the mask errs most, and the overlap after each.

The protocol of Sofiiuk et al., "Reviving Iterative Training with Mask Guidance" (2021): every click is the
place deepest inside the largest false region, at most 20 an object; the mask before goes into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.benchmark.overlap import jaccard
from vos.benchmark.sequence import check_size, open_picture
from vos.errors import InvalidInput
from vos.labels import read_labels
from vos.net.next_click import next_click
from vos.types import VOID, Frame, Mask, Picker, Point, object_ids

MOST = 20  # clicks on one object
CONTENT = 0.95  # an overlap at which nobody clicks on
REPORTED = (1, 2, 3, 5, 10)  # clicks after which the mean overlap is given
GOALS = (0.85, 0.9)  # overlaps that are to be reached: NoC@85, NoC@90
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")

Pick = Callable[[Frame, Sequence[Point], NDArray[np.float32] | None], NDArray[np.float32]]


@dataclass(frozen=True)
class Sample:
    """One object in one picture, by their files; `label` is the object's in the label map."""

    name: str
    image: Path
    labels: Path
    label: int

    def read(self) -> tuple[Frame, Mask]:
        """Return the picture, and its mask uint8 (H, W): 1 on the object, 255 where it does not count.

        Raises:
            InvalidInput: a file is missing or unreadable, or the two sizes differ.
        """
        with open_picture(self.image) as image:
            frame = np.asarray(image.convert("RGB"))
        labels = _read(self.labels)
        check_size(self.labels, labels, frame.shape[:2])
        return frame, np.where(labels == VOID, VOID, labels == self.label).astype(np.uint8)


@dataclass(frozen=True)
class Clicked:
    """The overlap (J, 0..1) of a sample's mask with the truth, after one click, two, and so on."""

    sample: Sample
    overlaps: tuple[float, ...]

    def after(self, clicks: int) -> float:
        """Return the overlap after so many clicks."""
        return self.overlaps[min(clicks, len(self.overlaps)) - 1]

    def needed(self, goal: float) -> int:
        """Return how many clicks it took to reach an overlap; MOST, if it was not."""
        return next((n for n, overlap in enumerate(self.overlaps, 1) if overlap >= goal), MOST)


def find_samples(images: Path, masks: Path, every: int = 1) -> tuple[Sample, ...]:
    """Pair pictures with label maps of the same name below two folders; each label is a sample.

    A label map with nothing but 0 and 255 has one object, 255.
    every: of the label maps in a folder, one in so many counts.

    Raises:
        InvalidInput: a folder holds nothing, a picture is missing or a label map unreadable.
    """
    pictures = {p.relative_to(images).with_suffix(""): p for p in _files(images)}
    folders: dict[Path, list[Path]] = {}
    for path in _files(masks):
        folders.setdefault(path.parent, []).append(path)
    samples = []
    for path in (p for files in folders.values() for p in files[::every]):
        name = path.relative_to(masks).with_suffix("")
        if name not in pictures:
            raise InvalidInput(f"{path} has no picture {images / name}.jpg")
        ids = object_ids(_read(path))
        samples += [
            Sample(f"{name}:{i}" if len(ids) > 1 else f"{name}", pictures[name], path, i) for i in ids
        ]
    if not samples:
        raise InvalidInput(f"{masks} holds no mask with an object")
    return tuple(samples)


def click(pick: Pick, sample: Sample, most: int = MOST) -> Clicked:
    """Click on a sample's object until the overlap is CONTENT, at most so often."""
    frame, truth = sample.read()
    return Clicked(sample, tuple(overlap for overlap, _, _ in clicking(pick, frame, truth, most)))


def clicking(
    pick: Pick, frame: Frame, truth: Mask, most: int = MOST
) -> Iterator[tuple[float, NDArray[np.bool_], list[Point]]]:
    """Yield the overlap, the mask (H, W) and the clicks so far, after every click."""
    inside, counted = truth == 1, truth != VOID
    mask, prob = np.zeros(truth.shape, bool), None
    untouched = counted.copy()
    points: list[Point] = []
    for _ in range(most):
        x, y, sign = next_click(mask, inside, untouched)
        if not sign:
            return
        points.append(Point(x, y, sign > 0))
        untouched[int(y), int(x)] = False
        prob = pick(frame, points, prob)
        mask = prob > 0.5
        overlap = jaccard(inside[counted], mask[counted])
        yield overlap, mask, points
        if overlap >= CONTENT:
            return


def summarise(clicked: Iterable[Clicked]) -> dict[str, float]:
    """Return the mean overlap after so many clicks, in percent, and how many clicks each goal took."""
    done = list(clicked)
    summary = {f"mIoU@{n}": 100 * float(np.mean([c.after(n) for c in done])) for n in REPORTED}
    for goal in GOALS:
        summary[f"NoC@{goal:.0%}"[:-1]] = float(np.mean([c.needed(goal) for c in done]))
        summary[f"failed@{goal:.0%}"[:-1]] = float(sum(max(c.overlaps) < goal for c in done))
    return {name: round(value, 2) for name, value in summary.items()}


def with_picker(picker: Picker) -> Pick:
    """Return a picker as what is evaluated: it is given all clicks, and the mask before the newest."""
    return lambda frame, points, previous: picker.pick(frame, points, None, previous)


def grabcut(
    frame: Frame, points: Sequence[Point], previous: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the mask that GrabCut makes of clicks (Rother et al., 2004): the baseline without learning.

    What may be object is a rectangle around the first click, half as high and wide as the picture, then
    the mask before; disks at clicks are what the clicks say.
    """
    height, width = frame.shape[:2]
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    x, y = round(points[0].x), round(points[0].y)
    marks[max(0, y - height // 4) : y + height // 4, max(0, x - width // 4) : x + width // 4] = cv2.GC_PR_FGD
    if previous is not None:
        marks[previous > 0.5] = cv2.GC_PR_FGD
    for p in points:
        cv2.circle(marks, (round(p.x), round(p.y)), 5, cv2.GC_FGD if p.positive else cv2.GC_BGD, -1)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(frame[..., ::-1].copy(), marks, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def _files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise InvalidInput(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    return found


def _read(path: Path) -> Mask:
    labels = read_labels(path).mask
    return labels if object_ids(labels) else (labels == VOID).astype(np.uint8)
