"""Contacts to learn from: a second thing, often a look-alike, comes near the object, sticks to it, leaves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.net.train.clips import ATTEMPTS, Film, Sample
from vos.net.train.cutouts import SMALLEST_PX, Cutout, any_cutout, cut, cut_loose_shape, vary
from vos.net.train.data import Data, pick
from vos.net.train.motion import Motion, make_transforms, random_hinge, random_path, random_ripple, shift
from vos.net.train.scene import Layer, centred, develop, paste, shrink_to_shown

FAR, NEAR = 2.2, 0.75  # distances of centres, in sums of both radii
COURSES = ((FAR, NEAR, NEAR), (NEAR, NEAR, FAR), (FAR, NEAR, FAR), (NEAR, NEAR, NEAR), (FAR, 0.0, -FAR))
OTHER = 2  # the label of what comes near
LEAST_SIDE_PX = 10


@dataclass(frozen=True)
class ContactClips:
    """Clips of another source, of one object each, with a second thing that comes into contact with it.

    The object is 1, the other thing 2; both can be followed.

    Attributes:
        source: gives clips with the one object 1, as they are before `develop`.
        data: where other things come from.
    """

    source: Film
    data: Data

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return one clip.

        Raises:
            InvalidInput: the data holds nothing that can be cut out.
        """
        for _ in range(ATTEMPTS):
            clip = self.source.film(rng)
            frames, masks = self._meet(clip, rng)
            if np.any(masks[0] == 1):
                return Sample(develop(frames, rng), masks, clip.annotated)
        raise InvalidInput("the training data has no object large enough to be met")

    def _meet(self, clip: Sample, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return a clip's frames and masks with the second thing in them, and bars in front of both."""
        frames, masks, size = clip.frames.copy(), clip.masks.copy(), clip.frames.shape[1]
        other = self._other(clip, rng)
        behind = rng.random() < 0.4
        stalks = [self._stalk(clip, rng) for _ in range(rng.choice([0, 0, 1, 2, 3]))]
        for t, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            frame[:], inside = paste(frame, other, t, size, hidden=mask == 1 if behind else None)
            mask[inside] = OTHER
            for stalk in stalks:
                frame[:], inside = paste(frame, stalk, t, size)
                mask[inside] = 0
        return frames, masks

    def _other(self, clip: Sample, rng: np.random.Generator) -> Layer:
        """Return the second thing, on its course about the object."""
        length, size = clip.masks.shape[:2]
        cutout = self._looks(clip, rng)
        centres, radii = _places(clip.masks == 1)
        side = max(2.4 * float(radii.mean()) * np.exp(rng.normal(0, 0.35)), LEAST_SIDE_PX)
        angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.normal(0, 1), length)
        knots = np.array(COURSES[rng.integers(len(COURSES))]) + rng.normal(0, 0.15, 3)
        course = np.interp(np.linspace(0, 1, length), [0, rng.uniform(0.25, 0.75), 1], knots)
        away = (course * (radii + side / 2))[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)
        sway = random_path(rng, length, rng.choice([0.3, 0.7])) * (1, 1, 1, 1, 0, 0)
        moves = np.stack([shift(x, y) for x, y in centres + away]) @ make_transforms(sway, size)
        hinge = random_hinge(rng, cutout.size_wh, length)
        matrices = moves @ centred(cutout.size_wh, side / max(cutout.size_wh))
        return shrink_to_shown(Layer(cutout.rgba, Motion(matrices, random_ripple(rng, size), hinge), OTHER))

    def _stalk(self, clip: Sample, rng: np.random.Generator) -> Layer:
        """Return a bar in front of the object, which passes it: on either side of it is the object."""
        length, size = clip.masks.shape[:2]
        cutout = cut_loose_shape(pick(self.data.backgrounds, rng).read_frame(), rng, bars=1)
        centres, radii = _places(clip.masks == 1)
        place = centres[rng.integers(length)] + rng.normal(0, 0.5, 2) * radii.mean()
        path = random_path(rng, length, 0.5) * (0.3, 0.3, 1, 1, 1, 1)
        moves = shift(*place) @ make_transforms(path, size)
        extent = max(float(radii.mean()) * rng.uniform(3, 6), LEAST_SIDE_PX)
        return shrink_to_shown(
            Layer(cutout.rgba, Motion(moves @ centred(cutout.size_wh, extent / max(cutout.size_wh))))
        )

    def _looks(self, clip: Sample, rng: np.random.Generator) -> Cutout:
        """Return the object itself in a frame of the clip, another thing in its colours, or another thing."""
        t = rng.integers(len(clip.masks))
        shown = t if clip.annotated[t] and (clip.masks[t] == 1).sum() > SMALLEST_PX else 0
        own = cut(clip.frames[shown], clip.masks[shown] == 1)
        kind = rng.choice(3, p=[0.4, 0.3, 0.3])
        if kind == 0:
            return vary(own, rng, rng.choice([0.1, 0.5]))
        other = any_cutout(self.data, rng)
        return recoloured(other, own) if kind == 1 else other


def _places(inside: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an object's centre (T, 2) as x, y and radius (T,) in pixels; where it is not seen, the last."""
    centres, radii = np.zeros((len(inside), 2)), np.ones(len(inside))
    for t, one in enumerate(inside):
        rows, columns = np.nonzero(one)
        if len(rows):
            centres[t], radii[t] = (columns.mean(), rows.mean()), np.sqrt(len(rows) / np.pi)
        elif t:
            centres[t], radii[t] = centres[t - 1], radii[t - 1]
    return centres, radii


def recoloured(cutout: Cutout, like: Cutout) -> Cutout:
    """Return a cut-out with the mean and spread of another's colours (Reinhard et al., 2001, but in RGB)."""
    (mean, spread), (own_mean, own_spread) = _colours(like), _colours(cutout)
    alpha = cutout.rgba[..., 3:].astype(np.float32)
    gain = np.clip(spread / own_spread, 0.3, 3)
    colour = cutout.rgba[..., :3] * gain + (mean - own_mean * gain) * (alpha / 255)
    return Cutout(np.dstack([np.clip(colour, 0, alpha), alpha]).astype(np.uint8), cutout.origin_xy)


def _colours(cutout: Cutout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    solid = (cutout.rgba[..., 3] > 250).astype(np.uint8)
    mean, spread = cv2.meanStdDev(cutout.rgba[..., :3], mask=solid)
    return mean.ravel().astype(np.float32), np.maximum(spread.ravel(), 4).astype(np.float32)
