"""Cut-and-paste scenes to learn from: moving objects, look-alikes and occluders over a moving background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vos.errors import InvalidInput
from vos.net.train.clips import ATTEMPTS, Sample, keep
from vos.net.train.cutouts import Cutout, any_cutout, cut_loose_shape
from vos.net.train.data import Data, pick
from vos.net.train.motion import (
    Matrices,
    Motion,
    apply_about,
    excursion,
    make_transforms,
    random_hinge,
    random_path,
    random_ripple,
    shift,
)
from vos.net.train.scene import Layer, centred, develop, render, shrink_to_shown


@dataclass(frozen=True)
class SyntheticClips:
    """Cut-and-paste scenes: moving objects, look-alikes and occluders over a moving background.

    Attributes:
        data: where pictures come from.
        size: side of the square frames in pixels.
        length: frames in a clip.
        objects: at most this many objects are labelled; the others are there to confuse.
    """

    data: Data
    size: int
    length: int
    objects: int = 1

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return one scene.

        Raises:
            InvalidInput: the data holds nothing that can be cut out.
        """
        clip = self.film(rng)
        return Sample(develop(clip.frames, rng), clip.masks)

    def film(self, rng: np.random.Generator) -> Sample:
        """Return one scene, to be developed; raises as `sample`."""
        for _ in range(ATTEMPTS):
            camera = _camera(rng, self.size, self.length)
            layers = self._things(rng, camera)
            if rng.random() < 0.3:
                layers.append(self._occluder(rng))
            frames, masks = render(self._background(rng, camera), layers, self.size)
            kept = keep(masks, self.objects, rng)
            if kept is not None:
                return Sample(frames, kept)
        raise InvalidInput("the training data has no object large enough to follow")

    def _things(self, rng: np.random.Generator, camera: Matrices) -> list[Layer]:
        """Return one to three things, back to front; one in four is two cut-outs (a rider on a horse)."""
        layers = []
        cutouts: list[Cutout] = []
        for label in range(1, 1 + rng.choice([1, 2, 2, 3])):
            if not cutouts or rng.random() > 0.35:  # else a look-alike: the same cut-outs once more
                cutouts = [any_cutout(self.data, rng) for _ in range(1 + (rng.random() < 0.25))]
            path = random_path(rng, self.length, rng.choice([0.3, 0.6, 1, 1.5]))
            if rng.random() < 0.12:
                path += excursion(rng, self.length)
            path += np.r_[rng.normal(0, [0.2, 0, 0.08, 0.08]), rng.uniform(-0.3, 0.3, 2)]
            moves = camera @ shift(self.size / 2, self.size / 2) @ make_transforms(path, self.size)
            extent = self.size * float(np.exp(rng.uniform(np.log(0.15), np.log(0.9))))
            layers += [self._part(rng, c, moves, extent, label, i > 0) for i, c in enumerate(cutouts)]
        return layers

    def _part(
        self,
        rng: np.random.Generator,
        cutout: Cutout,
        moves: Matrices,
        extent: float,
        label: int,
        beside: bool,
    ) -> Layer:
        """Return a cut-out `extent` pixels long that follows `moves`; one beside another sways a little."""
        if beside:
            sway = random_path(rng, self.length, 0.3)
            sway[:, 4:] += rng.uniform(-0.4, 0.4, 2) * extent / self.size
            moves, extent = moves @ make_transforms(sway, self.size), extent * rng.uniform(0.5, 1.2)
        matrices = moves @ centred(cutout.size_wh, extent / max(cutout.size_wh))
        hinge = random_hinge(rng, cutout.size_wh, self.length)
        motion = Motion(matrices, random_ripple(rng, self.size), hinge)
        return shrink_to_shown(Layer(cutout.rgba, motion, label, rng.choice([0, 0, 0.5])))

    def _occluder(self, rng: np.random.Generator) -> Layer:
        """Return a shape that passes in front of everything."""
        cutout = cut_loose_shape(pick(self.data.backgrounds, rng).read_frame(), rng)
        path = random_path(rng, self.length, 2)
        path[:, 4:] += rng.uniform(-0.6, 0.6, 2)
        moves = shift(self.size / 2, self.size / 2) @ make_transforms(path, self.size)
        extent = self.size * rng.uniform(0.3, 1)
        return self._part(rng, cutout, moves, extent, label=0, beside=False)

    def _background(self, rng: np.random.Generator, camera: Matrices) -> Layer:
        """Return a photo that covers the canvas, moves with the camera and a little on its own."""
        picture = pick(self.data.backgrounds, rng)
        if self.data.videos and rng.random() < 0.25:
            picture = pick(pick(tuple(self.data.videos.values()), rng), rng)
        frame = picture.read_frame()
        size_wh = frame.shape[1], frame.shape[0]
        moves = make_transforms(random_path(rng, self.length, rng.choice([0, 0.5])), self.size)
        cover = self.size / min(size_wh) * rng.uniform(1, 2)
        matrices = camera @ shift(self.size / 2, self.size / 2) @ moves @ centred(size_wh, cover)
        motion = Motion(matrices, random_ripple(rng, self.size))
        return shrink_to_shown(Layer(frame, motion, shutter=rng.choice([0, 0, 0.5])))


def _camera(rng: np.random.Generator, size: int, length: int) -> Matrices:
    path = random_path(rng, length, rng.choice([0, 0.3, 0.6, 1]))
    return apply_about(make_transforms(path, size), size / 2, size / 2)
