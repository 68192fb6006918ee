import numpy as np
import pytest
import torch

from tests.net.train.pictures import Dice
from vos.errors import InvalidInput
from vos.net.models.blocks import normalise
from vos.net.models.memory import MemoryNetwork, full_size
from vos.net.train.losses import bootstrapped, soft_dice, within
from vos.net.train.memory import MemoryBatches, MemoryRecipe


def test_a_batch_names_every_object_of_every_clip(data):
    batch = MemoryBatches(data, clips=3, length=3, size=64)(0.5, np.random.default_rng(1))
    clips, length, size = batch["masks"].shape[:3]
    assert batch["frames"].shape == (clips, length, size, size, 3)
    assert size in (48, 64, 80)
    assert 3 <= length <= 5
    tracks = {(c, i) for c in range(clips) for i in np.unique(batch["masks"][c, 0]) if i}
    assert {tuple(track) for track in batch["tracks"].tolist()} == tracks


def test_batches_depend_on_the_generator_alone(data):
    batches = MemoryBatches(data, clips=2, length=3, size=64)
    one, same = (batches(0.5, np.random.default_rng([4, 2])) for _ in range(2))
    assert all(np.array_equal(one[key], same[key]) for key in one)


def test_batches_too_small_are_refused(data):
    with pytest.raises(InvalidInput, match="length is 1; at least 2 is allowed"):
        MemoryBatches(data, length=1)


@pytest.mark.parametrize("forgetful", [True, False])
def test_the_loss_is_that_of_following_each_track_alone(forgetful):
    torch.manual_seed(0)
    network = MemoryNetwork().eval()
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (2, 4, 32, 48, 3), dtype=np.uint8)[:, :, :, :32].copy())
    masks = torch.from_numpy(rng.integers(0, 3, (2, 4, 32, 32), dtype=np.uint8))
    tracks = torch.tensor([[0, 1], [0, 2], [1, 2]])
    dice = Dice(0.0 if forgetful else 1.0)
    loss, _ = MemoryRecipe(network, None).loss({"frames": frames, "masks": masks, "tracks": tracks}, dice)
    expected = []
    with torch.no_grad():
        for clip, label in tracks.tolist():
            expected += follow(network, frames[clip], masks[clip], label, forgetful)
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-4)


def follow(network, frames, masks, label, forgetful):
    """Return the losses of one track, frame by frame, remembering first, previous and perhaps all."""
    truth, others = (masks == label).float(), ((masks > 0) & (masks != label)).float()
    prior = network.prior(2, 2)
    prob, memory, losses, cues = truth[0][None, None], [], [], None
    for t in range(4):
        features = network.encode(normalise(frames[t][None]))
        if t:
            rows = [memory[0], *([] if forgetful else memory[1:-1]), memory[-1]]
            keys, values = (torch.cat(part, 1) for part in zip(*rows, strict=True))
            logits = full_size(
                network.decode(features, network.read(features.key, keys, values, prior), cues)
            )
            target = truth[t][None, None]
            losses.append((bootstrapped(logits, target, 0.3) + soft_dice(logits, target)).item())
            losses[-1] += 0.5 * within(logits, target, others[t][None, None]).item()
            prob = logits.sigmoid()
        cues = network.cues(prob)
        memory.append((features.key, network.value(features, cues)))
    return losses
