"""The zip of palette PNGs."""

import zipfile
from fractions import Fraction

import numpy as np
import pytest

from vos import plugins
from vos.types import VideoInfo
from vos.video.exports import davis_png
from vos.video.masks import read_mask


class NoClip:
    info = VideoInfo("mp4", "h264", 6, 4, Fraction(30), 3, 0.1)

    def __iter__(self):
        raise AssertionError("the export needs no picture")

    sample = __iter__


def _masks():
    for frame in range(3):
        yield np.full((4, 6), frame + 1, np.uint8)


def _broken():
    yield from _masks()
    raise OSError("disk full")


def test_the_export_is_found_by_its_name():
    assert plugins.load(plugins.EXPORTS, "davis_png") is davis_png


def test_every_frame_is_a_palette_png_that_reads_back(tmp_path):
    davis_png.export(NoClip(), _masks(), tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        assert archive.namelist() == ["00000.png", "00001.png", "00002.png"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        for name, mask in zip(archive.namelist(), _masks(), strict=True):
            np.testing.assert_array_equal(read_mask(archive.read(name))[0], mask)


def test_equal_masks_give_equal_bytes(tmp_path):
    for name in ("a.zip", "b.zip"):
        davis_png.export(NoClip(), _masks(), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_error_among_the_masks_leaves_no_file(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        davis_png.export(NoClip(), _broken(), tmp_path / "m.zip")
    assert not list(tmp_path.iterdir())
