import numpy as np
import pytest
import torch

from tests.net.train.pictures import colours_agree
from vos.errors import InvalidInput
from vos.net.models.osvos import CompactOsvos
from vos.net.train import osvos
from vos.net.train.losses import class_balanced
from vos.net.train.osvos import OsvosBatches, OsvosRecipe, contours


def test_a_batch_has_pictures_masks_and_the_weight_of_the_sides(data):
    batch = OsvosBatches(data, count=4, size=64)(0.25, np.random.default_rng(0))
    count, size = batch["masks"].shape[:2]
    assert batch["frames"].shape == (count, size, size, 3)
    assert batch["frames"].dtype == batch["masks"].dtype == np.uint8
    assert (size, count) in {(48, 7), (64, 4), (80, 3)}
    assert set(np.unique(batch["masks"])) == {0, 1}
    assert batch["sides"] == 0.75


@pytest.mark.parametrize("share", [(1, 0, 0), (0, 1, 0)])
def test_masks_of_videos_and_photos_lie_on_their_objects(data, monkeypatch, share):
    monkeypatch.setattr(osvos, "SHARES", share)
    batch = OsvosBatches(data, count=6, size=64)(0, np.random.default_rng(1))
    assert colours_agree(batch["frames"], batch["masks"])


def test_batches_depend_on_the_generator_alone(data):
    batches = OsvosBatches(data, count=3, size=64)
    one, same = (batches(0.5, np.random.default_rng([4, 2])) for _ in range(2))
    assert all(np.array_equal(one[key], same[key]) for key in one)


def test_batches_too_small_are_refused(data):
    with pytest.raises(InvalidInput, match="size is 8; at least 32 is allowed"):
        OsvosBatches(data, size=8)


def test_contours_are_the_pixels_on_both_sides_of_an_edge():
    mask = np.array([[0, 0, 0, 1, 1, 1, 2, 2]] * 4, np.uint8)
    assert contours(mask).tolist() == [[0, 0, 1, 1, 0, 1, 1, 0]] * 4


def test_the_loss_is_the_fused_one_the_contours_and_ever_less_of_the_sides():
    torch.manual_seed(0)
    network = CompactOsvos().eval()
    frames = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    masks = torch.randint(0, 2, (2, 32, 32), dtype=torch.uint8)
    truth = masks[:, None].float()
    with torch.no_grad():
        *sides, fused, edge = network.branches(frames)
        parts = [class_balanced(side, truth).item() for side in sides]
        for weight in (1.0, 0.3, 0.0):
            batch = {"frames": frames, "masks": masks, "contours": 1 - masks, "sides": torch.tensor(weight)}
            loss, measures = OsvosRecipe(network, None).loss(batch, np.random.default_rng(0))
            main = class_balanced(fused, truth).item()
            both = main + class_balanced(edge, 1 - truth).item()
            assert loss.item() == pytest.approx(both + weight * sum(parts), rel=1e-5)
            assert measures["fused"].item() == pytest.approx(main)
