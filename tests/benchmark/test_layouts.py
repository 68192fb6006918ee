"""Tiny data sets in each layout: what is read, what counts, what is refused, and the way between layouts."""

import json
import zipfile
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos.benchmark.convert import convert
from vos.benchmark.layouts import Davis, Tianchi, YoutubeVos
from vos.benchmark.predictions import Predictions, write_zip
from vos.commands import convert as command
from vos.errors import InvalidInput
from vos.labels import PALETTE, read_labels
from vos.types import object_ids
from vos.video.masks import write_png

SIZE_HW = (24, 40)


def box(label, left, size_hw=SIZE_HW):
    mask = np.zeros(size_hw, np.uint8)
    mask[6:18, left : left + 10] = label
    return mask


def two(frame):
    """Objects 1 and 2, moving apart."""
    return box(1, 4 + frame) | box(2, 26 - frame)


def write_video(images, annotations, masks, size_hw=SIZE_HW):
    """`masks` is one label map a frame, or None for a frame without ground truth."""
    images.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for index, mask in enumerate(masks):
        Image.fromarray(np.full((*size_hw, 3), 90, np.uint8)).save(images / f"{index:05d}.jpg")
        if mask is not None:
            write_png(annotations / f"{index:05d}.png", mask)


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def davis(root, year=2017, masks=None, name="goat"):
    masks = [two(i) for i in range(5)] if masks is None else masks
    write_video(root / "JPEGImages/480p" / name, root / "Annotations/480p" / name, masks)
    write_text(root / f"ImageSets/{year}/val.txt", f"{name}\n")
    return Davis(root, year)


def youtube(root):
    """Six frames; object 1 starts on frame 0, object 2 on frame 2; frames 0, 2, 4 have ground truth."""
    folder = root / "valid"
    masks = [box(1, 4), None, two(2), None, two(4), None]
    write_video(folder / "JPEGImages/v1", folder / "Annotations/v1", masks)
    objects = {
        "1": {"category": "dog", "frames": ["00000", "00002", "00004"]},
        "2": {"category": "zebra", "frames": ["00002", "00004"]},
    }
    write_text(folder / "meta.json", json.dumps({"videos": {"v1": {"objects": objects}}}))
    return YoutubeVos(root)


def tianchi(root):
    write_video(root / "JPEGImages/606", root / "Annotations/606", [two(i) for i in range(4)])
    write_text(root / "ImageSets/val.txt", "606\n")
    return Tianchi(root)


def test_davis_2017_counts_the_objects_of_the_first_frame_without_the_ends(tmp_path):
    dataset = davis(tmp_path)
    assert dataset.names() == ("goat",)
    video = dataset.video("goat")
    assert video.frames == ("00000", "00001", "00002", "00003", "00004")
    assert video.scored == {1: ("00001", "00002", "00003"), 2: ("00001", "00002", "00003")}
    (prompt,) = video.prompts()
    assert prompt.frame == 0
    np.testing.assert_array_equal(prompt.mask, two(0))


def test_davis_2016_takes_all_objects_as_one_whatever_the_labels(tmp_path):
    video = davis(tmp_path, 2016, [np.where(two(i), 255, 0).astype(np.uint8) for i in range(4)]).video("goat")
    assert tuple(video.scored) == (1,)
    np.testing.assert_array_equal(video.truth("00001"), two(1) > 0)


def test_davis_2016_reads_colour_pictures_too(tmp_path):
    Image.fromarray(np.dstack([two(0) * 60] * 3)).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png").mask > 0, two(0) > 0)


def test_davis_2016_says_on_which_sequences_t_counts(tmp_path):
    assert not davis(tmp_path / "a", 2016).video("goat").steady
    assert davis(tmp_path / "b", 2016, name="blackswan").video("blackswan").steady


def test_davis_2017_keeps_void(tmp_path):
    mask = box(1, 4)
    mask[0] = 255
    video = davis(tmp_path, masks=[mask] * 3).video("goat")
    assert (video.truth("00001")[0] == 255).all()
    assert tuple(video.starts) == (1,)


def test_a_davis_test_split_has_the_first_mask_and_nothing_that_counts(tmp_path):
    video = davis(tmp_path, masks=[two(0), None, None]).video("goat")
    assert video.annotated == ("00000",)
    assert video.scored == {1: (), 2: ()}


def test_youtube_objects_start_where_meta_says_and_count_from_then_on(tmp_path):
    video = youtube(tmp_path).video("v1")
    assert video.annotated == ("00000", "00002", "00004")
    assert video.starts == {1: "00000", 2: "00002"}
    assert video.scored == {1: ("00002", "00004"), 2: ("00004",)}
    assert video.categories == {1: "dog", 2: "zebra"}
    first, second = video.prompts()
    assert (first.frame, first.objects) == (0, (1,))
    assert (second.frame, second.objects) == (2, (2,))


