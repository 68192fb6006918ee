"""One annotated sequence on disk: pictures, ground truth, and what of it counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vos.errors import InvalidInput
from vos.labels import Labeller, read_labels
from vos.types import Mask, Prompt, object_ids


@dataclass(frozen=True)
class Video:
    """One sequence: where its files are and what of it counts.

    Frames are file names without suffix, in order. `annotated` are those with ground truth;
    `starts` names, for each object, the frame whose mask is given; `scored` the frames that count.
    """

    name: str
    images: Path
    annotations: Path
    frames: tuple[str, ...]
    annotated: tuple[str, ...]
    starts: Mapping[int, str]
    scored: Mapping[int, tuple[str, ...]]
    categories: Mapping[int, str] = field(default_factory=dict)
    merged: bool = False  # all objects count as one, whatever their labels
    steady: bool = True  # T counts in the benchmark's mean
    labeller: Labeller = field(default_factory=Labeller, repr=False, compare=False)  # of the ground truth

    def image(self, frame: str) -> Path:
        """The picture file of a frame."""
        return self.images / f"{frame}.jpg"

    def size_hw(self, frame: str) -> tuple[int, int]:
        """Height and width of a frame's picture.

        Raises:
            InvalidInput: it is missing or not a picture.
        """
        with open_picture(self.image(frame)) as image:
            return image.height, image.width

    def truth(self, frame: str) -> Mask:
        """The ground truth of a frame.

        Raises:
            InvalidInput: it is missing, not a label map, or not of the size of the frame.
        """
        path = self.annotations / f"{frame}.png"
        mask = read_labels(path, self.labeller, name=str(path)).mask
        if self.merged:
            mask = (mask > 0).astype(np.uint8)
        check_size(path, mask, self.size_hw(frame))
        return mask

    def prompts(self) -> tuple[Prompt, ...]:
        """The masks that are given: of each object, on the frame where it starts.

        Raises:
            InvalidInput: an object is not marked on that frame.
        """
        prompts = []
        for frame in sorted(set(self.starts.values())):
            given = [i for i, start in self.starts.items() if start == frame]
            truth = self.truth(frame)
            missing = set(given) - set(object_ids(truth))
            if missing:
                raise InvalidInput(
                    f"{self.name}: object {min(missing)} starts on frame {frame}, but is not marked there"
                )
            prompts.append(Prompt(self.frames.index(frame), np.where(np.isin(truth, given), truth, 0)))
        return tuple(prompts)


def first_labels(path: Path) -> tuple[Labeller, Mask]:
    """Read the first ground truth of a sequence; return it and what all others are read with.

    255 is void from then on, unless it is the one object here.

    Raises:
        InvalidInput: it is missing or unreadable.
    """
    labeller = Labeller()
    mask = read_labels(path, labeller, name=str(path)).mask
    labeller.white(alone=False)
    return labeller, mask


def check_size(path: Path, mask: Mask, size_hw: tuple[int, int]) -> None:
    """Refuse a mask (H, W) that has not the size of its frame.

    Raises:
        InvalidInput: the two sizes differ.
    """
    if mask.shape != size_hw:
        raise InvalidInput(
            f"{path} is {mask.shape[1]}x{mask.shape[0]}; the frame is {size_hw[1]}x{size_hw[0]}"
        )


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a picture, not yet decoded; what goes wrong until the end of the `with` is told in one sentence.

    Raises:
        InvalidInput: it is missing, not a picture, or damaged.
    """
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise InvalidInput(f"{path} is missing") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"{path} is not a picture that can be read") from error


def list_frames(images: Path, annotations: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the frames that have a picture, and of those that have a ground truth, in order.

    Raises:
        InvalidInput: a folder is missing or empty, or a ground truth has no picture.
    """
    frames, annotated = _stems(images, ".jpg"), _stems(annotations, ".png")
    lost = set(annotated) - set(frames)
    if lost:
        raise InvalidInput(f"{annotations / min(lost)}.png has no picture {images / min(lost)}.jpg")
    return frames, annotated


def from_first_frame(
    name: str, images: Path, annotations: Path, *, merged: bool = False, steady: bool = True
) -> Video:
    """Describe a sequence by the rules of DAVIS: objects are those of the first frame, the ends do not count.

    Raises:
        InvalidInput: files are missing: either all frames have a ground truth, or only the first.
    """
    frames, annotated = list_frames(images, annotations)
    if annotated not in (frames, frames[:1]):
        lost = min(set(frames) - set(annotated))
        raise InvalidInput(
            f"{annotations / lost}.png is missing: {len(annotated)} of {len(frames)} masks are there"
        )
    labeller, first = first_labels(annotations / f"{frames[0]}.png")
    objects = (1,) if merged else object_ids(first)
    if not objects:
        raise InvalidInput(f"{annotations / frames[0]}.png marks no object")
    return Video(
        name=name,
        images=images,
        annotations=annotations,
        frames=frames,
        annotated=annotated,
        starts=dict.fromkeys(objects, frames[0]),
        scored=dict.fromkeys(objects, annotated[1:-1]),
        merged=merged,
        steady=steady,
        labeller=labeller,
    )


def _stems(folder: Path, suffix: str) -> tuple[str, ...]:
    if not folder.is_dir():
        raise InvalidInput(f"the folder {folder} is missing")
    stems = tuple(sorted(file.stem for file in folder.iterdir() if file.suffix == suffix))
    if not stems:
        raise InvalidInput(f"the folder {folder} has no {suffix} files")
    return stems
