"""From one benchmark's folder layout to another's: pictures copied, masks as palette PNG."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from vos.annotated import Video
from vos.datasets import Dataset
from vos.errors import InvalidInput
from vos.types import object_ids
from vos.video.masks import replacing, write_png

Objects = dict[int, tuple[str, list[str]]]  # category and frames of each object


def convert(source: Dataset, target: Dataset) -> Iterator[tuple[str, int]]:
    """Write the annotated frames of a split in another layout; yield each sequence once it is done.

    With the name comes the number of its objects that start after the first frame: DAVIS and
    Tianchi keep their masks but do not score them. The list of the split is written last, so
    that a conversion cut short is not taken for a whole one.

    Raises:
        InvalidInput: the target is not empty, or a file of the source is missing or unreadable.
    """
    index: dict[str, Objects] = {}
    for name in source.names():
        video = source.video(name)
        for folder in (target.images(name), target.annotations(name)):
            if folder.exists():
                raise InvalidInput(f"{folder} exists already; convert into a new folder")
            folder.mkdir(parents=True)
        index[name] = _copy(video, target.images(name), target.annotations(name))
        yield name, sum(start > video.annotated[0] for start in video.starts.values())
    target.write_index(index)


def _copy(video: Video, images: Path, annotations: Path) -> Objects:
    objects: Objects = {i: (video.categories.get(i, ""), []) for i in sorted(video.starts)}
    for frame in video.annotated:
        truth = video.truth(frame)
        with replacing(images / f"{frame}.jpg") as part:
            shutil.copyfile(video.image(frame), part)
        write_png(annotations / f"{frame}.png", truth)
        for i in set(object_ids(truth)) & set(objects):
            objects[i][1].append(frame)
    return {i: found for i, found in objects.items() if found[1]}
