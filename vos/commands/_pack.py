"""Training data made small enough to be carried along: fewer and smaller pictures in the same layout.

`python -m vos.commands._pack DATA OUT` packs into 60 MB; scripts/train-on-card does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vos.net.train.data import Data, PictureFile, find
from vos.types import Frame
from vos.video.masks import encode_png

SHARES = {"videos": 0.6, "cutouts": 0.28, "regions": 0.04, "photos": 0.08}  # of the bytes
SHORT_SIDE = 320
QUALITY = 80  # of JPEG
TRIES = 6  # the first so many pictures of a part say how large the others will be
MEGABYTES = 60
PACKED = "packed"  # the file that says that all is there


def pack(root: Path, out: Path, megabytes: float) -> int:
    """Write a part of the training data under `root` to the folder `out`, laid out alike; return its bytes.

    Of every part evenly spaced pictures are taken, of videos every so many-th frame, as many as fit.

    Raises:
        InvalidInput: nothing to train on.
    """
    data = find(root)
    used = sum(_pack(data, part, root, out, megabytes * 1e6 * share) for part, share in SHARES.items())
    (out / PACKED).touch()
    return used


def _pack(data: Data, part: str, root: Path, out: Path, budget: float) -> int:
    groups = list(data.videos.values()) if part == "videos" else [getattr(data, part)]
    pictures = [picture for group in groups for picture in group]
    if not pictures:
        return 0
    probes = pictures[:: max(1, len(pictures) // TRIES)]
    mean = float(np.mean([sum(map(len, _encoded(picture))) for picture in probes]))
    every = max(1.0, len(pictures) * mean * 1.05 / budget)
    used = 0
    for group in groups:
        for picture in _spaced(group, every):
            files = _encoded(picture)
            if used + sum(map(len, files)) > budget:
                continue
            used += _write(picture, files, root, out)
    print(f"{part}: {used / 1e6:.1f} MB, one of {every:.1f} pictures")
    return used


def _spaced(group: Sequence[PictureFile], every: float) -> list[PictureFile]:
    return [group[int(i * every)] for i in range(int((len(group) - 1) / every) + 1)]


def _encoded(picture: PictureFile) -> tuple[bytes, ...]:
    """Return a picture as a JPEG and, where it has one, its mask as a PNG, at the smaller size."""
    frame = picture.read_frame()
    scale = min(1.0, SHORT_SIDE / min(frame.shape[:2]))
    size_wh = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
    jpeg = _jpeg(np.asarray(cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA), np.uint8))
    if picture.mask is None:
        return (jpeg,)
    mask = cv2.resize(picture.read_mask(), size_wh, interpolation=cv2.INTER_NEAREST_EXACT)
    return jpeg, encode_png(np.asarray(mask, np.uint8))


def _jpeg(frame: Frame) -> bytes:
    done, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return data.tobytes()


def _write(picture: PictureFile, files: tuple[bytes, ...], root: Path, out: Path) -> int:
    paths = [picture.image.with_suffix(".jpg")]
    if picture.mask is not None:
        paths.append(picture.mask)
    for path, data in zip(paths, files, strict=True):
        target = out / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return sum(map(len, files))


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]), MEGABYTES)
