"""Pictures of masks to label maps: one reader and one rule, for prompts, ground truth and training.

- A palette with black at 0, grey levels (three equal channels too) and whole numbers: they are the ids, 1
  to 254, as they are. White (255; 65535 in 16 bit) is the object 1 where it is alone, as binary masks have
  it, and void beside ids, as DAVIS has it; what it means first it means in all pictures of a `Labeller`.
- Other pictures: every flat colour is an object; the background is black or, without black, the commonest
  flat colour on the border. Colours of the DAVIS palette have their ids, others the lowest free ones, dark to
  light; a colour that comes again in another picture of the same `Labeller` is the same object.
- Transparency: what is more than half as opaque as the most opaque pixel is object, one for each colour if
  there are at most 20, else one.
- Soft edges and noise of JPEG go to the nearest flat colour: for a binary mask that is a threshold half-way.
- Numbers above 254 are treated as colours are. More than 20 objects are refused.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vos.errors import InvalidInput
from vos.labels.labeller import PALETTE, Labeller
from vos.labels.meaning import Labels, array_labels, merge, picture_labels
from vos.types import Mask

__all__ = ["PALETTE", "SUFFIXES", "Labeller", "Labels", "covers_most", "merge_layers", "read_labels"]

SUFFIXES = ("bmp", "gif", "jpeg", "jpg", "npy", "png", "tif", "tiff", "webp")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_MAX_PIXELS = 1 << 26  # 8192 x 8192: more is a mistake, or meant to fill the memory
_MOST = 0.75  # of a frame: more of it is rarely an object
_TURNS = {  # EXIF orientation -> how the stored rows and columns become upright ones
    2: lambda m: m[:, ::-1],
    3: lambda m: m[::-1, ::-1],
    4: lambda m: m[::-1],
    5: lambda m: m.T,
    6: lambda m: m.T[:, ::-1],
    7: lambda m: m.T[::-1, ::-1],
    8: lambda m: m.T[::-1],
}


def read_labels(source: Path | bytes, labeller: Labeller | None = None, *, name: str = "") -> Labels:
    """Read a mask picture or an .npy label map, upright; pictures that belong together share a labeller.

    Raises:
        InvalidInput: missing, no picture, a photograph, too many pixels, or more than 20 objects.
    """
    name = name or (source.name if isinstance(source, Path) else "the mask")
    labeller = Labeller() if labeller is None else labeller
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                file.seek(0)
                return _read_array(file, labeller, name)
            file.seek(0)
            with Image.open(file, formats=_FORMATS) as image:
                _check_size(name, image.height, image.width)
                labels = picture_labels(image, labeller)
                turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except FileNotFoundError as error:
        raise InvalidInput(f"{source!s} is missing") from error
    except (IsADirectoryError, PermissionError) as error:
        raise InvalidInput(f"{source!s} cannot be read: {error.strerror}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"{name} is not a picture that can be read") from error
    if turn is None:
        return labels
    return Labels(np.ascontiguousarray(turn(labels.mask)), labels.notes, labels.binary)


def _read_array(file: io.BytesIO | io.BufferedReader, labeller: Labeller, name: str) -> Labels:
    """Read an .npy file of numbers (H, W), or of colours (H, W, 3) uint8; its size is checked before."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    colours = len(shape) == 3 and shape[2] == 3 and dtype == np.uint8
    if dtype.kind not in "buif" or not (len(shape) == 2 or colours) or 0 in shape:
        raise InvalidInput(f"{name} holds {dtype} of shape {shape}; a label map is numbers (height, width)")
    _check_size(name, *shape[:2])
    file.seek(0)
    array: NDArray[np.generic] = np.load(file, allow_pickle=False)
    if colours:
        return picture_labels(Image.fromarray(np.asarray(array, np.uint8)), labeller)
    return array_labels(array.astype(np.uint8) if dtype.kind == "b" else array, labeller)


def _check_size(name: str, height: int, width: int) -> None:
    if height * width > _MAX_PIXELS:
        raise InvalidInput(f"{name} is {width}x{height}; at most {_MAX_PIXELS} pixels")


def merge_layers(layers: Sequence[tuple[str, Labels]]) -> Labels:
    """Return several files of one frame, (name, labels) in order, as one label map; see `meaning.merge`."""
    return merge(list(layers))


def covers_most(mask: Mask) -> bool:
    """Say whether a mask's objects cover so much of the frame that it may be inverted."""
    return bool(np.count_nonzero(mask) > _MOST * mask.size)
