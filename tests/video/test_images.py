"""Folders and zips of images: natural order, one size, nothing unpacked."""

import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.video import make
from vos.errors import UnreadableVideo
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


def test_frames_keep_the_names_of_their_files(tmp_path):
    folder = save(tmp_path / "shot", [f"shot.{i}.jpg" for i in (1001, 1002, 1010)])
    wanted = ("shot.1001", "shot.1002", "shot.1010")
    assert open_clip(folder).frame_names == wanted
    assert open_clip(zipped(folder, tmp_path / "shot.zip", "in/")).frame_names == wanted
    save(folder, ["shot.1001.png"])
    assert open_clip(folder).frame_names[:2] == ("shot.1001.jpg", "shot.1001.png")
    assert open_clip(make.write_clip(tmp_path / "a.mp4")).frame_names == ()


def test_names_stay_with_their_frames_where_images_are_damaged(tmp_path):
    folder = save(tmp_path / "f", [f"{i}.png" for i in range(5)])
    for number in (0, 3):
        (folder / f"{number}.png").write_bytes(b"not an image")
    clip = open_clip(folder)
    assert list(zip(clip.frame_names, numbers(clip), strict=True)) == [("1", 1), ("2", 2), ("3", 2), ("4", 4)]
    assert clip.info.frames == 4
    assert clip.warnings == (
        "1 of 5 frames are damaged and were left out",
        "1 of 4 frames are damaged and show the one before",
    )


@pytest.mark.parametrize("name", ["a²", "x" + "7" * 200, "٣", "b" + "0" * 150 + "1"])
def test_strange_numbers_in_names_are_no_mistake(tmp_path, name):
    folder = save(tmp_path / "f", [f"{name}.png"])
    assert numbers(open_clip(folder)) == [0]
    path = tmp_path / "f.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / f"{name}.png", "9" * 6000 + ".png")
        archive.write(folder / f"{name}.png", "10.png")
    assert open_clip(path).frame_names == ("10", "9" * 6000)


def test_names_that_are_no_text_are_read_and_can_be_printed(tmp_path):
    folder = save(tmp_path / "f", ["0.png"])
    strange = os.fsencode(folder) + b"/\xff1.png"
    try:
        os.rename(os.fsencode(folder / "0.png"), strange)
    except OSError:
        pytest.skip("this file system takes names that are text only")
    clip = open_clip(folder)
    assert numbers(clip) == [0]
    assert clip.frame_names == ("\ufffd1",)
    assert len(clip.digest()) == 64
    with open(strange, "wb") as file:
        file.write(b"not an image")
    missing = Path(os.fsdecode(strange + b"?"))
    with pytest.raises(UnreadableVideo) as caught:
        open_clip(missing)
    str(caught.value).encode()


@pytest.mark.parametrize("suffix", ["tif", "tiff", "png"])
@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_pictures_of_16_bits_come_out_at_their_brightness(tmp_path, suffix, shape):
    for bits in (16, 12, 10):
        folder = tmp_path / f"{bits}"
        folder.mkdir()
        for number in range(3):
            pixels = np.zeros(shape, np.uint16)
            pixels[:24, :32], pixels[24:, :32] = (1 << bits) - 1, 1 << (bits - 1)
            cv2.imwrite(str(folder / f"{number}.{suffix}"), pixels)
        clip = open_clip(folder)
        for frame in clip:
            assert frame[12, 16].tolist() == [255] * 3
            assert frame[36, 16].tolist() == [128] * 3
            assert frame[12, 48].tolist() == [0] * 3
        note = () if bits == 16 else (f"its 16-bit images use {bits} bits and were scaled to them",)
        assert clip.warnings == note


def test_tiffs_of_8_bits_are_frames(tmp_path):
    clip = open_clip(save(tmp_path / "f", [f"{i}.tif" for i in range(3)]))
    assert numbers(clip) == [0, 1, 2]
    assert clip.info.codec == "tiff"


def test_pictures_that_cannot_be_frames_are_not_dropped_in_silence(folder, tmp_path):
    for name in ("5.heic", "6.exr", "notes.txt"):
        (folder / name).write_bytes(b"content")
    wanted = (
        "5.heic and 1 more beside the images cannot be read as frames and were left out; "
        "jpg, jpeg, png, bmp, webp, tif or tiff can",
    )
    for path in (folder, zipped(folder, tmp_path / "f.zip")):
        clip = open_clip(path)
        assert len(list(clip)) == 12
        assert clip.warnings == wanted


def test_a_zip_of_a_video_and_its_thumbnail_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "clip.zip", "w") as archive:
        archive.write(make.write_clip(tmp_path / "film.mov"), "film.mov")
        archive.write(save(tmp_path / "f", ["0.jpg"]) / "0.jpg", "thumb.jpg")
    with pytest.raises(UnreadableVideo, match=r"clip.zip holds the video 'film.mov'; the video itself is"):
        open_clip(tmp_path / "clip.zip")
