import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.models.cosnet import CompactCOSNet, Features
from vos.net.train import cosnet
from vos.net.train.cosnet import CosnetRecipe, PairBatches
from vos.net.train.losses import bootstrapped, soft_dice


@pytest.mark.parametrize(("still", "parts"), [(0, {"frames", "masks", "motion"}), (1, {"frames", "masks"})])
def test_a_batch_is_of_pairs_or_of_photos(monkeypatch, data, still, parts):
    monkeypatch.setattr(cosnet, "STILL", still)
    batch = PairBatches(data, pairs=2, size=64)(0.5, np.random.default_rng(1))
    assert set(batch) == parts
    assert batch["frames"].shape == (4, 64, 64, 3)
    assert batch["masks"].shape == (4, 64, 64)
    assert set(np.unique(batch["masks"])) == {0, 1}
    if not still:
        assert batch["motion"].shape == (4, 3, 16, 16)
        assert batch["motion"].dtype == np.float32


def test_first_and_second_frames_are_of_one_video(monkeypatch, data):
    monkeypatch.setattr(cosnet, "STILL", 0)
    monkeypatch.setattr(cosnet, "SYNTHETIC", 0)
    monkeypatch.setattr(cosnet, "_coloured", lambda frames, rng: frames)
    monkeypatch.setattr(cosnet, "develop", lambda frames, rng: frames)
    batch = PairBatches(data, pairs=3, size=64)(0.5, np.random.default_rng(1))
    frames, masks = batch["frames"].astype(int), batch["masks"]
    red = frames[..., 0] > frames[..., 2]  # the object's colour in this folder
    assert (red == (masks > 0)).mean() > 0.97
    assert all(masks[i].any() and masks[3 + i].any() for i in range(3))


def test_batches_depend_on_the_generator_alone(data):
    batches = PairBatches(data, pairs=1, size=64)
    one, same = (batches(0.5, np.random.default_rng([4, 2])) for _ in range(2))
    assert all(np.array_equal(one[key], same[key]) for key in one)


def test_batches_too_small_are_refused(data):
    with pytest.raises(InvalidInput, match="pairs is 0; at least 1 is allowed"):
        PairBatches(data, pairs=0)


def test_the_loss_is_that_of_each_frame_attending_to_its_partner():
    torch.manual_seed(0)
    network = CompactCOSNet().eval()
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    masks = torch.from_numpy(rng.integers(0, 2, (4, 32, 32), dtype=np.uint8))
    motion = torch.from_numpy(rng.normal(size=(4, 3, 8, 8)).astype(np.float32))
    loss, _ = CosnetRecipe(network, None).loss({"frames": frames, "masks": masks, "motion": motion}, rng)
    expected = []
    for i, partner in ((0, 2), (1, 3), (2, 0), (3, 1)):
        with torch.no_grad():
            own, other = (
                network.encode(network.prepare(frames[j : j + 1]), motion[j : j + 1]) for j in (i, partner)
            )
            scores = network.affinity(own.embedding, other.embedding)
            if i > 1:  # W is between first and second frame: the second sees it from its side
                scores = network.affinity(other.embedding, own.embedding).transpose(1, 2)
            logits = network.decode(Features(*own), network.attended(scores, other.embedding))
            truth = masks[i : i + 1, None].float()
            logits = F.interpolate(logits, (32, 32), mode="bilinear")
            expected.append((bootstrapped(logits, truth, 1.0) + soft_dice(logits, truth)).item())
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_photos_train_the_encoder_without_a_partner():
    torch.manual_seed(0)
    network = CompactCOSNet().train()
    rng = np.random.default_rng(0)
    batch = {
        "frames": torch.from_numpy(rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)),
        "masks": torch.ones(2, 32, 32, dtype=torch.uint8),
    }
    loss, measures = CosnetRecipe(network, None).loss(batch, rng)
    loss.backward()
    assert network.linear_e.weight.grad is None
    assert network.trunk.stages[4][2].project.weight.grad.abs().sum() > 0
    assert 0 <= measures["iou"] <= 1
