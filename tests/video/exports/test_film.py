"""Exports for film, by the pixels of the files they write."""

import zipfile
from fractions import Fraction

import av
import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from tests.video.exports.scene import (
    COUNT,
    HEIGHT,
    WIDTH,
    frame_of,
    labels_of,
    pictures,
    run,
    scene,
    write_alpha,
)
from tests.video.make import click, heard, write_clip
from vos.errors import DamagedResult, InvalidInput
from vos.types import VideoInfo
from vos.video.exports import (
    background,
    exr,
    matte_png,
    overlay,
    prores,
    removed,
    rgba_png,
    side_by_side,
    trajectory,
    webm,
)
from vos.video.exports._cut import Cut

TIMES = [0, 3000, 9000, 12_000, 21_000]  # 1/90000 s: a variable rate


def decoded(path, codec=None):
    """Return a film's frames as (seconds, RGBA) as the decoder of this name sees them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create(codec, "r") if codec else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        matrix = av.video.reformatter.Colorspace.ITU709
        return [
            (
                float(frame.pts * stream.time_base),
                frame.reformat(format="rgba", src_colorspace=matrix).to_ndarray(),
            )
            for frame in frames
        ]


def noisy_clip(path, **more):
    """A clip with sound, at TIMES, of the scene's frames padded to an even size."""
    frames = [np.pad(frame_of(i), ((0, 1), (0, 1), (0, 0)), mode="edge") for i in range(COUNT)]
    return write_clip(
        path, frames=frames, times=TIMES, time_base=Fraction(1, 90_000), sound=click(0.1, 0.3), **more
    )


@pytest.mark.parametrize(("bits", "full"), [(8, 255), (16, 65535)])
def test_a_hard_matte_is_white_exactly_where_objects_are(tmp_path, bits, full):
    with scene(tmp_path) as source:
        path, steps = run(matte_png, source, tmp_path / "m.zip", bits=bits, edges="hard")
    found = pictures(path)
    assert list(found) == [f"{i:05d}.png" for i in range(COUNT)]
    for index, matte in enumerate(found.values()):
        assert matte.dtype == (np.uint8 if bits == 8 else np.uint16)
        np.testing.assert_array_equal(matte, (labels_of(index) > 0) * full)
    assert [(step.done, step.total) for step in steps] == [(i + 1, COUNT) for i in range(COUNT)]


