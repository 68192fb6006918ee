"""Folders and zips of images: natural order, one size, nothing unpacked."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.video import make
from vos.video.read import open_clip


def save(folder, names, size_hw=(48, 64)):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(make.numbered(number, *size_hw)).save(folder / name)
    return folder


def zipped(folder, path, inside=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir(), reverse=True):
            archive.write(file, inside + file.name)
    return path


def numbers(frames):
    return [make.number_of(frame) for frame in frames]


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "frames", [f"{i}.png" for i in range(12)])


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "bmp", "webp"])
def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path, suffix):
    clip = open_clip(save(tmp_path / "frames", [f"f{i}.{suffix}" for i in range(12)]))
    assert numbers(clip) == list(range(12))
    assert clip.info.codec == {"jpg": "jpeg"}.get(suffix, suffix.lower())


def test_images_run_at_24_a_second(folder):
    clip = open_clip(folder)
    assert [(t.index, t.pts, t.duration) for t in clip.timed(10)] == [(10, 37500, 3750), (11, 41250, 3750)]
    assert (clip.info.fps, clip.info.frames, clip.info.duration_s, clip.info.container) == (
        24,
        12,
        0.5,
        "folder",
    )
    assert clip.audio is None


@pytest.mark.parametrize("inside", ["", "frames/", "a/b/"])
def test_a_zip_is_read_like_the_folder_it_was_made_of(folder, tmp_path, inside):
    before = open_clip(folder)
    clip = open_clip(zipped(folder, tmp_path / "frames.zip", inside))
    assert numbers(clip) == numbers(before) == list(range(12))
    assert clip.digest() == before.digest()
    assert clip.info.container == "zip"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["frames", "frames.zip"]


def test_a_zip_without_its_suffix_is_known_by_its_content(folder, tmp_path):
    assert numbers(open_clip(zipped(folder, tmp_path / "upload.bin"))) == list(range(12))


def test_every_way_in_gives_the_same_images(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("vos.video.read._BACKWARDS_BYTES", 64 * 48 * 3 * 5)
    (folder / "4.png").write_bytes(b"not an image")
    for path in (folder, zipped(folder, tmp_path / "frames.zip")):
        clip = open_clip(path)
        shown = [0, 1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 11]
        assert numbers(clip.sample([4, 10])) == [3, 10]
        assert numbers(clip.backwards(11)) == shown[::-1]
        assert numbers(clip) == shown
        assert numbers(clip.sample([0, 4, 10])) == [0, 3, 10]
        assert clip.warnings == ("1 of 12 frames are damaged and show the one before",)


def test_junk_of_operating_systems_is_ignored(folder, tmp_path):
    for name in (".DS_Store", "Thumbs.db", "._1.png", "readme.txt"):
        (folder / name).write_bytes(b"junk")
    path = zipped(folder, tmp_path / "frames.zip", "frames/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/frames/._0.png", b"junk")
    for clip in (open_clip(folder), open_clip(path)):
        assert numbers(clip) == list(range(12))
        assert clip.warnings == ()


def test_images_of_another_size_are_scaled_to_the_first(folder):
    Image.fromarray(make.numbered(7, 96, 128)).save(folder / "7.png")
    clip = open_clip(folder)
    assert numbers(clip) == list(range(12))
    assert {frame.shape for frame in clip} == {(48, 64, 3)}
    assert clip.warnings == ("1 of 12 frames have another size and were scaled to 64x48",)


def test_kinds_of_images_become_rgb(tmp_path):
    gray = np.full((8, 8), 77, np.uint8)
    images = {
        "0.png": Image.fromarray(gray),
        "1.png": Image.fromarray(gray.astype(np.uint16) * 257),
        "2.png": Image.merge("LA", [Image.fromarray(gray), Image.new("L", (8, 8), 255)]),
        "3.png": Image.new("RGBA", (8, 8), (154, 154, 154, 128)),
        "4.png": Image.fromarray(gray).convert("P"),
        "5.jpg": Image.fromarray(np.dstack([gray] * 3)).convert("CMYK"),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
    for frame in open_clip(tmp_path):
        assert np.abs(frame.astype(int) - 77).max() <= 1


def test_photos_are_turned_upright(tmp_path):
    photo = Image.fromarray(make.numbered(0b00001111))
    exif = photo.getexif()
    exif[0x0112] = 6  # the camera was turned: show rotated clockwise
    photo.save(tmp_path / "0.jpg", exif=exif)
    (frame,) = open_clip(tmp_path)
    assert frame.shape == (64, 48, 3)
    assert frame[:28].mean() > 240
    assert frame[36:].mean() < 15
