"""A small training folder: red objects on blue, so that colour says what the mask must be."""

from pathlib import Path

import numpy as np
from PIL import Image

RED, BLUE = (220, 30, 30), (30, 30, 220)


class Dice:
    """A generator whose every throw is the same."""

    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


def red_square(height, width, top, left, side):
    mask = np.zeros((height, width), np.uint8)
    mask[top : top + side, left : left + side] = 1
    return np.where(mask[..., None] > 0, RED, BLUE).astype(np.uint8), mask


def write(path: Path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def training_folder(root: Path, sequences=("hop", "run"), frames=8) -> Path:
    for number, name in enumerate(sequences):
        for t in range(frames):
            frame, mask = red_square(72, 96, 20 + t, 20 + 3 * t + number, 28)
            write(root / f"davis-train/JPEGImages/72p/{name}/{t:05d}.png", frame)
            write(root / f"davis-train/Annotations/72p/{name}/{t:05d}.png", mask * 255)
    for i in range(2):
        frame, mask = red_square(60, 60, 10 + i, 12, 30)
        write(root / f"stills/people/images/{i}.png", frame)
        write(root / f"stills/people/masks/{i}.png", mask)
        write(root / f"stills/regions-a/images/{i}.png", frame)
        write(root / f"stills/regions-a/masks/{i}.png", mask + 1)
        write(root / f"stills/photos/images/{i}.png", np.full((50, 70, 3), BLUE, np.uint8))
    return root


def colours_agree(frames, masks) -> bool:
    """Whether red is where the masks say, except within 3 pixels of an edge."""
    for frame, mask in zip(frames, masks, strict=True):
        inside = mask > 0
        near = np.zeros_like(inside)
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                near |= np.roll(inside, (dy, dx), (0, 1)) != inside
        near[:3] = near[-3:] = near[:, :3] = near[:, -3:] = True
        red = frame[..., 0].astype(int) > frame[..., 2]
        if np.any((red != inside) & ~near):
            return False
    return True
