"""Reading clips: video files, folders and zips of images, all as the same numbered frames."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Hashable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av

from vos.errors import InvalidInput, UnreadableVideo
from vos.types import Frame, VideoInfo
from vos.video import open as films
from vos.video.animated import WebpSource, is_webp
from vos.video.facts import inspect
from vos.video.image_files import is_zip
from vos.video.images import ImageSource
from vos.video.indexed import IndexedSource
from vos.video.limits import LIMITS, Limits
from vos.video.near import NEAR
from vos.video.picture import LazyFrame
from vos.video.sound import Sound
from vos.video.stream import CountedSource

SUFFIXES = (*films.SUFFIXES, "zip")  # of the single files that open_clip reads, without dots
_BACKWARDS_BYTES = 128 << 20  # of frames held at once when a clip is read backwards
_NEIGHBOURS = 12  # on each side of a frame that was looked at, kept decoded, if they take less than
_NEAR_BYTES = 96 << 20


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """A frame, uint8 (H, W, 3) RGB upright, its number, and its time.

    `pts` counts 1/90000 s from frame 0 and grows strictly. `duration`, in 1/90000 s too, is how long
    the file shows the frame; it matters for the last one.
    """

    index: int
    pts: int
    frame: Frame
    duration: int


class Source(Protocol):
    """Numbered pictures, and what is wrong with them."""

    @property
    def info(self) -> VideoInfo:
        """Size, rate and number of frames."""

    def pictures(self, first: int, before: int = 0) -> Generator[LazyFrame, None, None]:
        """Yield the pictures from number `first` on; the same number is the same picture always.

        Up to so many `before` it may come, too, where they are at hand.
        """

    def far(self, index: int, target: int) -> bool:
        """Say whether starting anew at `target` is cheaper than reading on from `index`."""

    @property
    def lost(self) -> int:
        """How many frames are known not to decode."""

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong; about single frames, known after a pass to the end."""