def test_a_youtube_split_with_nothing_but_given_masks_has_nothing_that_counts(tmp_path):
    dataset = youtube(tmp_path)
    (tmp_path / "valid/Annotations/v1/00004.png").unlink()
    assert dataset.video("v1").scored == {1: (), 2: ()}


def test_a_missing_ground_truth_of_youtube_is_named(tmp_path):
    dataset = youtube(tmp_path)
    (tmp_path / "valid/Annotations/v1/00002.png").unlink()
    with pytest.raises(InvalidInput, match=r"00002\.png is missing, which meta\.json lists"):
        dataset.video("v1")


def test_tianchi_is_scored_like_davis(tmp_path):
    dataset = tianchi(tmp_path)
    assert dataset.names() == ("606",)
    assert dataset.video("606").scored == {1: ("00001", "00002"), 2: ("00001", "00002")}


def test_sequences_are_listed_without_reading_a_picture(tmp_path):
    write_text(tmp_path / "ImageSets/2017/val.txt", "bear\n\nboat \n")
    assert Davis(tmp_path, 2017).names() == ("bear", "boat")


def test_the_first_package_of_davis_2016_lists_frames(tmp_path):
    frames = [f"{name}/{index:05d}" for name in ("goat", "bear") for index in range(3)]
    lines = [f"/JPEGImages/480p/{frame}.jpg /Annotations/480p/{frame}.png \n" for frame in frames]
    write_text(tmp_path / "ImageSets/480p/val.txt", "".join([*lines, "boat\n"]))
    assert Davis(tmp_path, 2016).names() == ("goat", "bear", "boat")
    with pytest.raises(InvalidInput, match=r"2017/val\.txt is missing"):
        Davis(tmp_path, 2017).names()
    write_text(tmp_path / "ImageSets/2016/val.txt", "bear\n")
    assert Davis(tmp_path, 2016).names() == ("bear",)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "ImageSets/2017/val.txt").unlink(), r"val\.txt is missing"),
        (lambda root: write_text(root / "ImageSets/2017/val.txt", "\n"), "lists no sequence"),
        (lambda root: write_text(root / "ImageSets/2017/val.txt", "../x"), r"lists '\.\./x'"),
        (lambda root: (root / "JPEGImages/480p/goat").rename(root / "away"), r"folder .*goat is missing"),
        (lambda root: (root / "Annotations/480p/goat/00002.png").unlink(), r"00002\.png is missing: 4 of 5"),
        (lambda root: (root / "JPEGImages/480p/goat/00002.jpg").unlink(), r"has no picture .*00002\.jpg"),
        (lambda root: write_png(root / "Annotations/480p/goat/00000.png", box(0, 0)), "marks no object"),
    ],
)
def test_what_is_missing_is_named(tmp_path, break_it, message):
    dataset = davis(tmp_path)
    break_it(tmp_path)
    with pytest.raises(InvalidInput, match=message):
        [dataset.video(name) for name in dataset.names()]


def test_a_ground_truth_of_another_size_is_refused(tmp_path):
    video = davis(tmp_path).video("goat")
    write_png(video.annotations / "00001.png", box(1, 4, (12, 20)))
    with pytest.raises(InvalidInput, match=r"00001\.png is 20x12; the frame is 40x24"):
        video.truth("00001")


@pytest.mark.parametrize("cut", [0, 40])
def test_an_unreadable_ground_truth_is_refused(tmp_path, cut):
    video = davis(tmp_path).video("goat")
    path = video.annotations / "00001.png"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InvalidInput, match=r"00001\.png is not a picture that can be read"):
        video.truth("00001")


def test_a_ground_truth_in_the_colours_of_davis_is_the_one_in_its_palette(tmp_path):
    video = davis(tmp_path).video("goat")
    Image.fromarray(PALETTE[two(1)]).save(video.annotations / "00001.png")
    np.testing.assert_array_equal(video.truth("00001"), two(1))


def test_a_frame_of_void_alone_has_no_object_where_the_first_frame_has_ids(tmp_path):
    void = box(255, 4)
    video = davis(tmp_path, masks=[two(0), void, two(2)]).video("goat")
    np.testing.assert_array_equal(video.truth("00001"), void)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/a", "a\\b", "C:a", "a\tb"])
def test_a_sequence_name_that_is_no_plain_folder_name_is_refused(tmp_path, name):
    dataset = davis(tmp_path)
    write_text(tmp_path / "ImageSets/2017/val.txt", f"{name}\n")
    with pytest.raises(InvalidInput, match="names of folders are allowed"):
        dataset.names()


