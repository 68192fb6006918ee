"""The words every part speaks: frames, masks, prompts, clips, engines, jobs."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput

Frame = NDArray[np.uint8]  # (H, W, 3) RGB 0..255
Mask = NDArray[np.uint8]  # (H, W) label map: 0 background, 1..254 objects, 255 void

VOID = 255
MAX_OBJECTS = 20


def object_ids(mask: Mask) -> tuple[int, ...]:
    """Return the object ids present in a label map, ascending; 0 and 255 (void) are not objects."""
    counts = np.bincount(mask.ravel(), minlength=256)
    return tuple(int(i) for i in np.flatnonzero(counts[1:VOID]) + 1)


def read_number(digits: str) -> int:
    """Return the number of digits in an argument or a file's name; 10**9 stands for all above it."""
    kept = digits.lstrip("0") or "0"
    return int(kept) if len(kept) < 10 else 10**9


@dataclass(frozen=True, eq=False)
class Prompt:
    """What the user says about one frame: the exact mask of every object that the mask names.

    Objects of `gone` have no pixels from this frame on, until a later prompt names them. What is neither
    named nor gone is left to the engine: a later prompt can correct one object and leave the others alone.

    Raises:
        InvalidInput: negative frame, not a uint8 (H, W) label map, no object named or gone, more than 20, or
            one that is both.
    """

    frame: int
    mask: Mask
    gone: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.frame < 0:
            raise InvalidInput(f"prompt frame {self.frame} is negative; frames count from 0")
        if self.mask.ndim != 2 or self.mask.dtype != np.uint8:
            raise InvalidInput(
                f"a prompt mask is a uint8 label map (height, width); "
                f"got {self.mask.dtype} of shape {self.mask.shape}"
            )
        object.__setattr__(self, "gone", tuple(sorted(set(self.gone))))
        if bad := [i for i in self.gone if not 1 <= i < VOID]:
            raise InvalidInput(f"object {bad[0]} is gone on frame {self.frame}; objects are 1 to {VOID - 1}")
        if both := set(self.gone) & set(self.objects):
            raise InvalidInput(
                f"object {min(both)} has pixels on frame {self.frame} and is said to be gone from there on"
            )
        count = len(self.objects) + len(self.gone)
        if not 1 <= count <= MAX_OBJECTS:
            raise InvalidInput(
                f"the prompt on frame {self.frame} marks {count} objects; 1 to {MAX_OBJECTS} are allowed"
            )

    @property
    def objects(self) -> tuple[int, ...]:
        """The object ids that the mask names, ascending."""
        return object_ids(self.mask)


@dataclass(frozen=True)
class VideoInfo:
    """What a clip is, as its file says it.

    Sizes are upright (rotation applied). `frames` is what the file promises (packets counted, not
    decoded): a damaged file may yield fewer. `bit_rate` is bits per second of the whole file. `transfer` and
    `primaries` are those of the file (bt709, hlg, pq, bt2020, display-p3, ..., empty where it does not say);
    frames are always BT.709. `pictures` is the number of its picture tracks, one of which is read.
    """

    container: str
    codec: str
    width: int
    height: int
    fps: Fraction
    frames: int
    duration_s: float
    profile: str = ""
    pixel_format: str = ""
    bit_rate: int = 0
    rotation: int = 0
    variable_rate: bool = False
    audio_codec: str = ""
    size_bytes: int = 0
    transfer: str = ""
    primaries: str = ""
    interlaced: bool = False
    pictures: int = 1

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels, upright."""
        return self.height, self.width


class Clip(Protocol):
    """A video as engines read it: forward as often as they like, never as one array."""

    @property
    def info(self) -> VideoInfo:
        """Size, rate and promised number of frames."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, each uint8 (H, W, 3) RGB."""

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these ascending indices."""


@dataclass(frozen=True)
class Step:
    """One step of work an engine does before (or between) masks, such as a training step."""

    note: str
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mask of one frame, uint8 (H, W) at the clip's size, and how sure the engine is, 0..1.

    A confidence of NaN says that the engine has no opinion. `attention` (h, w), 0..1, at any size, says how
    much the engine's reference frames attend to each place; None where an engine has no reference frames.
    """

    mask: Mask
    confidence: float = math.nan
    attention: NDArray[np.float32] | None = None


class Segmenter(Protocol):
    """An engine, built and ready."""

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Generator[Prediction | Step, None, None]:
        """Yield exactly one Prediction per frame, forward; Steps may come in between.

        Iterates the clip exactly once and in step: the Prediction of frame t comes before frame t + 1 is
        asked for. Other frames are had with `clip.sample`. Prompts are sorted by frame; with any prompt at
        all there is one on frame 0. On a prompted frame the prompt's objects come back exactly as given.
        Closing the generator cancels; whatever the engine holds is freed.
        """


