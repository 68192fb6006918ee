"""Benchmarks as folders: DAVIS, YouTube-VOS and Tianchi, one class each, read frame by frame."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from vos.benchmark.sequence import Video, first_labels, from_first_frame, list_frames
from vos.errors import InvalidInput
from vos.video.masks import replacing

# Objects of DAVIS 2016 that are occluded or deform so much that its authors leave them out of T.
UNSTEADY = frozenset(
    (
        *("bmx-bumps", "bmx-trees", "breakdance", "breakdance-flare", "dance-twirl", "dog", "dog-agility"),
        *("drift-chicane", "goat", "horsejump-high", "horsejump-low", "libby", "lucia", "mallard-fly"),
        *("motocross-jump", "motorbike", "paragliding", "parkour", "rollerblade", "scooter-gray"),
        *("soccerball", "swing", "tennis"),
    )
)


class Dataset(Protocol):
    """A benchmark's split in a folder; nothing is read before it is asked for."""

    @property
    def title(self) -> str:
        """The benchmark's name, for people."""

    @property
    def root(self) -> Path:
        """The folder."""

    @property
    def split(self) -> str:
        """Which part: val, say."""

    @property
    def index(self) -> Path:
        """The file that lists the split."""

    def names(self) -> tuple[str, ...]:
        """The sequences of the split, in its order."""

    def images(self, name: str) -> Path:
        """The folder of a sequence's pictures."""

    def annotations(self, name: str) -> Path:
        """The folder of a sequence's ground truth."""

    def video(self, name: str) -> Video:
        """One sequence."""

    def write_index(self, videos: Mapping[str, Mapping[int, tuple[str, list[str]]]]) -> None:
        """Write what lists the split: for each video and object, its category and its frames."""


@dataclass(frozen=True)
class Davis:
    """DAVIS 2016 (one object, whatever the labels) or 2017 (several); also its test splits.

    The first package of DAVIS 2016 lists frames, not sequences: `ImageSets/480p/val.txt` counts, too.
    """

    root: Path
    year: int = 2016
    split: str = "val"

    def __post_init__(self) -> None:
        if self.year not in (2016, 2017):
            raise InvalidInput(f"DAVIS is of 2016 or 2017; got {self.year}")

    @property
    def title(self) -> str:
        """The benchmark's name, for people."""
        return f"DAVIS {self.year}"

    @property
    def index(self) -> Path:
        """The file that lists the split."""
        return self.root / "ImageSets" / str(self.year) / f"{self.split}.txt"

    def names(self) -> tuple[str, ...]:
        """The sequences of the split, in its order."""
        frames = self.root / "ImageSets/480p" / f"{self.split}.txt"
        if self.year == 2016 and frames.exists() and not self.index.exists():
            return _of_frames(frames)
        return _lines(self.index)

    def images(self, name: str) -> Path:
        """The folder of a sequence's pictures."""
        return self.root / "JPEGImages/480p" / name

    def annotations(self, name: str) -> Path:
        """The folder of a sequence's ground truth."""
        return self.root / "Annotations/480p" / name

    def video(self, name: str) -> Video:
        """One sequence; its objects are those of the first frame."""
        merged = self.year == 2016
        steady = not merged or name not in UNSTEADY
        return from_first_frame(name, self.images(name), self.annotations(name), merged=merged, steady=steady)

    def write_index(self, videos: Mapping[str, Mapping[int, tuple[str, list[str]]]]) -> None:
        """Write the list of sequences."""
        _write_text(self.index, "".join(f"{name}\n" for name in videos))


@dataclass(frozen=True)
class Tianchi:
    """The Tianchi video segmentation challenges of 2019 and 2020; scored by the rules of DAVIS 2017."""

    root: Path
    split: str = "val"
    title: str = "Tianchi"

    @property
    def index(self) -> Path:
        """The file that lists the split."""
        return self.root / "ImageSets" / f"{self.split}.txt"

    def names(self) -> tuple[str, ...]:
        """The sequences of the split, in its order."""
        return _lines(self.index)

    def images(self, name: str) -> Path:
        """The folder of a sequence's pictures."""
        return self.root / "JPEGImages" / name

    def annotations(self, name: str) -> Path:
        """The folder of a sequence's ground truth."""
        return self.root / "Annotations" / name

    def video(self, name: str) -> Video:
        """One sequence; its objects are those of the first frame."""
        return from_first_frame(name, self.images(name), self.annotations(name))

    def write_index(self, videos: Mapping[str, Mapping[int, tuple[str, list[str]]]]) -> None:
        """Write the list of sequences."""
        _write_text(self.index, "".join(f"{name}\n" for name in videos))


