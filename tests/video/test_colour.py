"""HDR and wide colours become BT.709, by the numbers of the standards; where they do not, a note says so."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from tests.video import make
from vos.video.colour import ColourSpace
from vos.video.read import open_clip
from vos.video.write import plays_in_browsers

# Code values of grey in HLG and PQ, 0..1, and the levels at which a BT.1886 display of 203 nits has their
# light, below the knee: by ITU-R BT.2100 (PQ 0.5 is 92 nits, HLG 0.5 51); FFmpeg's swscale gives the same.
GREYS = {"hlg": [(0.2, 57), (0.4, 114), (0.5, 143), (0.6, 177)], "pq": [(0.2, 40), (0.4, 119), (0.5, 184)]}


@pytest.mark.parametrize("transfer", GREYS)
def test_greys_have_the_light_of_the_standard(transfer):
    space = ColourSpace(transfer, "bt2020")
    for code, wanted in GREYS[transfer]:
        shown = space.to_bt709(np.full((1, 3), code)) * 255
        assert np.ptp(shown) < 0.01
        assert shown.mean() == pytest.approx(wanted, abs=1.5), code


@pytest.mark.parametrize("transfer", GREYS)
def test_highlights_keep_their_order(transfer):
    steps = np.repeat(np.linspace(0, 1, 200)[:, None], 3, 1)
    shown = ColourSpace(transfer, "bt2020").to_bt709(steps)[:, 0]
    assert (np.diff(shown) > 0).all()
    assert shown[0] == 0
    assert shown[-1] == pytest.approx(1, abs=1e-6)


def test_primaries_are_converted_by_the_matrix_of_the_standard():
    # ITU-R BT.2087, and the published matrix from Display-P3 to sRGB
    to_709 = {
        "bt2020": [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
        "display-p3": [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]],
    }
    colours = np.array([[0.5, 0.45, 0.4], [0.4, 0.5, 0.45], [0.42, 0.42, 0.5]])
    for primaries, matrix in to_709.items():
        shown = ColourSpace("bt709", primaries).to_bt709(colours)
        assert shown**2.4 == pytest.approx(colours**2.4 @ np.array(matrix).T, abs=2e-3)


def write(path, codes, *, trc, primaries, pix_fmt="yuv420p10le", codec="libx265"):
    """Write 5 frames of stripes of these code values (N, 3), 0..1, tagged."""
    stripes = np.repeat(np.array(codes), 16, axis=0)[None].repeat(32, axis=0)
    wide = primaries == ColorPrimaries.BT2020
    matrix = Colorspace.BT2020 if wide else Colorspace.ITU709
    options = {"crf": "2", "x265-params": make.X265} if codec == "libx265" else {"crf": "2"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = stripes.shape[1], 32, pix_fmt
        context = stream.codec_context
        context.color_trc, context.color_primaries = trc, primaries
        context.colorspace, context.color_range = matrix, ColorRange.MPEG
        for number in range(5):
            frame = av.VideoFrame.from_ndarray((stripes * 65535).round().astype(np.uint16), format="rgb48le")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=ColorRange.MPEG)
            frame.color_trc, frame.color_primaries = trc, primaries
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def stripes_of(frame):
    return frame[16, 8::16].astype(float)


@pytest.mark.parametrize(
    ("name", "trc"), [("hlg", ColorTrc.ARIB_STD_B67), ("pq", ColorTrc.SMPTE2084)], ids=["hlg", "pq"]
)
def test_hdr_clips_come_out_in_bt709(tmp_path, name, trc):
    codes = [[g, g, g] for g in (0.1, 0.3, 0.5, 0.7, 0.9)] + [[0.5, 0.45, 0.45], [0.4, 0.44, 0.42]]
    path = write(tmp_path / f"{name}.mp4", codes, trc=trc, primaries=ColorPrimaries.BT2020)
    clip = open_clip(path)
    assert (clip.info.transfer, clip.info.primaries) == (name, "bt2020")
    assert not plays_in_browsers(clip.info)
    wanted = ColourSpace(name, "bt2020").to_bt709(np.array(codes)) * 255
    for frame in clip:
        assert np.abs(stripes_of(frame) - wanted).max() < 5
    assert np.abs(stripes_of(frame)[2] - np.array(codes)[2] * 255).min() > 10  # not as it was
    assert np.abs(stripes_of(clip.frame_at(3)) - wanted).max() < 5
    assert clip.warnings == ()
    make.write_copy(path, tmp_path / "copy.mp4")
    copy = open_clip(tmp_path / "copy.mp4")
    assert (copy.info.transfer, copy.info.primaries) == ("bt709", "bt709")
    assert np.abs(stripes_of(next(iter(copy))) - wanted).max() < 8


def test_display_p3_is_converted(tmp_path):
    codes = [[0.6, 0.4, 0.4], [0.4, 0.6, 0.4], [0.5, 0.5, 0.5]]
    path = write(
        tmp_path / "p3.mp4",
        codes,
        trc=ColorTrc.BT709,
        primaries=ColorPrimaries.SMPTE432,
        pix_fmt="yuv420p",
        codec="libx264",
    )
    clip = open_clip(path)
    assert clip.info.primaries == "display-p3"
    wanted = ColourSpace("bt709", "display-p3").to_bt709(np.array(codes)) * 255
    shown = stripes_of(clip.frame_at(0))
    assert np.abs(shown - wanted).max() < 5
    assert wanted[0, 0] - 153 > 8  # red that was meant redder
    assert np.abs(shown[2] - 127.5).max() < 3


def test_colours_that_are_not_converted_are_said(tmp_path):
    path = write(
        tmp_path / "log.mp4",
        [[0.5, 0.5, 0.5]],
        trc=ColorTrc.LOG,
        primaries=ColorPrimaries.FILM,
        pix_fmt="yuv420p",
        codec="libx264",
    )
    clip = open_clip(path)
    assert clip.warnings == ("its colours (log, film) are shown without conversion",)
    assert np.abs(stripes_of(next(iter(clip))) - 127.5).max() < 3


@pytest.mark.parametrize("trc", [ColorTrc.BT709, ColorTrc.SMPTE170M, ColorTrc.UNSPECIFIED])
def test_usual_colours_are_left_alone(tmp_path, trc):
    codes = [[0.2, 0.2, 0.2], [0.8, 0.3, 0.3]]
    path = write(
        tmp_path / "a.mp4",
        codes,
        trc=trc,
        primaries=ColorPrimaries.SMPTE170M,
        pix_fmt="yuv420p",
        codec="libx264",
    )
    assert np.abs(stripes_of(next(iter(open_clip(path)))) - np.array(codes) * 255).max() < 4