@dataclass(frozen=True)
class Point:
    """A click: x to the right and y down, in pixels of the frame; positive on the object, else beside it."""

    x: float
    y: float
    positive: bool = True


class Picker(Protocol):
    """What makes a mask of clicks, built and ready; it may be used by several threads at once."""

    def see(self, frame: Frame) -> None:
        """Prepare for clicks on a frame, such as when it is shown: the first `pick` is quicker then."""

    def pick(
        self,
        frame: Frame,
        points: Sequence[Point],
        box: tuple[float, float, float, float] | None = None,
        previous: NDArray[np.generic] | None = None,
    ) -> NDArray[np.float32]:
        """Return the probability (H, W), 0..1, that a pixel is of the object; above 0.5 is its mask.

        points: all clicks so far, in their order. box: x1, y1, x2, y2 in pixels, any two opposite corners;
        x2 and y2 exclusive. previous (H, W): what the mask was before the newest click: probabilities that
        `pick` returned, or a mask of bool or 0 and 1 that was drawn.

        Raises:
            InvalidInput: no point on the object, box or previous mask says where it is; or one is
                outside the frame.
        """


@dataclass(frozen=True)
class Device:
    """Where and how a network computes: name is cpu, cuda or mps; precision float32 or bfloat16."""

    name: str = "cpu"
    precision: str = "float32"


@dataclass(frozen=True)
class Weight:
    """A file of trained numbers: its name in weights/, its hash, and where it comes from.

    Without a hash it is one that `python -m vos weights import` makes of an official checkpoint.
    """

    name: str
    sha256: str = ""
    url: str = ""
    licence: str = ""


OptionValue = bool | int | float | str


class Options(Protocol):
    """Options of an engine or an export: a frozen dataclass of OptionValues, which validates itself."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True, eq=False)
class Job:
    """A request: segment this clip with this engine, these options of it and these prompts.

    `clip` is a video file, a folder or a zip of images. Title and object names are for people and
    do not change the result. `span` is the first and the last frame to segment; None is the whole clip.
    `base` is the id of a result of this clip that the prompts put right: what they do not change stays.
    `blend`: a correction also bends the frames before it, back to the prompt before; otherwise they stay.
    """

    clip: Path
    engine: str
    prompts: tuple[Prompt, ...]
    options: Options
    title: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    base: str = ""
    blend: bool = False

    def __post_init__(self) -> None:
        frames = [prompt.frame for prompt in self.prompts]
        if len(set(frames)) != len(frames):
            raise InvalidInput(f"one prompt a frame is allowed; got prompts on frames {sorted(frames)}")
        count = len({i for prompt in self.prompts for i in prompt.objects})
        if count > MAX_OBJECTS:
            raise InvalidInput(f"the prompts mark {count} objects; 1 to {MAX_OBJECTS} are allowed")
        if self.blend and not self.base:
            raise InvalidInput("only a correction blends the frames between prompts; it needs a base")
        object.__setattr__(self, "prompts", tuple(sorted(self.prompts, key=lambda p: p.frame)))


@dataclass(frozen=True)
class Result:
    """A stored result: paths and numbers, never arrays.

    `files` holds: overlay (MP4), source (MP4 that browsers play), masks (packed), prompts (zip of
    palette PNGs), thumbnail (JPEG), tracks (JSON), confidence (JSON list, null where the engine has
    no opinion); attention (JPEG) where the engine has reference frames; frame_names (JSON list) where the
    clip was a folder or a zip of images: what its files are called, without suffix. `visible` is the share of
    frames, 0..1, in which each object has pixels; `seconds` the time each stage took; `created` seconds
    since 1970. `parent` is the id of the result that this one corrects, and `note` says what was corrected;
    `missing` counts the last frames of the clip, which a stopped job has not segmented.
    """

    id: str
    title: str
    created: float
    engine: str
    options: Mapping[str, OptionValue]
    device: Device
    digest: str
    info: VideoInfo
    frames: int
    names: Mapping[int, str]
    prompt_frames: tuple[int, ...]
    visible: Mapping[int, float]
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    parent: str = ""
    note: str = ""
    missing: int = 0

    @property
    def objects(self) -> tuple[int, ...]:
        """The ids of the objects, ascending."""
        return tuple(sorted(self.visible))

    def name(self, object_id: int) -> str:
        """What the user calls an object."""
        return self.names.get(object_id) or f"Object {object_id}"
