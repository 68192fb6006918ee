"""Contacts: clips made of held-out data in which something touches, crosses, covers or clings to the object.

The other thing is pasted, so the truth is exact. J is the object's; *leak* is how much of the other thing is
called object, as a share of what is seen of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.benchmark.overlap import jaccard
from vos.errors import InvalidInput
from vos.net.train.contacts import recoloured
from vos.net.train.cutouts import Cutout, cut, cut_object, vary
from vos.net.train.data import Data, PictureFile, find, pick
from vos.types import Frame, Mask, Prediction, Prompt, Segmenter, VideoInfo

HELD_OUT = ("bear", "car-turn", "dance-jump", "motorbike", "soccerball")
FAR, NEAR = 2.2, 0.7  # distances of the centres, in sums of both radii
COURSES = {  # evenly over the clip; what goes `behind` is hidden by the object
    "touches": (FAR, NEAR, NEAR, FAR, NEAR, FAR),
    "crosses": (FAR, 0.0, -FAR, 0.0, FAR),
    "behind": (FAR, 0.0, -FAR, 0.0, FAR),
    "covers": (FAR, FAR, 0.0, 0.0, FAR),
    "clings": (FAR, NEAR, NEAR, NEAR, NEAR),
}
LOOKS = ("itself", "its colours", "another")
STAGES = ("video", "photo", "video", "photo")
QUICK = 5  # every fifth clip is in the quick set,
QUICK_FRAMES = 60  # and ends after so many frames
FRAMES = 60, 200
SIZE_HW = 480, 854  # of clips made of photos
FPS = 24
OBJECT, OTHER = 1, 2

Point = NDArray[np.float64]


class Stage(Protocol):
    """A clip before the other thing enters it: frames of one object."""

    size_hw: tuple[int, int]

    def show(self, t: int) -> tuple[Frame, NDArray[np.bool_]]:
        """Return frame t (H, W, 3) and where the object is (H, W)."""

    def double(self, t: int) -> Cutout:
        """Return a look-alike of the object for frame t."""


class VideoStage:
    """A video with masks, played forwards and backwards in turn; its double is half a video away."""

    def __init__(self, pictures: tuple[PictureFile, ...]):
        self.pictures = pictures
        height, width = pictures[0].read_mask().shape
        self.size_hw = height, width

    def show(self, t: int) -> tuple[Frame, NDArray[np.bool_]]:
        """See Stage."""
        turn = 2 * len(self.pictures) - 2
        picture = self.pictures[min(t % turn, turn - t % turn)]
        return picture.read_frame(), picture.read_mask() > 0

    def double(self, t: int) -> Cutout:
        """See Stage; mirrored."""
        frame, inside = self.show(t + len(self.pictures) // 2)
        whole = cut(frame, inside if inside.any() else ~inside)
        return Cutout(np.ascontiguousarray(whole.rgba[:, ::-1]))


class PhotoStage:
    """The object of a photo moves over another photo, slowly, under a moving camera."""

    def __init__(self, background: Frame, thing: Cutout, rng: np.random.Generator):
        self.size_hw = SIZE_HW
        height, width = SIZE_HW
        cover = 1.25 * max(height / background.shape[0], width / background.shape[1])
        scenery = cv2.resize(background, None, fx=cover, fy=cover, interpolation=cv2.INTER_AREA)
        self._scenery = np.asarray(scenery, np.uint8)
        self._thing = _sized(thing, height * rng.uniform(0.2, 0.5))
        self._camera, self._way = rng.normal(0, 1, (2, 6)), rng.normal(0, 1, (2, 6))

    def show(self, t: int) -> tuple[Frame, NDArray[np.bool_]]:
        """See Stage."""
        height, width = SIZE_HW
        middle = np.array((width, height)) / 2
        camera = _wander(self._camera, t) * 0.1 * middle
        spare = np.array(self._scenery.shape[1::-1]) / 2 - middle
        left, top = np.clip(spare + camera, 0, 2 * spare).astype(int)
        frame = self._scenery[top : top + height, left : left + width].copy()
        place = middle + _wander(self._way, t) * 0.35 * middle
        grown = 1 + 0.15 * float(np.sin(t / 31 + self._way[0, 0]))
        return frame, _lay(frame, self._thing, place, grown, float(np.sin(t / 23)) * 0.2)

    def double(self, t: int) -> Cutout:
        """See Stage; mirrored."""
        return Cutout(np.ascontiguousarray(self._thing.rgba[:, ::-1]))


@dataclass(frozen=True, eq=False)
class Contact:
    """One clip, see vos.types.Clip, and its truth.

    Attributes:
        course: one of COURSES. looks: one of LOOKS.
        other: what comes near; None is the object's double.
        places: where its centre is in every frame, (T, 2) as x, y.
    """

    name: str
    course: str
    looks: str
    stage: Stage
    other: Cutout | None
    places: Point

    @property
    def info(self) -> VideoInfo:
        """Size and length."""
        (height, width), count = self.stage.size_hw, len(self.places)
        return VideoInfo("contact", "raw", width, height, Fraction(FPS), count, count / FPS)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order."""
        return self.sample(range(len(self.places)))

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these indices."""
        return (self.show(t)[0] for t in indices)

    def show(self, t: int) -> tuple[Frame, Mask]:
        """Return frame t and its truth: OBJECT and OTHER."""
        frame, inside = self.stage.show(t)
        other = self.other or self.stage.double(t)
        hidden = inside if self.course == "behind" else None
        covered = _lay(frame, other, self.places[t], hidden=hidden)
        mask = inside.astype(np.uint8) * OBJECT
        mask[covered] = OTHER
        return frame, mask


@dataclass(frozen=True)
class Score:
    """What an engine made of a clip: mean J of the object, and the leak, both 0..1."""

    name: str
    course: str
    looks: str
    frames: int
    j: float
    leak: float


def contacts(root: Path, *, quick: bool = False) -> Iterator[Contact]:
    """Make the clips of a folder of training data (vos.net.train.data), the same whenever it is the same.

    Raises:
        InvalidInput: nothing to make them of, or no sequence is one of HELD_OUT.
    """
    data = find(root)
    videos = {name: data.videos[name] for name in HELD_OUT if name in data.videos}
    photos = data.hold_out_photos()[1]
    if not videos or not photos.cutouts or not photos.backgrounds:
        raise InvalidInput(f"{root} has no sequence {' or '.join(HELD_OUT)}, or too few photos with masks")
    for number, (stage, course, looks) in enumerate(product(range(len(STAGES)), COURSES, LOOKS)):
        if not quick or number % QUICK == stage:
            rng = np.random.default_rng([zlib.crc32(b"contacts"), number])
            yield _contact(number, STAGES[stage], course, looks, tuple(videos.values()), photos, quick, rng)


def measure(segmenter: Segmenter, clip: Contact) -> Score:
    """Segment a clip from its first mask, and score it."""
    overlaps, leaked, seen = [], 0, 0
    prompt = Prompt(0, np.where(clip.show(0)[1] == OBJECT, 1, 0).astype(np.uint8))
    with closing(segmenter.segment(clip, [prompt])) as answers:
        predictions = (answer for answer in answers if isinstance(answer, Prediction))
        for t, prediction in enumerate(predictions):
            if t:
                mask, truth = prediction.mask == 1, clip.show(t)[1]
                overlaps.append(jaccard(truth == OBJECT, mask))
                leaked += int(np.count_nonzero(mask & (truth == OTHER)))
                seen += int(np.count_nonzero(truth == OTHER))
    j, leak = float(np.mean(overlaps)), leaked / max(seen, 1)
    return Score(clip.name, clip.course, clip.looks, len(clip.places), j, leak)


def _contact(
    number: int,
    kind: str,
    course: str,
    looks: str,
    videos: tuple[tuple[PictureFile, ...], ...],
    photos: Data,
    quick: bool,
    rng: np.random.Generator,
) -> Contact:
    """Make clip `number`; whatever is random is drawn here."""
    stage: Stage
    if kind == "video":
        stage = VideoStage(videos[(number + number // QUICK) % len(videos)])
    else:
        stage = PhotoStage(pick(photos.backgrounds, rng).read_frame(), _thing(photos, rng), rng)
    length = int(rng.integers(FRAMES[0], FRAMES[1] + 1))
    length = min(length, QUICK_FRAMES) if quick else length
    centres, radius = _track(stage, length)
    other, size = None, radius
    if looks != LOOKS[0]:
        thing = _thing(photos, rng)
        own = stage.double(0)
        size = radius * float(np.exp(rng.normal(0, 0.2))) * (1.6 if course == "covers" else 1)
        other = _sized(recoloured(thing, own) if looks == LOOKS[1] else thing, 2.4 * size)
    knots = np.array(COURSES[course])
    away = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(knots)), knots) * (radius + size)
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 0.7), length)
    places = centres + away[:, None] * np.stack((np.cos(angle), 0.6 * np.sin(angle)), 1)
    return Contact(f"{number:02d}-{kind}", course, looks, stage, other, places)


def _thing(photos: Data, rng: np.random.Generator) -> Cutout:
    found = None
    while found is None:
        found = cut_object(pick(photos.cutouts, rng), rng)
    return vary(found, rng, 0.5)


def _track(stage: Stage, length: int) -> tuple[Point, float]:
    """Return the object's centre in every frame (T, 2), and its mean radius in pixels."""

    @cache
    def place(t: int) -> tuple[float, float, float]:
        rows, columns = np.nonzero(stage.show(t)[1])
        return (columns.mean(), rows.mean(), np.sqrt(len(rows) / np.pi)) if len(rows) else (0, 0, 0)

    seen = np.array([place(t) for t in range(length)])
    for t in range(1, length):
        seen[t] = seen[t] if seen[t, 2] else seen[t - 1]
    return seen[:, :2], float(seen[:, 2].mean())