def test_split_mattes_have_a_folder_for_each_object_and_objects_can_be_left_out(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(matte_png, source, tmp_path / "m.zip", split=True, edges="hard", every=4)
        assert list(pictures(path)) == [
            f"{folder}/{index:05d}.png" for index in (0, 4) for folder in ("1_Ball__red", "2_Rahmen__ß")
        ]
        np.testing.assert_array_equal(pictures(path)["2_Rahmen__ß/00004.png"], (labels_of(4) == 2) * 255)
        path, _ = run(matte_png, source, tmp_path / "m.zip", objects="1", edges="hard")
        np.testing.assert_array_equal(pictures(path)["00001.png"], (labels_of(1) == 1) * 255)
        with pytest.raises(InvalidInput, match="objects names '7'; the result has: 1, 2"):
            run(matte_png, source, tmp_path / "m.zip", objects="7")


def test_a_soft_edge_finds_the_edge_in_the_picture_that_a_hard_mask_misses(tmp_path):
    """A mask of blocks of 4 px comes four times as near to the disc's true coverage; exact far from it."""
    big = np.zeros((800, 800), np.uint8)
    cv2.circle(big, (400, 400), 250, 255, -1)
    true = cv2.resize(big, (100, 100), interpolation=cv2.INTER_AREA) / np.float32(255)
    blocks = (cv2.resize(true, (25, 25), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    blocks = cv2.resize(blocks, (100, 100), interpolation=cv2.INTER_NEAREST)
    noise = np.random.default_rng(1).normal(0, 3, (100, 100, 3))
    (tmp_path / "clip").mkdir()
    picture = np.clip(40 + 150 * true[..., None] + noise, 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "clip" / "0.png")
    with scene(tmp_path, count=1, mask=lambda _: blocks, clip=tmp_path / "clip", names={1: "disc"}) as source:
        path, _ = run(matte_png, source, tmp_path / "m.zip", bits=16, edge_px=6)
    soft = pictures(path)["00000.png"] / 65535
    assert np.abs(soft - true).sum() < 0.25 * np.abs(blocks - true).sum()
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    assert (soft[cv2.erode(blocks, disc) > 0] == 1).all()
    assert (soft[cv2.dilate(blocks, disc) == 0] == 0).all()


def test_the_engine_s_own_soft_masks_are_taken_where_the_result_has_them(tmp_path):
    ramp = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    alpha = write_alpha(tmp_path / "alpha", {(0, 1): ramp, (0, 2): 255 - ramp, (1, 1): ramp})
    with scene(tmp_path, alpha=alpha) as source:
        path, _ = run(matte_png, source, tmp_path / "m.zip", objects="1")
        np.testing.assert_array_equal(pictures(path)["00000.png"], ramp)
        assert not pictures(path)["00002.png"].any()  # no file: the object is not there
        path, _ = run(matte_png, source, tmp_path / "m.zip")
        assert (pictures(path)["00000.png"] >= 254).all()  # together they cover everything
        path, _ = run(matte_png, source, tmp_path / "m.zip", edges="hard")
        np.testing.assert_array_equal(pictures(path)["00000.png"], (labels_of(0) > 0) * 255)


def test_straight_alpha_has_the_object_s_own_colour_and_nothing_of_the_background(tmp_path):
    """Half-covered pixels: a blend of red and blue in the picture, red in the export."""
    share = np.clip((np.arange(WIDTH) - 20) / 8, 0, 1)
    red, blue = np.array([200, 40, 30]), np.array([40, 80, 120])
    row = np.rint(share[:, None] * red + (1 - share[:, None]) * blue).astype(np.uint8)
    picture = np.tile(row, (HEIGHT, 1, 1))
    (tmp_path / "clip").mkdir()
    Image.fromarray(picture).save(tmp_path / "clip" / "0.png")
    alpha = write_alpha(
        tmp_path / "alpha", {(0, 1): np.tile(np.rint(share * 255).astype(np.uint8), (HEIGHT, 1))}
    )
    with scene(
        tmp_path, count=1, mask=lambda _: (picture[..., 0] > 120).astype(np.uint8), clip=tmp_path / "clip",
        names={1: "red"}, alpha=alpha,
    ) as source:  # fmt: skip
        path, _ = run(rgba_png, source, tmp_path / "m.zip", edge_px=8)
    rgba = pictures(path)["00000.png"].astype(int)
    np.testing.assert_allclose(rgba[5, :, 3], share * 255, atol=1)
    covered = rgba[5, :, 3] > 60
    assert np.abs(rgba[5, covered, :3] - red).max() <= 25
    assert np.abs(picture[5, covered].astype(int) - red).max() > 90  # the picture itself is far off
    assert not rgba[5, :10].any()  # far away: black and transparent


def test_hard_rgba_has_the_frame_s_pixels_inside_and_alpha_0_outside(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(rgba_png, source, tmp_path / "m.zip", edges="hard")
    for index, rgba in enumerate(pictures(path).values()):
        inside = labels_of(index) > 0
        np.testing.assert_array_equal(rgba[..., 3], inside * 255)
        np.testing.assert_array_equal(rgba[inside, :3], frame_of(index)[inside])
    assert index == COUNT - 1


@pytest.mark.parametrize(("export", "codec", "off"), [(prores, None, 4), (webm, "libvpx-vp9", 60)])
def test_films_with_alpha_keep_size_times_sound_alpha_and_colour(tmp_path, export, codec, off):
    clip = noisy_clip(tmp_path / "c.mp4")
    with scene(
        tmp_path, clip=clip, info=VideoInfo("mp4", "h264", WIDTH, HEIGHT, Fraction(24), COUNT, 0.3)
    ) as s:
        path, _ = run(export, s, tmp_path / f"x{export.SUFFIX}", edges="hard")
    frames = decoded(path, codec)
    assert [round(time, 3) for time, _ in frames] == [round(ticks / 90_000, 3) for ticks in TIMES]
    for index, (_, rgba) in enumerate(frames):
        assert rgba.shape == (HEIGHT, WIDTH, 4)
        inside = (labels_of(index) > 0).astype(np.uint8)
        deep, far = cv2.erode(inside, np.ones((5, 5))) > 0, cv2.dilate(inside, np.ones((5, 5))) == 0
        assert (rgba[deep, 3] > 235).all()
        assert (rgba[far, 3] < 20).all()
        if deep.any():
            assert np.abs(rgba[deep, :3].astype(int) - frame_of(index)[deep]).mean() < off
    assert not (frames[3][1][..., 3] > 20).any()  # the frame without objects is clear
    sound, _ = heard(path)
    assert np.abs(sound).max() > 0.3


def test_prores_says_that_it_is_4444_with_alpha(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(prores, source, tmp_path / "x.mov")
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == "prores"
        assert stream.codec_context.codec_tag == "ap4h"
        assert stream.codec_context.pix_fmt.startswith("yuva444p")
        assert stream.codec_context.colorspace == 1  # BT.709


def test_webm_without_sound_has_one_stream_and_says_that_it_has_alpha(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(webm, source, tmp_path / "x.webm")
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert stream.metadata["alpha_mode"] == "1"


def inside_and_outside(index):
    inside = (labels_of(index) > 0).astype(np.uint8)
    return cv2.erode(inside, np.ones((7, 7))) > 0, cv2.dilate(inside, np.ones((9, 9))) == 0


def near(pixels, colour, most):
    return np.abs(pixels.astype(int) - np.asarray(colour)).mean() < most


def test_the_green_screen_is_green_outside_and_the_picture_inside(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(background, source, tmp_path / "x.mp4", edges="hard")
    frames = decoded(path)
    assert len(frames) == COUNT
    for index, (_, rgb) in enumerate(frames):
        inside, outside = inside_and_outside(index)
        rgb = rgb[:HEIGHT, :WIDTH, :3]
        assert near(rgb[outside], (0, 255, 0), 6)
        if inside.any():
            assert near(rgb[inside], frame_of(index)[inside], 12)


def test_a_grey_background_has_no_colour_and_the_object_keeps_its_own(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(background, source, tmp_path / "x.mp4", behind="grey", edges="hard")
    inside, outside = inside_and_outside(0)
    rgb = decoded(path)[0][1][:HEIGHT, :WIDTH, :3].astype(int)
    assert np.ptp(rgb[outside], axis=1).mean() < 6
    assert abs(rgb[outside].mean() - (0.299 * 40 + 0.587 * 80 + 0.114 * 120)) < 5
    assert near(rgb[inside], frame_of(0)[inside], 12)


def test_a_blurred_background_has_nothing_of_the_objects_in_it(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(background, source, tmp_path / "x.mp4", behind="blur", blur=20, edges="hard")
    _, outside = inside_and_outside(0)
    rgb = decoded(path)[0][1][:HEIGHT, :WIDTH, :3]
    assert near(rgb[outside], (40, 80, 120), 5)  # the ground is flat: with objects in it it would be redder


def test_a_picture_behind_fills_the_frame(tmp_path):
    wide = np.zeros((100, 400, 3), np.uint8)
    wide[:, :200], wide[:, 200:] = (250, 250, 0), (0, 0, 250)
    Image.fromarray(wide).save(tmp_path / "back.png")
    with scene(tmp_path) as source:
        path, _ = run(
            background, source, tmp_path / "x.mp4", behind="picture", picture=str(tmp_path / "back.png")
        )
        rgb = decoded(path)[3][1][:HEIGHT, :WIDTH, :3]
        assert near(rgb[:, : WIDTH // 2 - 6], (250, 250, 0), 6)
        assert near(rgb[:, WIDTH // 2 + 6 :], (0, 0, 250), 6)
        (tmp_path / "bad.png").write_bytes(b"no picture")
        with pytest.raises(InvalidInput, match=r"bad.png is not a picture that can be read"):
            run(background, source, tmp_path / "y.mp4", behind="picture", picture=str(tmp_path / "bad.png"))


def test_wrong_options_are_one_sentence():
    with pytest.raises(InvalidInput, match=r"colour is 'red'; a colour such as #00ff00 is needed"):
        background.Options(colour="red")
    with pytest.raises(InvalidInput, match=r"behind is 'picture', and no picture is given"):
        background.Options(behind="picture")
    with pytest.raises(InvalidInput, match="bits is 12; allowed are: 8, 16"):
        matte_png.Options(bits=12)
    with pytest.raises(InvalidInput, match="colours has 'x'"):
        overlay.Options(colours="x")


def test_removed_objects_are_grey_and_the_rest_is_untouched(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(removed, source, tmp_path / "x.mp4", objects="1")
    rgb = decoded(path)[0][1][:HEIGHT, :WIDTH, :3]
    ball = cv2.erode((labels_of(0) == 1).astype(np.uint8), np.ones((5, 5))) > 0
    other = cv2.erode((labels_of(0) == 2).astype(np.uint8), np.ones((3, 3))) > 0
    assert near(rgb[ball], (128, 128, 128), 4)
    assert near(rgb[other], (30, 60, 220), 20)


def test_side_by_side_is_twice_as_wide_with_the_clip_on_the_left(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(side_by_side, source, tmp_path / "x.mp4", right="masks")
    rgb = decoded(path)[0][1][..., :3]
    assert rgb.shape == (HEIGHT + 1, 2 * WIDTH, 3)
    _, outside = inside_and_outside(0)
    assert near(rgb[:HEIGHT, :WIDTH][outside], (40, 80, 120), 6)
    assert near(rgb[:HEIGHT, WIDTH : 2 * WIDTH][outside], (18, 20, 26), 6)


def test_an_overlay_has_the_chosen_colours_at_the_chosen_opacity_and_names(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(
            overlay, source, tmp_path / "x.mp4", opacity=1.0, outline=False, colours="1=#ffffff,2=#00ff00"
        )
        plain = decoded(path)
        bare, named = (
            decoded(run(overlay, source, tmp_path / "y.mp4", opacity=0.0, outline=False, labels=labels)[0])
            for labels in (False, True)
        )
    ball = cv2.erode((labels_of(0) == 1).astype(np.uint8), np.ones((5, 5))) > 0
    assert near(plain[0][1][:HEIGHT, :WIDTH, :3][ball], (255, 255, 255), 6)
    changed = np.abs(named[0][1][..., :3].astype(int) - bare[0][1][..., :3]).max(2) > 60
    assert changed.sum() > 100  # the signs
    assert np.flatnonzero(changed.any(1)).max() < 25  # above the objects, whose boxes begin at rows 16 and 5
    assert np.abs(named[3][1].astype(int) - bare[3][1]).mean() < 4  # no object, no sign


def test_exr_has_one_float_layer_for_each_object(tmp_path):
    with scene(tmp_path, names={1: "Ball, red", 2: "Ball? red"}) as source:
        path, _ = run(exr, source, tmp_path / "x.zip", picture=True, every=3)
        soft = [Cut(source, exr.Options()).alpha(shot, 1) for shot in source.shots(3)]
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["00000.exr", "00003.exr"]
        (tmp_path / "f.exr").write_bytes(archive.read("00000.exr"))
    with OpenEXR.File(str(tmp_path / "f.exr"), separate_channels=True) as file:
        channels = {name: channel.pixels for name, channel in file.channels().items()}
    assert set(channels) == {"Ball__red.A", "Ball__red_2.A", "R", "G", "B"}
    assert channels["Ball__red.A"].dtype == np.float32
    np.testing.assert_array_equal(channels["Ball__red.A"], soft[0])
    np.testing.assert_allclose(channels["R"][0, -1], ((40 / 255 + 0.055) / 1.055) ** 2.4, rtol=1e-5)


def test_a_clip_that_is_shorter_than_its_masks_is_an_error_and_leaves_no_file(tmp_path):
    (tmp_path / "out").mkdir()
    clip = write_clip(tmp_path / "c.mp4", frames=[np.pad(frame_of(0), ((0, 1), (0, 1), (0, 0)))] * 2)
    with scene(tmp_path, clip=clip) as source:
        for export in (rgba_png, trajectory):
            with pytest.raises(DamagedResult, match="has 2 frames and 5 masks"):
                run(export, source, tmp_path / "out" / "m.zip")
    assert not list((tmp_path / "out").iterdir())


def test_a_film_that_is_closed_half_way_leaves_nothing(tmp_path):
    with scene(tmp_path) as source:
        steps = prores.export(source, prores.Options(), tmp_path / "x.mov")
        next(steps)
        steps.close()
    assert not (tmp_path / "x.mov").exists()
    assert not list(tmp_path.glob("*.part"))
