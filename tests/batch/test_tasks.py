"""Clips and masks belong together by name."""

import pytest

from vos.batch.tasks import find
from vos.errors import InvalidInput


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_clips_are_videos_zips_and_folders_of_images_and_masks_go_by_their_names(tmp_path):
    clips = make(
        tmp_path / "clips", "cat.mp4", "dog.MOV", "bird.zip", "walk/0001.jpg", "notes.txt", ".hidden.mp4"
    )
    make(clips, "empty/readme.txt")
    masks = make(tmp_path / "masks", "cat.png", "dog/00012.png", "dog/3_cup.png", "dog/3_hand.npy", "cow.png")
    tasks, unused = find(clips, masks)
    assert [(task.name, task.clip.name) for task in tasks] == [
        ("bird", "bird.zip"),
        ("cat", "cat.mp4"),
        ("dog", "dog.MOV"),
        ("walk", "walk"),
    ]
    assert [[(mask.frame, mask.name) for mask in task.masks] for task in tasks] == [
        [],
        [(0, "cat.png")],
        [(12, "dog/00012.png"), (3, "dog/3_cup.png"), (3, "dog/3_hand.npy")],
        [],
    ]
    assert unused == ["cow"]


def test_what_cannot_be_told_apart_is_a_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="is not a folder"):
        find(tmp_path / "none", None)
    with pytest.raises(InvalidInput, match="has no clips"):
        find(tmp_path, None)
    clips = make(tmp_path / "clips", "a.mp4", "a.mov")
    with pytest.raises(InvalidInput, match=r"a\.mov and a\.mp4 have one name"):
        find(clips, None)
    (clips / "a.mov").unlink()
    with pytest.raises(InvalidInput, match=r"cup\.png names no frame"):
        find(clips, make(tmp_path / "masks", "a/cup.png"))
