"""Reading clips: video files, folders and zips of images, all as the same numbered frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vos.errors import InvalidInput, UnreadableVideo
from vos.types import Frame, VideoInfo
from vos.video.facts import inspect
from vos.video.images import ImageSource, is_zip
from vos.video.limits import LIMITS, Limits
from vos.video.open import has_sound
from vos.video.picture import Picture
from vos.video.stream import VideoSource

_BACKWARDS_BYTES = 128 << 20  # of frames held at once when a clip is read backwards


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

    info: VideoInfo

    def pictures(self, first: int) -> Iterator[Picture]:
        """Yield the pictures from number `first` on; the same number is the same picture always."""

    def far(self, index: int, target: int) -> bool:
        """Say whether starting anew at `target` is cheaper than reading on from `index`."""

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong, known after a pass to the end."""

    def digest(self) -> str:
        """Return sha256 in hex over the content."""


class FileClip:
    """A clip on disk. Frames are those that decode, in presentation order, numbered from 0.

    Any number of iterations, at the same time too; each opens the file for itself and closes it.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self._path = path
        self._source = source

    @property
    def info(self) -> VideoInfo:
        """Size, rate and promised number of frames."""
        return self._source.info

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the clip, a sentence each; complete after an iteration to the end."""
        return self._source.warnings()

    @property
    def audio(self) -> Path | None:
        """The file that holds the clip's sound, where there is sound that decodes."""
        return self._path if self.info.audio_codec and has_sound(self._path) else None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, each uint8 (H, W, 3) RGB."""
        return (timed.frame for timed in self.timed())

    def timed(self, first: int = 0) -> Iterator[TimedFrame]:
        """Yield the frames from number `first` on, with their times."""
        for picture in self._source.pictures(first):
            yield TimedFrame(picture.index, picture.pts, picture.frame(), picture.duration)

    def times(self) -> Iterator[int]:
        """Yield when each frame is shown, in 1/90000 s from frame 0; pictures are decoded, not converted."""
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
                yield chunk.pop().frame()
            last = first - 1

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these ascending indices.

        Raises:
            InvalidInput: not ascending, or the clip has no such frame.
        """
        if list(indices) != sorted(indices) or any(index < 0 for index in indices):
            raise InvalidInput(f"sampled frames must be ascending and not negative; got {list(indices)}")
        return self._sampled(indices)

    def _sampled(self, indices: Sequence[int]) -> Iterator[Frame]:
        pictures: Iterator[Picture] = iter(())
        picture: Picture | None = None
        for index in indices:
            if picture is None or self._source.far(picture.index, index):
                pictures = self._source.pictures(index)
                picture = next(pictures, None)
            while picture and picture.index < index:
                picture = next(pictures, None)
            if picture is None:
                raise self._no_frame(index)
            yield picture.frame()

    def digest(self) -> str:
        """Return sha256, in hex, over the bytes of the file, or over its images' names and bytes."""
        return self._source.digest()

    def _no_frame(self, index: int) -> InvalidInput:
        return InvalidInput(
            f"frame {index} is outside {self._path.name}, which has {self.info.frames} frames"
        )


def open_clip(path: Path, limits: Limits = LIMITS) -> FileClip:
    """Open a video file, an animated GIF, a folder of numbered images or a zip of them.

    Raises:
        UnreadableVideo: there is nothing to read, or it is over a limit.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # reading a pipe would wait for ever
            raise UnreadableVideo(f"{path.name} is neither a file nor a folder; one of them is needed")
        if path.is_dir() or is_zip(path):
            return FileClip(path, ImageSource(path, limits))
        facts = inspect(path, limits)
    except FileNotFoundError as error:
        raise UnreadableVideo(
            f"{path} does not exist; a video, a folder or a zip of images is needed"
        ) from error
    except OSError as error:
        raise UnreadableVideo(f"{path.name} cannot be read: {error.strerror}") from error
    return FileClip(path, VideoSource(path, facts, limits))


def probe(path: Path) -> VideoInfo:
    """Return what a clip is: container, codec, size, rate, length.

    Raises:
        UnreadableVideo: there is nothing to read, or it is over a limit.
    """
    return open_clip(path).info