class FileClip:
    """A clip on disk. Frames are those that decode, in presentation order, numbered from 0.

    Any number of iterations, at the same time too; each opens the file for itself and closes it. `audio` is
    its sound, where there is one that decodes.
    """

    def __init__(
        self, path: Path, source: Source, sound: Sound | None = None, *, deinterlace: bool = True
    ) -> None:
        self._path, self._source, self._mode = path, source, deinterlace
        self.audio = sound

    @property
    def info(self) -> VideoInfo:
        """Size, rate and promised number of frames."""
        return self._source.info

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the clip, a sentence each; complete after an iteration to the end."""
        return self._source.warnings()

    @property
    def lost(self) -> int:
        """How many frames are known not to decode; all of them after an iteration to the end."""
        return self._source.lost

    @property
    def frame_names(self) -> tuple[str, ...]:
        """What the files of an image clip are called, without suffix, a name a frame; empty for videos."""
        return self._source.frame_names if isinstance(self._source, ImageSource) else ()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, each uint8 (H, W, 3) RGB."""
        return (timed.frame for timed in self.timed())

    def timed(self, first: int = 0) -> Iterator[TimedFrame]:
        """Yield the frames from number `first` on, with their times."""
        for picture in self._source.pictures(first):
            yield TimedFrame(picture.index, picture.pts, picture.draw(None), picture.duration)

    def times(self) -> Iterator[int]:
        """Yield when each frame is shown, in 1/90000 s from frame 0; decodes where packets do not say it."""
        if isinstance(self._source, IndexedSource):
            return iter(self._source.times)
        return (picture.pts for picture in self._source.pictures(0))

    def backwards(self, last: int) -> Iterator[Frame]:
        """Yield frames last, last - 1, ..., 0, holding at most about 128 MB of them.

        Raises:
            InvalidInput: the clip has no frame `last`.
        """
        height, width = self.info.size_hw
        held = max(1, _BACKWARDS_BYTES // (height * width * 3))
        while last >= 0:
            first = max(0, last - held + 1)
            chunk = []
            for picture in self._source.pictures(first):
                chunk.append(picture)
                if picture.index == last:
                    break
            else:
                raise self._no_frame(last)
            while chunk:
                yield chunk.pop().draw(None)
            last = first - 1

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these ascending indices.

        Raises:
            InvalidInput: not ascending, or the clip has no such frame.
        """
        if list(indices) != sorted(indices) or any(index < 0 for index in indices):
            raise InvalidInput(f"sampled frames must be ascending and not negative; got {list(indices)}")
        return self._sampled(indices)

    def _sampled(self, indices: Sequence[int], max_side: int | None = None) -> Iterator[Frame]:
        pictures: Iterator[LazyFrame] = iter(())
        picture: LazyFrame | None = None
        for index in indices:
            if picture is None or self._source.far(picture.index, index):
                pictures = self._source.pictures(index)
                picture = next(pictures, None)
            while picture and picture.index < index:
                picture = next(pictures, None)
            if picture is None:
                raise self._no_frame(index)
            yield picture.draw(max_side)

    def frame_at(self, index: int, max_side: int | None = None) -> Frame:
        """Return one frame, at most `max_side` long; those of videos stay decoded, with their neighbours.

        Raises:
            InvalidInput: the clip has no such frame.
        """
        if isinstance(self._source, ImageSource):  # any is at hand
            return next(self._sampled([index], max_side))
        status = self._path.stat()
        clip = self._path.absolute(), status.st_size, status.st_mtime_ns, self._mode
        frame = NEAR.get(clip, index) or self._look_near(clip, index)
        return frame.draw(max_side)

    def _look_near(self, clip: Hashable, index: int) -> LazyFrame:
        height, width = self.info.size_hw
        around = min(_NEIGHBOURS, _NEAR_BYTES // (height * width * 3 // 2))
        wanted = None
        with closing(self._source.pictures(max(0, index), around)) as pictures:
            for picture in pictures:
                NEAR.add(clip, picture)
                if picture.index == index:
                    wanted = picture
                if picture.index >= index + around // 3:  # what is before is decoded on the way
                    break
        if wanted is None or index < 0:
            raise self._no_frame(index)
        return wanted

    def digest(self) -> str:
        """Return sha256, in hex, over the bytes of the file, or over its images' names and bytes."""
        if isinstance(self._source, ImageSource):
            return self._source.digest()
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _no_frame(self, index: int) -> InvalidInput:
        return InvalidInput(
            f"frame {index} is outside {self._path.name}, which has {self.info.frames} frames"
        )


def open_clip(path: Path, limits: Limits = LIMITS, *, deinterlace: bool = True) -> FileClip:
    """Open a video file, an animated GIF, PNG or WebP, a folder of numbered images or a zip of them.

    Interlaced frames are made whole; `deinterlace=False` keeps them as they are.

    Raises:
        UnreadableVideo: there is nothing to read, or it is over a limit.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # reading a pipe would wait for ever
            raise UnreadableVideo(f"{path.name} is neither a file nor a folder; one of them is needed")
        if path.is_dir() or is_zip(path):
            return FileClip(path, ImageSource(path, limits))
        if is_webp(path):
            return FileClip(path, WebpSource(path, limits))
        facts = inspect(path, limits)
    except FileNotFoundError as error:
        raise UnreadableVideo(
            f"{path} does not exist; a video, a folder or a zip of images is needed"
        ) from error
    except av.FFmpegError as error:
        raise UnreadableVideo(f"{path.name} cannot be read: it is damaged") from error
    except OSError as error:
        raise UnreadableVideo(f"{path.name} cannot be read: {error.strerror}") from error
    source: Source
    if facts.index:
        source = IndexedSource(path, facts, facts.index, limits, whole=deinterlace)
    else:
        source = CountedSource(path, facts, limits, whole=deinterlace)
    return FileClip(path, source, facts.sound, deinterlace=deinterlace)


def probe(path: Path) -> VideoInfo:
    """Return what a clip is: container, codec, size, rate, length.

    Raises:
        UnreadableVideo: there is nothing to read, or it is over a limit.
    """
    return open_clip(path).info
