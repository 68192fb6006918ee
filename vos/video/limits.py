"""How large a clip may be, and the sentence that refuses a larger one."""

from __future__ import annotations

from dataclasses import dataclass

from vos.errors import UnreadableVideo


@dataclass(frozen=True)
class Limits:
    """The largest clip that is read: bytes of the file, pixels of one frame, frames, seconds.

    `unpacked_bytes` bounds what the images of a zip come to when they are unpacked.
    """

    size_bytes: int = 2 << 30
    pixels: int = 4096 * 4096
    frames: int = 108_000  # an hour at 30 frames a second
    duration_s: float = 3600.0
    unpacked_bytes: int = 4 << 30

    def check_size(self, name: str, size_bytes: int) -> None:
        """Raise UnreadableVideo when the file (or the folder's images together) is too large."""
        if size_bytes > self.size_bytes:
            raise UnreadableVideo(
                f"{name} is {size_bytes / 1e6:,.1f} MB; at most {self.size_bytes / 1e6:,.1f} MB are allowed"
            )

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raise UnreadableVideo when one frame is too large."""
        if width * height > self.pixels:
            raise UnreadableVideo(
                f"{name} is {width}x{height}, {width * height:,} pixels a frame; "
                f"at most {self.pixels:,} are allowed"
            )

    def check_length(self, name: str, frames: int, duration_s: float) -> None:
        """Raise UnreadableVideo when there are too many frames or too many seconds."""
        if frames > self.frames:
            raise UnreadableVideo(f"{name} has {frames:,} frames; at most {self.frames:,} are allowed")
        if duration_s > self.duration_s:
            raise UnreadableVideo(
                f"{name} is {duration_s:,.1f} s long; at most {self.duration_s:,.1f} s are allowed"
            )

    def check_unpacked(self, name: str, size_bytes: int) -> None:
        """Raise UnreadableVideo when a zip unpacks to too much."""
        if size_bytes > self.unpacked_bytes:
            raise UnreadableVideo(
                f"the images in {name} unpack to {size_bytes / 1e6:,.1f} MB; "
                f"at most {self.unpacked_bytes / 1e6:,.1f} MB are allowed"
            )


LIMITS = Limits()
