"""Bad input is refused in one clear sentence that says what was got and what is allowed."""

import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from fractions import Fraction

import av
import pytest
from av.stream import Disposition
from PIL import Image

from tests.video import make
from vos.errors import UnreadableVideo
from vos.video.limits import Limits
from vos.video.read import open_clip

CLIP = {"options": {"g": "15", "bf": "2"}, "frames": 90}


def png(height=48, width=64):
    file = io.BytesIO()
    Image.fromarray(make.numbered(5, height, width)).save(file, "PNG")
    return file.getvalue()


def empty(folder):
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def text(folder):
    (folder / "text.mp4").write_text("hello\n" * 1000)
    return folder / "text.mp4"


def playlist(folder):
    (folder / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{make.write_clip(folder / 'a.mp4')}\n")
    return folder / "list.mp4"


def no_moov(folder):
    path = make.write_clip(folder / "moov.mp4", **CLIP)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def sound_only(folder):
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(make.click(0.1, 0.5), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode()])
    return folder / "sound.mp4"


def cover_art(folder):
    with av.open(str(folder / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(make.click(0.1, 0.5), "fltp", "mono")
        frame.sample_rate = 48_000
        art = av.VideoFrame.from_ndarray(make.numbered(1))
        container.mux([*cover.encode(art), *cover.encode(), *stream.encode(frame), *stream.encode()])
    return folder / "song.mp4"


def no_frames(folder):
    path = make.write_clip(folder / "none.mkv", **CLIP)
    path.write_bytes(path.read_bytes()[:900])
    return path


def all_damaged(folder):
    path = make.write_clip(folder / "noise.avi", "mjpeg", "yuvj420p", frames=5)
    data = path.read_bytes()
    start = data.index(b"movi") + 12
    path.write_bytes(data[:start] + bytes(len(data[start:-200])) + data[-200:])
    return path


def pipe(folder):
    os.mkfifo(folder / "pipe.mp4")
    return folder / "pipe.mp4"


def absent(folder):
    return folder / "absent.mp4"


def empty_folder(folder):
    (folder / "readme.txt").write_text("no images")
    return folder


def damaged_images(folder):
    for number in range(3):
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    return folder


def zip_of(members):
    def build(folder):
        with zipfile.ZipFile(folder / "clip.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return folder / "clip.zip"

    return build


def link(folder):
    member = zipfile.ZipInfo("0.png")
    member.external_attr = 0o120777 << 16
    return zip_of({member: "/etc/passwd"})(folder)


def encrypted(folder):
    path = zip_of({"0.png": png()})(folder)
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    path.write_bytes(data)
    return path


def cut_zip(folder):
    path = zip_of({f"{i}.png": png() for i in range(9)})(folder)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def two_folders(folder):
    return zip_of({"a/0.png": png(), "b/0.png": png()})(folder)


def bomb_image(folder):
    return zip_of({"0.png": png(), "1.png": claiming(5000)})(folder)


def bomb_far_larger(folder):
    return zip_of({"0.png": claiming(50_000)})(folder)


def claiming(side):
    """Return a PNG whose header says that it is side x side pixels."""
    header = b"IHDR" + struct.pack(">II", side, side) + png()[24:29]
    return png()[:12] + header + struct.pack(">I", zlib.crc32(header)) + png()[33:]


def nested(folder):
    inner = zip_of({"0.png": png()})(folder)
    return zip_of({"inner.zip": inner.read_bytes()})(folder)


REFUSED = {
    "empty": (empty, r"^empty.mp4 is empty \(0 bytes\); a video is needed$"),
    "text": (
        text,
        r"^text.mp4 is not a video that can be read; mp4, mov, mkv, webm, avi, gif and",
    ),
    "playlist": (playlist, r"^list.mp4 is not a video"),
    "no index": (no_moov, r"^moov.mp4 is cut short or damaged: its index \(moov\) is missing"),
    "sound only": (sound_only, r"^sound.mp4 has no picture \(it has only sound\); a video is needed$"),
    "0 frames": (no_frames, r"^none.mkv has no frame that can be decoded; at least one is needed$"),
    "every frame damaged": (all_damaged, r"^noise.avi has no frame that can be decoded"),
    "pipe": (pipe, r"^pipe.mp4 is neither a file nor a folder"),
    "cover art": (cover_art, r"^song.mp4 has no picture \(it has only sound\)"),
    "absent": (absent, r"absent.mp4 does not exist; a video, a folder or a zip of images is needed$"),
    "folder without images": (
        empty_folder,
        r"has no images; numbered jpg, jpeg, png, bmp, webp, tif or tiff",
    ),
    "damaged images": (damaged_images, r"^none of the 3 images in .* can be read$"),
    "zip of nothing": (zip_of({}), r"^clip.zip has no images; numbered jpg, jpeg, png"),
    "nested zip": (nested, r"^clip.zip has no images"),
    "zip out upwards": (zip_of({"a/../../0.png": png()}), r"'a/../../0.png', a path out of the zip"),
    "zip absolute": (zip_of({"/0.png": png()}), r"'/0.png', a path out of the zip; plain names are"),
    "zip drive": (zip_of({"C:\\0.png": png()}), r"a path out of the zip"),
    "zip link": (link, r"^clip.zip holds the link '0.png'; plain files are allowed$"),
    "zip encrypted": (encrypted, r"^clip.zip is encrypted; a zip without a password is needed$"),
    "zip cut": (cut_zip, r"^clip.zip is not a zip that can be read: it is cut short or damaged$"),
    "zip of two folders": (two_folders, r"^the images in clip.zip lie in 2 folders; one is allowed$"),
    "an image too large": (bomb_image, r"^1.png is 5000x5000, 25,000,000 pixels a frame; at most 16,777,216"),
    "an image far too large": (bomb_far_larger, r"^0.png has far more pixels than the 16,777,216 that are"),
}


@pytest.mark.parametrize(("build", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, build, sentence):
    with pytest.raises(UnreadableVideo, match=sentence) as caught:
        list(open_clip(build(tmp_path)))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_permission_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(UnreadableVideo, match="locked cannot be read: Permission denied"):
        open_clip(tmp_path / "locked")


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    path = make.write_clip(tmp_path / "a.mp4")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UnreadableVideo, match=r"^a.mp4 cannot be read: Permission denied$"):
        open_clip(path)


LIMITS = {
    "bytes": (Limits(size_bytes=1000), r"^clip.mp4 is 0.0 MB; at most 0.0 MB are allowed$"),
    "pixels": (Limits(pixels=3000), r"^clip.mp4 is 64x48, 3,072 pixels a frame; at most 3,000 are allowed$"),
    "frames": (Limits(frames=89), r"^clip.mp4 has 90 frames; at most 89 are allowed$"),
    "seconds": (Limits(duration_s=8.9), r"^clip.mp4 is 9.0 s long; at most 8.9 s are allowed$"),
}


@pytest.mark.parametrize(("limits", "sentence"), LIMITS.values(), ids=LIMITS)
def test_a_clip_over_a_limit_is_refused(tmp_path, limits, sentence):
    path = make.write_clip(tmp_path / "clip.mp4", **CLIP)
    with pytest.raises(UnreadableVideo, match=sentence):
        open_clip(path, limits)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(pixels=3000), "0.png is 64x48"),
        (Limits(frames=8), "has 9 frames; at most 8"),
        (Limits(duration_s=0.3), "is 0.4 s long; at most 0.3 s"),
        (Limits(unpacked_bytes=800), "the images in clip.zip unpack to 0.0 MB"),
        (Limits(size_bytes=800), "clip.zip is 0.0 MB; at most"),
    ],
)
def test_a_zip_over_a_limit_is_refused(tmp_path, limits, sentence):
    path = zip_of({f"{i}.png": png() for i in range(9)})(tmp_path)
    with pytest.raises(UnreadableVideo, match=sentence):
        open_clip(path, limits)


