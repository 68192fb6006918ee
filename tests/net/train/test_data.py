import logging

import numpy as np
import pytest

from tests.net.train.pictures import training_folder, write
from vos.errors import InvalidInput
from vos.net.train.data import PictureFile, find


def test_every_part_of_the_folder_is_found(tmp_path):
    data = find(training_folder(tmp_path))
    assert {name: len(pictures) for name, pictures in data.videos.items()} == {"hop": 8, "run": 8}
    assert [len(part) for part in (data.cutouts, data.regions, data.photos)] == [2, 2, 2]


def test_a_held_out_sequence_is_nowhere_in_the_data(tmp_path):
    data, held = find(training_folder(tmp_path)).hold_out(("run",))
    assert (set(data.videos), set(held)) == ({"hop"}, {"run"})
    pictures = (*data.videos["hop"], *data.cutouts, *data.regions, *data.backgrounds)
    assert not [p for p in pictures if "run" in p.image.parts]


def test_photos_are_held_out_by_their_names_alone(tmp_path):
    for i in range(60):
        write(tmp_path / f"stills/things/images/{i}.png", np.zeros((4, 4, 3), np.uint8))
        write(tmp_path / f"stills/things/masks/{i}.png", np.ones((4, 4), np.uint8))
    ours, held = (part.cutouts for part in find(tmp_path).hold_out_photos())
    assert len(ours) + len(held) == 60
    assert 1 <= len(held) <= 12
    training_folder(tmp_path)
    assert set(held) <= set(find(tmp_path).hold_out_photos()[1].cutouts)


def test_an_unknown_held_out_name_is_refused(tmp_path):
    data = find(training_folder(tmp_path))
    with pytest.raises(InvalidInput, match="no sequence is called 'bear'; there are: hop, run"):
        data.hold_out(("bear",))


def test_a_folder_without_masks_is_refused_in_one_sentence(tmp_path):
    write(tmp_path / "stills/photos/images/0.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(InvalidInput, match="holds no masks to train on; allowed is davis"):
        find(tmp_path)


def test_a_missing_part_is_logged(tmp_path, caplog):
    folder = training_folder(tmp_path / "all")
    (folder / "stills/photos").rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        find(folder)
    assert [record.getMessage().split(" has ")[1] for record in caplog.records] == [
        "no photos: training goes on without"
    ]


def test_black_and_white_is_one_object_and_void_in_a_label_map_is_background(tmp_path):
    write(tmp_path / "a.png", np.array([[0, 255]], np.uint8))
    write(tmp_path / "b.png", np.array([[0, 2, 255]], np.uint8))
    assert PictureFile(tmp_path, tmp_path / "a.png").read_mask().tolist() == [[0, 1]]
    assert PictureFile(tmp_path, tmp_path / "b.png").read_mask().tolist() == [[0, 2, 0]]


def test_a_grey_mask_with_an_alpha_channel_is_read(tmp_path):
    """DAVIS 2016 has one: frame 77 of bear."""
    write(tmp_path / "a.png", np.array([[[0, 255], [255, 255]]], np.uint8))
    assert PictureFile(tmp_path, tmp_path / "a.png").read_mask().tolist() == [[0, 1]]


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "a.jpg").write_text("no")
    with pytest.raises(InvalidInput, match=r"a\.jpg is not a readable image"):
        PictureFile(tmp_path / "a.jpg").read_frame()
