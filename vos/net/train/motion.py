"""Motion: where every canvas pixel of every frame comes from in a source picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Matrices = NDArray[np.float64]  # (3, 3) or (T, 3, 3), points as columns (x, y, 1)

# One frame's step at speed 1 (standard deviation): angle in radians, log scale, log stretch, shear, and
# x, y in canvas sizes. Scale is large on purpose: a network that saw little zoom loses parts of objects
# that grow.
STEP = np.array([0.08, 0.13, 0.05, 0.04, 0.085, 0.085])
JITTER = 0.12
LARGEST_ZOOM = 1.6  # of the log scale over a clip: five times


def random_path(rng: np.random.Generator, length: int, speed: float) -> NDArray[np.float64]:
    """Return a steady motion with a little jitter, (T, 6) in the columns of STEP; frame 0 is near 0."""
    velocity = rng.normal(size=6) * STEP * speed
    shake = rng.normal(size=(length, 6)) * STEP * JITTER * min(speed, 1)
    path: NDArray[np.float64] = np.arange(length)[:, None] * velocity + shake
    path[:, 1] = np.clip(path[:, 1], -LARGEST_ZOOM, LARGEST_ZOOM)
    return path


def excursion(rng: np.random.Generator, length: int) -> NDArray[np.float64]:
    """Return a path that leaves the canvas in the middle of the clip and comes back, (T, 6)."""
    away = np.clip(1.5 - np.abs(np.linspace(-2, 2, length)), 0, 1)
    angle = rng.uniform(0, 2 * np.pi)
    path = np.zeros((length, 6))
    path[:, 4:] = 1.4 * away[:, None] * (np.cos(angle), np.sin(angle))
    return path


def make_transforms(path: NDArray[np.float64], size: float) -> Matrices:
    """Turn a path into 3x3 matrices about the origin, (T, 3, 3); translations become canvas pixels."""
    angle, scale, stretch, shear, x, y = path.T
    cosine, sine = np.cos(angle), np.sin(angle)
    wide, high = np.exp(scale + stretch), np.exp(scale - stretch)
    matrix = np.zeros((len(path), 3, 3))
    matrix[:, 0] = np.stack([cosine * wide, shear * wide - sine * high, x * size], 1)
    matrix[:, 1] = np.stack([sine * wide, cosine * high, y * size], 1)
    matrix[:, 2, 2] = 1
    return matrix


def shift(x: float, y: float) -> Matrices:
    """Return the 3x3 matrix of a translation."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)


def apply_about(matrices: Matrices, x: float, y: float) -> Matrices:
    """Apply transforms of the canvas about a point other than the origin."""
    return np.asarray(shift(x, y) @ matrices @ shift(-x, -y))


@dataclass(frozen=True, eq=False)
class Hinge:
    """The part of a picture on one side of a line turns and grows about a joint on it (a limb, a door).

    Attributes:
        joint_xy, normal_xy: a point of the line and the unit vector towards the part, source pixels.
        softness: width of the bend, source pixels.
        path: (T, 6) motion of the part; the inverse is applied, as pictures are sampled backwards.
    """

    joint_xy: tuple[float, float]
    normal_xy: tuple[float, float]
    softness: float
    path: NDArray[np.float64]

    def resampled(self, ratio: float) -> Hinge:
        """Return the same hinge for the picture made smaller by this ratio."""
        x, y = self.joint_xy
        return Hinge((x / ratio, y / ratio), self.normal_xy, self.softness / ratio, self.path)

    def bend(self, x: Array, y: Array, t: int) -> tuple[Array, Array]:
        """Return the source coordinates of frame t with the part's motion undone."""
        x, y = x - self.joint_xy[0], y - self.joint_xy[1]
        along = (x * self.normal_xy[0] + y * self.normal_xy[1]) / self.softness
        weight = 0.5 + 0.5 * np.clip(along, -1, 1)
        (a, b, _), (c, d, _), _ = np.linalg.inv(make_transforms(self.path[t : t + 1], 0)[0]).tolist()
        moved_x = x + weight * ((a - 1) * x + b * y) + self.joint_xy[0]
        moved_y = y + weight * (c * x + (d - 1) * y) + self.joint_xy[1]
        return moved_x, moved_y


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of one picture over a clip: affine, then elastic, then bent.

    Attributes:
        matrices: (T, 3, 3) source pixels to canvas pixels.
        ripple: None or float32 (2, S, S, 2): elastic displacement in canvas pixels, at frame 0 and its
            change per frame.
        hinge: None or a part that moves on its own.
    """

    matrices: Matrices
    ripple: Array | None = None
    hinge: Hinge | None = None

    def maps(self, t: int, size: int) -> tuple[Array, Array]:
        """Return the source x and y of every canvas pixel in frame t, two float32 (S, S) for cv2.remap."""
        x, y = _grid(size)
        if self.ripple is not None:
            moved = self.ripple[0] + np.float32(t) * self.ripple[1]
            x, y = x + moved[..., 0], y + moved[..., 1]
        (a, b, c), (d, e, f), _ = np.linalg.inv(self.matrices[t]).tolist()
        x, y = a * x + b * y + c, d * x + e * y + f
        return self.hinge.bend(x, y, t) if self.hinge else (x, y)

    def velocity(self, t: int, x: float, y: float) -> tuple[float, float]:
        """Return how far the source point (x, y) moves from frame t to the next, in canvas pixels."""
        last = len(self.matrices) - 1
        step = self.matrices[min(t + 1, last)] - self.matrices[max(min(t, last - 1), 0)]
        dx, dy, _ = (step @ (x, y, 1)).tolist()
        return dx, dy

    def resampled(self, ratio_x: float, ratio_y: float) -> Motion:
        """Return the same motion for the picture made smaller by these ratios (old over new)."""
        hinge = self.hinge and self.hinge.resampled((ratio_x + ratio_y) / 2)
        return Motion(self.matrices @ np.diag([ratio_x, ratio_y, 1]), self.ripple, hinge)

    def largest_scale(self) -> float:
        """Return the largest canvas pixels per source pixel over the clip."""
        determinants = np.abs(np.linalg.det(self.matrices[:, :2, :2]))
        return float(np.sqrt(determinants.max()))


def random_ripple(rng: np.random.Generator, size: int) -> Array | None:
    """Return a smooth random displacement that grows with time, or None (a rigid object)."""
    knots = int(rng.integers(4, 7))
    amplitude = float(rng.choice([0, 0.5, 1, 2])) * 0.048 * size / knots  # finer bends less
    if amplitude == 0:
        return None

    coarse = (rng.normal(size=(2, knots, knots, 2)) * amplitude).astype(np.float32)
    return np.stack([cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC) for field in coarse])


def random_hinge(rng: np.random.Generator, size_wh: tuple[int, int], length: int) -> Hinge | None:
    """Return a part of a picture that moves on its own, in two of five; its line passes near the middle."""
    if rng.random() > 0.4:
        return None
    angle = rng.uniform(0, 2 * np.pi)
    joint = rng.uniform(0.3, 0.7, 2) * size_wh
    path = random_path(rng, length, rng.choice([0.7, 1.5]))
    softness = rng.uniform(0.05, 0.25) * max(size_wh)
    normal = float(np.cos(angle)), float(np.sin(angle))
    return Hinge((float(joint[0]), float(joint[1])), normal, float(softness), path)


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[Array, Array]:
    axis = np.arange(size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    x.flags.writeable = y.flags.writeable = False
    return x, y