def test_a_zip_that_lies_about_its_sizes_unpacks_no_more_than_it_says(tmp_path):
    path = zip_of({"0.png": png(), "1.png": png() + bytes(50_000_000)})(tmp_path)
    data = path.read_bytes()
    said = struct.pack("<I", len(png()) + 50_000_000)
    path.write_bytes(data.replace(said, struct.pack("<I", len(png()))))
    clip = open_clip(path, Limits(unpacked_bytes=1_000_000))
    tracemalloc.start()
    assert [make.number_of(frame) for frame in clip] == [5, 5]
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert clip.warnings == ("1 of 2 frames are damaged and show the one before",)


def test_times_that_are_mad_are_refused_in_a_sentence(tmp_path):
    times = [0, 1, 2, 1 << 50]
    path = make.write_clip(tmp_path / "mad.nut", "ffv1", frames=4, times=times, time_base=Fraction(1, 1000))
    with pytest.raises(UnreadableVideo, match=r"mad.nut is [0-9,.]+ s long; at most 3,600.0 s are allowed"):
        open_clip(path)


def test_a_mad_number_of_frames_in_a_header_costs_no_memory(tmp_path):
    path = make.write_clip(tmp_path / "mad.avi", "mjpeg", "yuvj420p", frames=6)
    content = bytearray(path.read_bytes())
    for name, at in ((b"avih", 24), (b"strh", 40)):
        place = content.index(name) + at
        content[place : place + 4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(content)
    tracemalloc.start()
    clip = open_clip(path)
    assert [make.number_of(frame) for frame in clip] == [0, 1, 2, 3, 4, 5]
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
