"""The zips of palette PNGs: of DAVIS and of YouTube-VOS."""

import zipfile

import numpy as np
import pytest

from tests.video.exports.scene import COUNT, labels_of, mask_of, pictures, run, scene
from vos import plugins
from vos.video.exports import davis_png, youtube_vos
from vos.video.masks import read_mask


def test_the_export_is_found_by_its_name():
    assert plugins.load(plugins.EXPORTS, "davis_png") is davis_png


def test_every_frame_is_a_palette_png_that_reads_back(tmp_path):
    with scene(tmp_path) as source:
        run(davis_png, source, tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        assert archive.namelist() == [f"{index:05d}.png" for index in range(COUNT)]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        for index, name in enumerate(archive.namelist()):
            mask, _ = read_mask(archive.read(name), allow_empty=True)
            np.testing.assert_array_equal(mask, mask_of(index))


def test_equal_masks_give_equal_bytes(tmp_path):
    with scene(tmp_path) as source:
        for name in ("a.zip", "b.zip"):
            run(davis_png, source, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_submission_to_youtube_vos_has_a_folder_for_the_video_and_every_nth_frame(tmp_path):
    with scene(tmp_path) as source:
        run(youtube_vos, source, tmp_path / "y.zip", video="a1/b2", every=2)
    found = pictures(tmp_path / "y.zip")
    assert list(found) == [f"Annotations/a1_b2/{index:05d}.png" for index in (0, 2, 4)]
    for name, mask in found.items():
        np.testing.assert_array_equal(mask, labels_of(int(name[-9:-4])))


def test_an_export_that_is_closed_half_way_leaves_no_file(tmp_path):
    (tmp_path / "out").mkdir()
    with scene(tmp_path) as source:
        steps = davis_png.export(source, davis_png.Options(), tmp_path / "out" / "m.zip")
        assert next(steps).done == 1
        steps.close()
    assert not list((tmp_path / "out").iterdir())


def test_an_error_among_the_masks_leaves_no_file(tmp_path):
    (tmp_path / "out").mkdir()
    with scene(tmp_path) as source:
        steps = davis_png.export(source, davis_png.Options(), tmp_path / "out" / "m.zip")
        next(steps)
        source.masks.__exit__()
        with pytest.raises(ValueError, match="closed file"):
            next(steps)
    assert not list((tmp_path / "out").iterdir())