def _wander(waves: Point, t: int) -> Point:
    """Return a place (2,) on a smooth way, about -1..1 in both directions."""
    phase = t / np.array((19, 41, 89)) + waves[:, :3]
    return np.asarray((np.sin(phase) * waves[:, 3:]).sum(1) / 2)


def _sized(cutout: Cutout, side: float) -> Cutout:
    """Return a cut-out whose longer side has so many pixels."""
    scale = side / max(cutout.size_wh)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size_wh = tuple(max(2, round(length * scale)) for length in cutout.size_wh)
    return Cutout(np.asarray(cv2.resize(cutout.rgba, size_wh, interpolation=how), np.uint8))


def _lay(
    frame: Frame,
    thing: Cutout,
    centre: Point,
    scale: float = 1.0,
    turn: float = 0.0,
    hidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Paste a cut-out into a frame, in place, behind what is hidden; return what it covers by half (H, W)."""
    height, width = frame.shape[:2]
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0]])
    matrix[:, 2] = centre - matrix[:, :2] @ (np.array(thing.size_wh) / 2)
    seen = cv2.warpAffine(thing.rgba, matrix, (width, height))
    if hidden is not None:
        seen[hidden] = 0
    alpha = seen[..., 3:]
    frame[:] = cv2.add(cv2.multiply(frame, cv2.merge([255 - alpha] * 3), scale=1 / 255), seen[..., :3])
    return np.asarray(alpha[..., 0] > 127)