@pytest.mark.parametrize(
    "colours", [[(0, 0, 0), (250, 30, 30), (0, 200, 90)], [(0, 0, 0), (0, 0, 255), (255, 255, 0)]]
)
def test_predictions_in_any_colours_are_those_in_the_palette(tmp_path, colours):
    masks = [two(0), two(1), np.where(two(2) == 1, 1, 0), two(3) * (two(3) == 2), two(4)]
    video = davis(tmp_path / "data", masks=[two(i) for i in range(5)]).video("goat")
    (tmp_path / "masks/goat").mkdir(parents=True)
    for frame, mask in zip(video.frames, masks, strict=True):
        Image.fromarray(np.array(colours, np.uint8)[mask]).save(tmp_path / f"masks/goat/{frame}.png")
    for frame, mask in reversed(list(zip(video.frames, masks, strict=True))):
        np.testing.assert_array_equal(Predictions(tmp_path / "masks").mask(video, frame), mask)


@pytest.mark.parametrize("text", ["", "[]", '{"videos": {"v1": {}}}', '{"videos": [1]}'])
def test_a_damaged_meta_json_is_told(tmp_path, text):
    dataset = youtube(tmp_path)
    write_text(tmp_path / "valid/meta.json", text)
    with pytest.raises(InvalidInput, match="does not list videos and their objects"):
        dataset.names()


def test_an_object_without_frames_in_meta_json_is_told(tmp_path):
    dataset = youtube(tmp_path)
    write_text(tmp_path / "valid/meta.json", '{"videos": {"v1": {"objects": {"1": {"category": "dog"}}}}}')
    with pytest.raises(InvalidInput, match="does not list the frames of each object of v1"):
        dataset.video("v1")


def test_an_object_that_is_not_marked_where_it_starts_is_told(tmp_path):
    video = youtube(tmp_path).video("v1")
    write_png(video.annotations / "00002.png", box(1, 4))
    with pytest.raises(InvalidInput, match="v1: object 2 starts on frame 00002, but is not marked there"):
        video.prompts()


@pytest.mark.parametrize("make", [Davis, Tianchi, YoutubeVos])
def test_converting_keeps_annotated_frames_and_masks(tmp_path, make):
    source = youtube(tmp_path / "from")
    target = make(tmp_path / "to", 2017) if make is Davis else make(tmp_path / "to")
    assert list(convert(source, target)) == [("v1", 1)]
    assert target.names() == ("v1",)
    video = target.video("v1")
    assert video.frames == video.annotated == ("00000", "00002", "00004")
    for frame in video.frames:
        np.testing.assert_array_equal(video.truth(frame), source.video("v1").truth(frame))
        assert video.image(frame).read_bytes() == source.video("v1").image(frame).read_bytes()


def test_converting_to_youtube_and_back_keeps_what_counts(tmp_path):
    source = davis(tmp_path / "a")
    list(convert(source, YoutubeVos(tmp_path / "b")))
    there = YoutubeVos(tmp_path / "b").video("goat")
    assert there.starts == {1: "00000", 2: "00000"}
    list(convert(YoutubeVos(tmp_path / "b"), Davis(tmp_path / "c", 2017)))
    assert Davis(tmp_path / "c", 2017).video("goat").scored == source.video("goat").scored


def test_converting_into_a_folder_in_use_is_refused(tmp_path):
    list(convert(davis(tmp_path / "a"), Tianchi(tmp_path / "b")))
    with pytest.raises(InvalidInput, match="goat exists already"):
        list(convert(Davis(tmp_path / "a", 2017), Tianchi(tmp_path / "b")))


def test_converting_to_youtube_may_keep_every_nth_mask_and_name_categories(tmp_path):
    source = davis(tmp_path / "a")
    list(convert(source, YoutubeVos(tmp_path / "b"), every=2, categories={"goat": "animal"}))
    video, frames = YoutubeVos(tmp_path / "b").video("goat"), source.video("goat").frames
    assert video.frames == frames
    assert video.annotated == frames[::2]
    assert video.scored[1] == frames[2::2]
    assert video.categories == {1: "animal", 2: "animal"}


def test_layouts_that_have_every_mask_are_not_made_with_fewer(tmp_path):
    with pytest.raises(InvalidInput, match="every 5th mask is asked for"):
        list(convert(davis(tmp_path / "a"), Tianchi(tmp_path / "b"), every=5))


def test_a_sequence_without_a_category_is_told(tmp_path):
    with pytest.raises(InvalidInput, match="the categories lack the sequence goat"):
        list(convert(davis(tmp_path / "a"), YoutubeVos(tmp_path / "b"), categories={"cow": "animal"}))


