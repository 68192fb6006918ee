"""What is not BT.709 (HLG, PQ, BT.2020, Display-P3) becomes BT.709, by a table that FFmpeg applies."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

Colours = NDArray[np.float64]  # (N, 3) R, G, B

_WHITE_NITS = 203  # of a sheet of paper in HLG and PQ (ITU-R BT.2408)
_HLG_NITS = 1000  # the display that HLG is meant for
_PQ_NITS = 10_000
_KNEE = 0.6  # of SDR's white: above it light is pressed together, up to the brightest there can be
_GAMMA = 2.4  # of an SDR display (ITU-R BT.1886)
_NODES = 33  # of the table, a side; between them FFmpeg interpolates

TRANSFERS: dict[int, str] = {
    **{ColorTrc.BT709: "bt709", ColorTrc.SMPTE170M: "smpte170m", ColorTrc.IEC61966_2_1: "srgb"},
    **{ColorTrc.GAMMA22: "gamma22", ColorTrc.GAMMA28: "gamma28", ColorTrc.SMPTE240M: "smpte240m"},
    **{ColorTrc.IEC61966_2_4: "xvycc", ColorTrc.BT2020_10: "bt2020", ColorTrc.BT2020_12: "bt2020"},
    **{ColorTrc.LINEAR: "linear", ColorTrc.LOG: "log", ColorTrc.LOG_SQRT: "log"},
    **{ColorTrc.SMPTE2084: "pq", ColorTrc.ARIB_STD_B67: "hlg", ColorTrc.SMPTE428: "smpte428"},
}
PRIMARIES: dict[int, str] = {
    **{ColorPrimaries.BT709: "bt709", ColorPrimaries.BT470M: "bt470m", ColorPrimaries.BT470BG: "bt470bg"},
    **{ColorPrimaries.SMPTE170M: "smpte170m", ColorPrimaries.SMPTE240M: "smpte240m"},
    **{ColorPrimaries.FILM: "film", ColorPrimaries.BT2020: "bt2020", ColorPrimaries.SMPTE428: "xyz"},
    **{ColorPrimaries.SMPTE431: "dci-p3", ColorPrimaries.SMPTE432: "display-p3"},
    ColorPrimaries.EBU3213: "ebu3213",
}
_STRANGE = ("linear", "log", "smpte428", "film", "xyz", "dci-p3")  # shown as they are, with a note

# CIE xy of red, green and blue; the white of all is D65
_CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "display-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)


@dataclass(frozen=True)
class ColourSpace:
    """How a file's numbers mean light: transfer and primaries by name, empty where it does not say."""

    transfer: str = ""
    primaries: str = ""

    @classmethod
    def of(cls, frame: av.VideoFrame) -> ColourSpace:
        """Read the tags of a picture."""
        return cls(TRANSFERS.get(frame.color_trc, ""), PRIMARIES.get(frame.color_primaries, ""))

    @property
    def is_mapped(self) -> bool:
        """Say whether the colours have to be changed to be BT.709; the small ones of SD are left alone."""
        return self.transfer in ("hlg", "pq") or self.primaries in ("bt2020", "display-p3")

    @property
    def note(self) -> str:
        """Return a sentence about what is not converted, or nothing."""
        strange = [name for name in (self.transfer, self.primaries) if name in _STRANGE]
        return f"its colours ({', '.join(strange)}) are shown without conversion" if strange else ""

    def to_bt709(self, colours: Colours) -> Colours:
        """Return code values (N, 3) of this space, 0..1, as those of BT.709, 0..1."""
        light, tone = _LIGHT.get(self.transfer, (_display_light, None))
        linear = light(colours)
        if tone:
            brightest = np.maximum(linear.max(1, keepdims=True), 1e-9)
            linear = linear * tone(brightest) / brightest
        if self.primaries in _CHROMATICITIES:
            linear = linear @ _matrix(self.primaries).T
        return np.asarray(np.clip(linear, 0, 1) ** (1 / _GAMMA))  # browsers cut what is outside, too


class Mapper:
    """Applies a colour space's table to pictures of one size and format, 16 bits a channel."""

    def __init__(self, space: ColourSpace, like: av.VideoFrame) -> None:
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=Fraction(1, 1000)
        )
        with tempfile.TemporaryDirectory() as folder:  # the filter reads its table from a file only
            table = Path(folder) / "table.cube"
            table.write_text(_cube(space))
            step = self._graph.add("lut3d", file=str(table))
            sink = self._graph.add("buffersink")
            source.link_to(step)
            step.link_to(sink)
            self._graph.configure()

    def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return the picture in BT.709."""
        self._graph.push(picture)
        mapped = self._graph.pull()
        assert isinstance(mapped, av.VideoFrame)
        return mapped


@functools.lru_cache(maxsize=8)
def _cube(space: ColourSpace) -> str:
    """Return the table as the text of a .cube file, red running fastest."""
    steps = np.linspace(0, 1, _NODES)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    mapped = space.to_bt709(np.stack([red, green, blue], -1).reshape(-1, 3))
    rows = "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in mapped.tolist())
    return f"LUT_3D_SIZE {_NODES}\n{rows}\n"


def _display_light(colours: Colours) -> Colours:
    return np.asarray(colours**_GAMMA)


def _hlg_light(colours: Colours) -> Colours:
    """ITU-R BT.2100: the light of a 1,000 nit display, 1 being SDR's white."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(colours <= 0.5, colours**2 / 3, (np.exp((colours - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(scene * luminance[:, None] ** 0.2 * _HLG_NITS / _WHITE_NITS)


def _pq_light(colours: Colours) -> Colours:
    """SMPTE ST 2084: the light of the display, 1 being SDR's white."""
    m1, m2, c1, c2, c3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
    root = colours ** (1 / m2)
    light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.asarray(light * _PQ_NITS / _WHITE_NITS)


def _tone(peak: float) -> Callable[[Colours], Colours]:
    """Return the curve from 0..peak to 0..1: straight up to the knee, then ever flatter."""
    bend = 1 / (1 - _KNEE) - 1 / (peak - _KNEE)

    def curve(light: Colours) -> Colours:
        above = np.maximum(light - _KNEE, 0)
        return np.minimum(light, _KNEE) + above / (1 + above * bend)

    return curve


_LIGHT = {
    "hlg": (_hlg_light, _tone(_HLG_NITS / _WHITE_NITS)),
    "pq": (_pq_light, _tone(_PQ_NITS / _WHITE_NITS)),
}


def _xyz(primaries: str) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from linear RGB to CIE XYZ (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _CHROMATICITIES[primaries]]).T
    x, y = _D65
    return np.asarray(columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y]))


def _matrix(primaries: str) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(_xyz("bt709"), _xyz(primaries)))
