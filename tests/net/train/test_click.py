import numpy as np
import torch

from tests.net.train.pictures import BLUE, RED, colours_agree, training_folder, write
from vos.net.models.click import ClickNetwork
from vos.net.train.apart import without
from vos.net.train.click import (
    SHAPES,
    STRIDE,
    ClickBatches,
    ClickRecipe,
    crop,
    errors,
    only_meant,
    say,
    spoilt,
)
from vos.net.train.data import find


def square():
    mask = np.zeros((96, 128), np.uint8)
    mask[30:70, 40:100] = 1
    return mask


def test_a_batch_has_one_shape_and_masks_that_lie_on_their_objects(tmp_path):
    batches = ClickBatches(find(training_folder(tmp_path)), crops=4)
    rng = np.random.default_rng(0)
    for progress, shapes in SHAPES:
        batch = batches(progress, rng)
        _, height, width, _ = batch["frames"].shape
        assert (height // STRIDE, width // STRIDE) in shapes
        assert (
            batch["masks"].shape
            == batch["boxes"].shape
            == batch["previous"].shape
            == (len(batch["frames"]), height, width)
        )
        assert batch["points"].shape == (len(batch["frames"]), 1, 3)
        assert set(np.unique(batch["masks"])) == {0, 1}
        same = batches(progress, np.random.default_rng(7)), batches(progress, np.random.default_rng(7))
        assert all(np.array_equal(same[0][name], same[1][name]) for name in batch)


def test_a_crop_moves_picture_and_mask_alike():
    mask, rng = square(), np.random.default_rng(1)
    frame = np.where(mask[..., None] > 0, RED, BLUE).astype(np.uint8)
    pairs = [crop(frame, mask, (64, 96), rng) for _ in range(20)]
    assert all(seen.shape == (64, 96, 3) and inside.shape == (64, 96) for seen, inside in pairs)
    assert colours_agree(*zip(*pairs, strict=True))
    assert all(inside.any() for _, inside in pairs)


def test_what_is_said_first_is_true():
    mask, rng = square(), np.random.default_rng(2)
    kinds = set()
    for _ in range(200):
        point, box, previous = say(mask, rng)
        x, y, sign = point[0]
        kinds.add((bool(sign), bool(box.any()), bool(previous.any())))
        if sign and not previous.any():
            assert sign == 1
            assert mask[int(y), int(x)] == 1
        elif sign:
            assert (mask[int(y), int(x)] == 1) == (sign > 0)
        if box.any():
            assert np.count_nonzero(box & mask) > 0.6 * mask.sum()
    assert kinds >= {(True, False, False), (False, True, False), (True, True, False), (True, False, True)}


def test_a_spoilt_mask_is_another_one_of_the_same_place():
    mask, rng = square(), np.random.default_rng(3)
    spoils = [spoilt(mask, rng) for _ in range(40)]
    assert all(set(np.unique(s)) <= {0, 1} for s in spoils)
    assert np.mean([np.any(s != mask) for s in spoils]) > 0.8
    assert np.mean([np.count_nonzero(s & mask) / mask.sum() for s in spoils]) > 0.5


def test_the_network_is_clicked_on_where_it_errs():
    truth = torch.zeros(2, 1, 40, 60)
    truth[:, :, 10:21, 20:31] = 1
    prob = truth.clone()
    prob[0, :, 10:21, 20:31] = 0
    prob[1, :, 30:37, 40:47] = 0.9
    clicks = errors(prob, truth, np.random.default_rng(0))
    assert clicks.shape == (2, 1, 3)
    (x, y, sign), (x1, y1, sign1) = clicks[:, 0].tolist()
    assert sign == 1
    assert truth[0, 0, int(y), int(x)] == 1
    assert sign1 == -1
    assert prob[1, 0, int(y1), int(x1)] > 0.5


def test_it_learns(tmp_path):
    torch.manual_seed(0)
    recipe = ClickRecipe(ClickNetwork(), ClickBatches(find(training_folder(tmp_path)), crops=2))
    rng = np.random.default_rng(0)
    mask = square()[None].repeat(2, 0)
    batch = {
        "frames": np.where(mask[..., None] > 0, RED, BLUE).astype(np.uint8),
        "masks": mask,
        "points": np.array([[[70, 50, 1]], [[45, 35, 1]]], np.float32),
        "boxes": np.zeros_like(mask),
        "previous": np.zeros_like(mask),
    }
    tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
    optimizer = torch.optim.AdamW([p for p in recipe.module.parameters() if p.requires_grad], 3e-3)
    losses = []
    for _ in range(8):
        loss, measures = recipe.loss(tensors, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-2:]) < 0.8 * np.mean(losses[:2])
    assert 0 <= measures["iou"] <= 1


def test_photos_that_look_like_one_kept_apart_are_not_learnt_from(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [
        np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((10, 10, 1))).astype(np.uint8) for _ in range(3)
    ]
    for number, picture in enumerate(pictures):
        write(tmp_path / f"data/stills/a/images/{number}.png", picture)
        write(tmp_path / f"data/stills/a/masks/{number}.png", np.ones((60, 80), np.uint8))
        write(tmp_path / f"data/stills/photos/images/{number}.png", picture)
    write(tmp_path / "apart/deep/other-name.png", pictures[1][::2, ::2])
    data = without(find(tmp_path / "data"), tmp_path / "apart")
    assert [p.image.stem for p in data.cutouts] == ["0", "2"]
    assert [p.image.stem for p in data.photos] == ["0", "2"]


def test_the_network_sees_the_mask_that_the_user_sees():
    prob = torch.zeros(2, 1, 40, 60)
    prob[:, :, 5:15, 5:15] = prob[:, :, 25:35, 40:50] = 0.9
    points = torch.tensor([[[8.0, 8.0, 1.0], [45.0, 30.0, -1.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    meant = torch.zeros(2, 1, 40, 60, dtype=torch.bool)
    meant[1, :, 20:, 35:] = True
    left = only_meant(prob, points, meant)
    assert torch.equal(left[0, 0] > 0, (prob[0, 0] > 0) & (torch.arange(60) < 20))
    assert torch.equal(left[1, 0] > 0, (prob[1, 0] > 0) & (torch.arange(60) > 20))
    assert prob[0, 0, 30, 45] > 0