def test_the_seen_categories_of_davis_are_those_of_its_training_sequences():
    docs = Path(__file__).parents[2] / "docs"
    categories = json.loads((docs / "davis2016-categories.json").read_text())
    names = list(categories)  # the thirty of train, then the twenty of val, each alphabetically
    assert len(names) == 50
    assert names[:30] == sorted(names[:30])
    assert names[30:] == sorted(names[30:])
    seen = set((docs / "davis2016-seen.txt").read_text().split("\n")) - {""}
    assert seen == {categories[name] for name in names[:30]}
    assert {categories[name] for name in names[30:]} - seen == {"camel", "cow", "goat", "soapbox", "swan"}


def test_the_command_takes_categories_from_a_file(tmp_path):
    davis(tmp_path / "from")
    (tmp_path / "categories.json").write_text('{"goat": "animal"}')
    parser = ArgumentParser()
    command.arguments(parser)
    words = [
        "davis",
        str(tmp_path / "from"),
        "youtubevos",
        str(tmp_path / "to"),
        "--every",
        "3",
        "--split",
        "val",
    ]
    command.run(parser.parse_args([*words, "--categories", str(tmp_path / "categories.json")]))
    assert YoutubeVos(tmp_path / "to", "val").video("goat").categories[1] == "animal"
    (tmp_path / "categories.json").write_text("goat")
    with pytest.raises(InvalidInput, match="is not JSON like"):
        command.run(parser.parse_args([*words, "--categories", str(tmp_path / "categories.json")]))


def test_a_conversion_cut_short_lists_nothing(tmp_path):
    source = davis(tmp_path / "a")
    (tmp_path / "a/Annotations/480p/goat/00003.png").write_bytes(b"")
    with pytest.raises(InvalidInput):
        list(convert(source, Tianchi(tmp_path / "b")))
    assert not (tmp_path / "b/ImageSets").exists()


def test_a_submission_is_a_zip_of_palette_pngs_at_the_original_size(tmp_path):
    video = youtube(tmp_path).video("v1")
    for frame in video.frames:
        (tmp_path / "masks/v1").mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / f"masks/v1/{frame}.png", two(0))
    write_zip(tmp_path / "out.zip", Predictions(tmp_path / "masks"), [video], "Annotations/")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == [f"Annotations/v1/{i:05d}.png" for i in range(6)]
        with archive.open("Annotations/v1/00003.png") as file, Image.open(file) as image:
            assert (image.mode, image.size) == ("P", (40, 24))
            assert image.getpalette()[3:6] == [128, 0, 0]
            np.testing.assert_array_equal(np.asarray(image), two(0))


def test_a_submission_with_a_missing_mask_is_refused_and_leaves_no_file(tmp_path):
    video = tianchi(tmp_path).video("606")
    (video.annotations / "00003.png").unlink()
    with pytest.raises(InvalidInput, match=r"00003\.png is missing"):
        write_zip(tmp_path / "out.zip", Predictions(tmp_path), [video])
    assert not list(tmp_path.glob("*out.zip*"))


def test_predictions_are_found_below_annotations_too(tmp_path):
    dataset = davis(tmp_path)
    video = dataset.video("goat")
    np.testing.assert_array_equal(Predictions(tmp_path).mask(video, "00002"), two(2))


def test_a_missing_prediction_is_empty_and_a_missing_folder_an_error(tmp_path):
    video = davis(tmp_path).video("goat")
    (tmp_path / "masks/goat").mkdir(parents=True)
    assert object_ids(Predictions(tmp_path / "masks").mask(video, "00002")) == ()
    with pytest.raises(InvalidInput, match="has no folder of masks called goat"):
        Predictions(tmp_path / "nothing").mask(video, "00002")


def test_a_prediction_of_another_size_or_with_an_unknown_object_is_refused(tmp_path):
    video = davis(tmp_path).video("goat")
    (tmp_path / "masks/goat").mkdir(parents=True)
    write_png(tmp_path / "masks/goat/00001.png", box(1, 4, (12, 20)))
    write_png(tmp_path / "masks/goat/00002.png", box(3, 4))
    predictions = Predictions(tmp_path / "masks")
    with pytest.raises(InvalidInput, match="is 20x12; the frame is 40x24"):
        predictions.mask(video, "00001")
    with pytest.raises(InvalidInput, match="marks object 3; the objects of goat are 1, 2"):
        predictions.mask(video, "00002")


def test_the_command_converts_and_tells_what_is_not_scored_there(tmp_path, capsys):
    youtube(tmp_path / "from")
    parser = ArgumentParser()
    command.arguments(parser)
    words = ["youtubevos", str(tmp_path / "from"), "davis", str(tmp_path / "to"), "--split", "valid"]
    assert command.run(parser.parse_args(words)) == 0
    assert capsys.readouterr().out == "v1: 1 objects start later and are not scored there\n"
    assert Davis(tmp_path / "to", 2017, "valid").names() == ("v1",)
