"""From one benchmark's folder layout to another's: pictures copied, masks as palette PNG."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from vos.benchmark.layouts import Dataset, YoutubeVos
from vos.benchmark.sequence import Video
from vos.errors import InvalidInput
from vos.types import object_ids
from vos.video.masks import replacing, write_png

Objects = dict[int, tuple[str, list[str]]]  # category and frames of each object


def convert(
    source: Dataset, target: Dataset, *, every: int = 1, categories: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """Write the annotated frames of a split in another layout; yield each sequence once it is done.

    With `every` N only every Nth of them keeps its mask: YouTube-VOS has every fifth. `categories`, by the
    name of the sequence, are those of objects that have none.

    With the name comes the number of its objects that start after the first frame: DAVIS and
    Tianchi keep their masks but do not score them. The list of the split is written last, so
    that a conversion cut short is not taken for a whole one.

    Raises:
        InvalidInput: the target is not empty or has no masks left out, a sequence has no category in
            `categories`, or a file of the source is missing or unreadable.
    """
    if every < 1 or (every > 1 and not isinstance(target, YoutubeVos)):
        raise InvalidInput(f"every {every}th mask is asked for; 1 is allowed, to youtubevos also more")
    index: dict[str, Objects] = {}
    names = source.names()
    for path in (*chain(*((target.images(n), target.annotations(n)) for n in names)), target.index):
        if path.exists():
            raise InvalidInput(f"{path} exists already; convert into a new folder")
    for name in names:
        video = source.video(name)
        if categories is not None and name not in categories:
            raise InvalidInput(f"the categories lack the sequence {name}")
        for folder in (target.images(name), target.annotations(name)):
            folder.mkdir(parents=True)
        category = (categories or {}).get(name, "")
        index[name] = _copy(video, target.images(name), target.annotations(name), every, category)
        yield name, sum(start > video.annotated[0] for start in video.starts.values())
    target.write_index(index)


def _copy(video: Video, images: Path, annotations: Path, every: int, category: str) -> Objects:
    objects: Objects = {i: (video.categories.get(i, "") or category, []) for i in sorted(video.starts)}
    for index, frame in enumerate(video.annotated):
        with replacing(images / f"{frame}.jpg") as part:
            shutil.copyfile(video.image(frame), part)
        if index % every:
            continue
        truth = video.truth(frame)
        write_png(annotations / f"{frame}.png", truth)
        for i in set(object_ids(truth)) & set(objects):
            objects[i][1].append(frame)
    return {i: found for i, found in objects.items() if found[1]}
