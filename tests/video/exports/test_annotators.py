"""Exports for annotators and training, opened by the tools they are for or by the rules of their formats."""

import json
import zipfile
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.video.exports.scene import (
    COUNT,
    HEIGHT,
    NAMES,
    WIDTH,
    decode,
    frame_of,
    labels_of,
    pictures,
    run,
    scene,
)
from vos.video.exports import _shapes, coco, cvat, frames, labelme, mots_png, mots_txt, yolo, youtube_vis


def rasterised(*rings):
    """Fill rings (N, 2) as COCO does: a pixel belongs to them if its middle is inside."""
    runs = coco_mask.frPyObjects([ring.ravel().tolist() for ring in rings], HEIGHT, WIDTH)
    return coco_mask.decode(coco_mask.merge(runs))


def blobs(seed):
    """Parts that touch at corners, holes, holes in parts in holes, pixels at the border."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 0.5 + seed / 3) > 0


def test_coco_run_lengths_decode_to_the_same_masks_bit_for_bit(tmp_path):
    with scene(tmp_path) as source:
        path, steps = run(coco, source, tmp_path / "c.json")
    tool = COCO(str(path))
    assert {c["id"]: c["name"] for c in tool.loadCats(tool.getCatIds())} == NAMES
    assert [image["file_name"] for image in tool.loadImgs(tool.getImgIds())] == [
        f"{i:05d}.jpg" for i in range(COUNT)
    ]
    for index in range(COUNT):
        found = np.zeros((HEIGHT, WIDTH), np.uint8)
        for annotation in tool.loadAnns(tool.getAnnIds(imgIds=index + 1)):
            mask = tool.annToMask(annotation)
            found[mask > 0] = annotation["track_id"]
            assert annotation["area"] == mask.sum() == coco_mask.area(annotation["segmentation"])
            assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()
        np.testing.assert_array_equal(found, labels_of(index))
    assert len(tool.anns) == 3 + 4
    assert len(steps) == COUNT


def test_coco_polygons_without_tolerance_fill_exactly_the_mask_holes_and_parts_too(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(coco, source, tmp_path / "c.json", shape="polygon", tolerance=0, every=2)
        tool = COCO(str(path))
        for index in (0, 2, 4):
            for annotation in tool.loadAnns(tool.getAnnIds(imgIds=index + 1)):
                np.testing.assert_array_equal(
                    tool.annToMask(annotation) > 0, labels_of(index) == annotation["track_id"]
                )
        assert len(tool.anns) == 5
        loose, _ = run(coco, source, tmp_path / "d.json", shape="polygon", tolerance=1)
    assert loose.stat().st_size < path.stat().st_size


@pytest.mark.parametrize("seed", range(6))
def test_rings_along_pixel_edges_enclose_exactly_the_pixels(seed):
    inside = blobs(seed)
    np.testing.assert_array_equal(rasterised(*_shapes.polygons(inside, 0)), inside)
    np.testing.assert_array_equal(rasterised(_shapes.polygon(inside, 0)), inside)


def test_a_single_pixel_is_a_square_and_nothing_is_nothing():
    inside = np.zeros((4, 5), bool)
    assert _shapes.polygon(inside, 0) is None
    inside[2, 3] = True
    for tolerance in (0, 5):
        (ring,) = _shapes.polygons(inside, tolerance)
        assert {tuple(corner) for corner in ring} == {(3, 2), (4, 2), (4, 3), (3, 3)}


def test_objects_of_the_same_name_are_one_class_under_the_lowest_id():
    names = {2: "fish", 5: "crab", 9: "fish"}
    assert _shapes.classes(names) == {2: "fish", 5: "crab"}
    assert [_shapes.class_of(names, i) for i in names] == [2, 5, 2]


def test_youtube_vis_has_one_list_an_object_with_null_where_it_is_not(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(youtube_vis, source, tmp_path / "v.json", video="clip", every=1)
    content = json.loads(path.read_text())
    (video,) = content["videos"]
    assert video["file_names"] == [f"clip/{i:05d}.jpg" for i in range(COUNT)]
    assert (video["length"], video["width"], video["height"]) == (COUNT, WIDTH, HEIGHT)
    assert {c["id"]: c["name"] for c in content["categories"]} == NAMES
    for annotation in content["annotations"]:
        assert annotation["video_id"] == video["id"]
        for index, runs in enumerate(annotation["segmentations"]):
            wanted = labels_of(index) == annotation["id"]
            assert (runs is None) == (not wanted.any())
            if runs:
                np.testing.assert_array_equal(coco_mask.decode(runs) > 0, wanted)
                assert annotation["areas"][index] == wanted.sum()
                assert annotation["bboxes"][index] == coco_mask.toBbox(runs).tolist()
    assert [a["id"] for a in content["annotations"]] == [1, 2]


def test_yolo_lines_fill_the_masks_and_name_the_classes(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(yolo, source, tmp_path / "y.zip", tolerance=0, pictures="png", every=3)
    with zipfile.ZipFile(path) as archive:
        assert 'names:\n  0: "Ball, red"\n  1: "Rahmen \\"ß\\""\n' in archive.read("data.yaml").decode()
        for index in (0, 3):
            np.testing.assert_array_equal(
                decode(archive.read(f"images/train/{index:05d}.png")), frame_of(index)
            )
            found = np.zeros((HEIGHT, WIDTH), np.uint8)
            for line in archive.read(f"labels/train/{index:05d}.txt").decode().splitlines():
                number, *points = line.split()
                ring = np.array(points, float).reshape(-1, 2)
                assert ((ring >= 0) & (ring <= 1)).all()
                found[rasterised(np.round(ring * (WIDTH, HEIGHT), 3)) > 0] = int(number) + 1
            np.testing.assert_array_equal(found, labels_of(index))
        assert len(archive.namelist()) == 5


def test_labelme_has_a_picture_and_polygons_by_group_a_frame(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(labelme, source, tmp_path / "l.zip", tolerance=0, every=2, pictures="png")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [f"{i:05d}.{s}" for i in (0, 2, 4) for s in ("json", "png")]
        for index in (0, 2, 4):
            page = json.loads(archive.read(f"{index:05d}.json"))
            assert page["imagePath"] == f"{index:05d}.png"
            assert (page["imageHeight"], page["imageWidth"]) == (HEIGHT, WIDTH)
            np.testing.assert_array_equal(decode(archive.read(page["imagePath"])), frame_of(index))
            for object_id, name in NAMES.items():
                shapes = [shape for shape in page["shapes"] if shape["group_id"] == object_id]
                wanted = labels_of(index) == object_id
                assert {shape["label"] for shape in shapes} == ({name} if wanted.any() else set())
                if shapes:
                    rings = [np.array(shape["points"]) for shape in shapes]
                    np.testing.assert_array_equal(rasterised(*rings), wanted)


def test_cvat_tracks_have_a_key_frame_each_frame_and_end_when_the_object_leaves(tmp_path):
    names = {1: 'a & "b" <c>\n', 2: "Rahmen \U0001f469\u200d\U0001f680"}
    with scene(tmp_path, names=names) as source:
        path, steps = run(cvat, source, tmp_path / "c.xml", tolerance=0)
    root = ElementTree.parse(path).getroot()
    assert root.findtext("version") == "1.1"
    assert [label.findtext("name") for label in root.iter("label")] == ['a & "b" <c> ', names[2]]
    for track in root.iter("track"):
        object_id = int(track.get("id"))
        assert track.get("label") == names[object_id].replace("\n", " ")
        seen = {}
        for shape in track.findall("polygon"):
            ring = np.array([point.split(",") for point in shape.get("points").split(";")], float)
            seen[int(shape.get("frame"))] = None if shape.get("outside") == "1" else ring
        for index in range(COUNT):
            wanted = labels_of(index) == object_id
            ring = seen.get(index, seen.get(index - 1))  # outside is said once and goes on
            if wanted.any():
                np.testing.assert_array_equal(rasterised(ring), wanted)
            else:
                assert ring is None
    assert steps[-1].done == steps[-1].total == 2 * COUNT


@pytest.mark.parametrize("class_id", [1, 2])
def test_mots_pngs_have_class_and_object_in_16_bits(tmp_path, class_id):
    with scene(tmp_path) as source:
        path, _ = run(mots_png, source, tmp_path / "m.zip", class_id=class_id)
    with zipfile.ZipFile(path) as archive:
        for index in range(COUNT):
            ids = decode(archive.read(f"instances/{index:05d}.png")).astype(int)
            labels = labels_of(index).astype(int)
            np.testing.assert_array_equal(ids, np.where(labels, labels + 1000 * class_id, 0))


def test_mots_lines_are_read_as_the_evaluation_reads_them(tmp_path):
    with scene(tmp_path) as source:
        path, _ = run(mots_txt, source, tmp_path / "m.txt", class_id=2)
    found = {index: np.zeros((HEIGHT, WIDTH), np.uint8) for index in range(COUNT)}
    for line in path.read_text().splitlines():  # as mots_tools, mots_common/io.py, load_txt
        frame, track, kind, height, width, runs = line.split(" ")
        mask = coco_mask.decode({"size": [int(height), int(width)], "counts": runs.encode()})
        assert int(kind) == 2 == int(track) // 1000
        found[int(frame)][mask > 0] = int(track) % 1000
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, labels_of(index))


def test_the_frames_are_exact_as_png_and_near_as_jpg(tmp_path):
    with scene(tmp_path) as source:
        exact = pictures(run(frames, source, tmp_path / "f.zip", pictures="png", every=2)[0])
        near = pictures(run(frames, source, tmp_path / "g.zip")[0])
    assert list(exact) == ["00000.png", "00002.png", "00004.png"]
    assert list(near) == [f"{i:05d}.jpg" for i in range(COUNT)]
    for index in (0, 2, 4):
        np.testing.assert_array_equal(exact[f"{index:05d}.png"], frame_of(index))
        assert np.abs(near[f"{index:05d}.jpg"].astype(int) - frame_of(index)).mean() < 3


@pytest.mark.parametrize("export", [coco, youtube_vis, yolo, labelme, cvat, mots_png, mots_txt, frames])
def test_one_frame_without_any_object_is_a_valid_file(tmp_path, export):
    with scene(tmp_path, count=1, mask=lambda _: np.zeros((HEIGHT, WIDTH), np.uint8), names={}) as source:
        path, steps = run(export, source, tmp_path / f"x{export.SUFFIX}")
    if path.suffix == ".json":
        assert json.loads(path.read_text())["annotations"] == []
    elif path.suffix == ".xml":
        assert not list(ElementTree.parse(path).getroot().iter("track"))
    elif path.suffix == ".zip":
        assert zipfile.ZipFile(path).testzip() is None
    assert steps[-1].done == steps[-1].total