@dataclass(frozen=True)
class YoutubeVos:
    """YouTube-VOS 2018 or 2019: `meta.json` says which object starts on which frame.

    Every frame with ground truth after an object's first one counts.
    """

    root: Path
    split: str = "valid"
    title: str = "YouTube-VOS"

    def names(self) -> tuple[str, ...]:
        """The sequences of the split, alphabetically."""
        return _named(self.index, tuple(sorted(self._meta())))

    def images(self, name: str) -> Path:
        """The folder of a sequence's pictures."""
        return self.root / self.split / "JPEGImages" / name

    def annotations(self, name: str) -> Path:
        """The folder of a sequence's ground truth."""
        return self.root / self.split / "Annotations" / name

    def video(self, name: str) -> Video:
        """One sequence; its objects are those of `meta.json`."""
        frames, annotated = list_frames(self.images(name), self.annotations(name))
        objects, categories = self._objects(name)
        starts = {i: min(listed) for i, listed in objects.items()}
        given_only = set(annotated) <= set(starts.values())  # the validation and test splits
        needed = set(starts.values()) if given_only else {f for listed in objects.values() for f in listed}
        missing = needed - set(annotated)
        if missing:
            raise InvalidInput(
                f"{self.annotations(name) / min(missing)}.png is missing, which meta.json lists"
            )
        counted = () if given_only else annotated
        return Video(
            name=name,
            images=self.images(name),
            annotations=self.annotations(name),
            frames=frames,
            annotated=annotated,
            starts=starts,
            scored={i: tuple(frame for frame in counted if frame > start) for i, start in starts.items()},
            categories=categories,
            labeller=first_labels(self.annotations(name) / f"{annotated[0]}.png")[0],
        )

    def write_index(self, videos: Mapping[str, Mapping[int, tuple[str, list[str]]]]) -> None:
        """Write `meta.json`."""
        entries = {
            name: {"objects": {str(i): {"category": c, "frames": f} for i, (c, f) in objects.items()}}
            for name, objects in videos.items()
        }
        _write_text(self.index, json.dumps({"videos": entries}, indent=1))

    @property
    def index(self) -> Path:
        """The file that lists the split."""
        return self.root / self.split / "meta.json"

    def _objects(self, name: str) -> tuple[dict[int, list[str]], dict[int, str]]:
        """The frames and the category of each object of a sequence."""
        objects = self._meta()[name]
        try:
            frames = {int(i): [str(frame) for frame in entry["frames"]] for i, entry in objects.items()}
            categories = {int(i): str(entry.get("category", "")) for i, entry in objects.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"{self.index} does not list the frames of each object of {name}") from error
        if not all(frames.values()):
            raise InvalidInput(f"{self.index} does not list the frames of each object of {name}")
        return frames, categories

    def _meta(self) -> dict[str, dict[str, Any]]:
        return _meta(self.index, self.index.stat().st_mtime_ns if self.index.exists() else 0)


@lru_cache(maxsize=4)
def _meta(path: Path, _mtime_ns: int) -> dict[str, dict[str, Any]]:
    """The objects of each video: 10 MB of JSON, parsed once."""
    try:
        videos = json.loads(_text(path))["videos"]
        return {str(name): dict(entry["objects"]) for name, entry in videos.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{path} does not list videos and their objects") from error


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is missing or cannot be read") from error


def _lines(path: Path) -> tuple[str, ...]:
    names = tuple(line.strip() for line in _text(path).splitlines() if line.strip())
    return _named(path, names)


def _of_frames(path: Path) -> tuple[str, ...]:
    """Return the sequences of lines like `/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png`.

    A line may be a sequence's name, too.
    """
    pictures = [PurePosixPath(line.split()[0]) for line in _text(path).splitlines() if line.strip()]
    return _named(path, tuple(dict.fromkeys(at.parent.name or at.name for at in pictures)))


LAYOUTS = ("davis", "tianchi", "youtubevos")


def open_dataset(layout: str, root: Path, split: str, year: int = 2016) -> Dataset:
    """Return a split by the name of its layout, one of LAYOUTS; the year is for DAVIS."""
    if layout == "davis":
        return Davis(root, year, split)
    return (YoutubeVos if layout == "youtubevos" else Tianchi)(root, split)


def _named(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that is empty, or names what is no plain folder name."""
    if not names:
        raise InvalidInput(f"{path} lists no sequence")
    for name in names:
        if name in ("", ".", "..") or re.search(r"[/\\:]", name) or not name.isprintable():
            raise InvalidInput(f"{path} lists {name!r}; names of folders are allowed")
    return names


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text)
