"""Which clips of a folder are to be segmented, and the masks that belong to them by name."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from vos.errors import InvalidInput
from vos.prompts.mask_files import MaskFile
from vos.types import read_number
from vos.video import image_files
from vos.video.read import SUFFIXES

MASKS = (*image_files.SUFFIXES, "gif", "npy")  # what vos.labels reads


@dataclass(frozen=True)
class Task:
    """A clip and its masks; its name is that of its file without the suffix, and no other task's."""

    name: str
    clip: Path
    masks: tuple[MaskFile, ...] = ()


def find(clips: Path, prompts: Path | None) -> tuple[list[Task], list[str]]:
    """Return the tasks by name, and what in the folder of masks belongs to no clip.

    clips: videos, zips of images and folders of images. prompts: for a clip dog.mp4 the mask of frame 0 in
    dog.png, or a folder dog/ with a file a frame, 00012.png; of several objects 12_cup.png and 12_hand.png.

    Raises:
        InvalidInput: a folder is not there, it has no clips, two clips have one name, a mask names no frame.
    """
    for folder in (clips, prompts):
        if folder is not None and not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder; a folder is needed")
    named: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(clips.iterdir()):
        if not path.name.startswith(".") and _is_clip(path):
            named[path.name if path.is_dir() else path.stem].append(path)
    if not named:
        raise InvalidInput(f"{clips} has no clips; videos, zips of images or folders of images are needed")
    for same in named.values():
        if len(same) > 1:
            raise InvalidInput(
                f"{' and '.join(path.name for path in same)} have one name; rename all but one"
            )
    masks = _masks(prompts) if prompts else {}
    tasks = [Task(name, path, tuple(masks.pop(name, ()))) for name, (path,) in sorted(named.items())]
    return tasks, sorted(masks)


def _is_clip(path: Path) -> bool:
    if path.is_dir():
        return any(_ending(inner) in image_files.SUFFIXES for inner in path.iterdir())
    return _ending(path) in SUFFIXES


def _ending(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def _masks(folder: Path) -> dict[str, list[MaskFile]]:
    found: dict[str, list[MaskFile]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found[path.name] += [_of_frame(inner) for inner in sorted(path.iterdir()) if _is_mask(inner)]
        elif _is_mask(path):
            found[path.stem].append(MaskFile(0, path.name, path))
    return found


def _is_mask(path: Path) -> bool:
    return not path.name.startswith(".") and _ending(path) in MASKS


def _of_frame(path: Path) -> MaskFile:
    match = re.match(r"([0-9]+)(?:[_-]|$)", path.stem)
    if match is None:
        raise InvalidInput(f"{path} names no frame; 00012.png or 12_cup.png is needed")
    return MaskFile(read_number(match[1]), f"{path.parent.name}/{path.name}", path)
