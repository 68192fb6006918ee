from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.net.train.pictures import Dice, red_square, write
from vos.errors import InvalidInput
from vos.net.models.blocks import normalise
from vos.net.models.s2s import FullS2S
from vos.net.models.s2s_compact import CompactS2S
from vos.net.train.clips import RealClips
from vos.net.train.data import find
from vos.net.train.losses import bootstrapped, soft_dice
from vos.net.train.s2s import S2SBatches, S2SRecipe


def batches(data, progress, count=12):
    made = S2SBatches(data, clips=1, size=48)
    return [made(progress, np.random.default_rng(seed)) for seed in range(count)]


def test_clips_grow_from_five_frames_to_eleven(data):
    early, late = ({batch["frames"].shape[1] for batch in batches(data, p, 40)} for p in (0, 1))
    assert early == {5, 6, 7}
    assert late == set(range(5, 12))


def test_some_batches_are_annotated_on_every_fifth_frame_only(data):
    gaps = [batch["annotated"] for batch in batches(data, 1, 30) if not batch["annotated"].all()]
    assert 0 < len(gaps) < 30
    for annotated in gaps:
        period = min(5, annotated.shape[1] - 1)
        assert np.flatnonzero(annotated[0]).tolist() == list(range(0, annotated.shape[1], period))


def test_true_masks_are_fed_back_always_at_first_and_never_later(data):
    assert all(batch["taught"].all() for batch in batches(data, 0, 4))
    assert not any(batch["taught"].any() for batch in batches(data, 0.3, 4))


def test_sides_are_multiples_of_the_network_s_stride(data):
    for seed in range(5):
        batch = S2SBatches(data, 1, 80, stride=FullS2S.stride)(0, np.random.default_rng(seed))
        assert batch["frames"].shape[2] % 32 == 0


def test_batches_too_small_are_refused(data):
    with pytest.raises(InvalidInput, match="size is 16; at least 32 is allowed"):
        S2SBatches(data, size=16)


def test_videos_with_gaps_in_their_annotation_are_read_with_flags(tmp_path):
    for t in range(11):
        frame, mask = red_square(72, 96, 20, 20 + t, 28)
        write(tmp_path / f"youtubevos/train/JPEGImages/v/{t:05d}.jpg", frame)
        if t % 5 == 0:
            write(tmp_path / f"youtubevos/train/Annotations/v/{t:05d}.png", mask)
    data = find(tmp_path)
    assert [p.mask is not None for p in data.sparse["v"]] == [t % 5 == 0 for t in range(11)]
    assert data.videos == {}
    clips = RealClips(replace(data, videos=data.sparse), 48, 7, max_skip=1)
    for seed in range(5):
        sample = clips.sample(np.random.default_rng(seed))
        assert sample.annotated[0]
        assert sample.annotated[1:].any()
        assert not sample.masks[~sample.annotated].any()
        assert all(sample.masks[t].any() for t in np.flatnonzero(sample.annotated))


def toy(annotated, taught):
    rng = np.random.default_rng(0)
    return {
        "frames": torch.from_numpy(rng.integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)),
        "masks": torch.from_numpy(rng.integers(0, 3, (2, 4, 32, 32), dtype=np.uint8)),
        "tracks": torch.tensor([[0, 1], [0, 2], [1, 2]]),
        "annotated": torch.tensor(annotated),
        "taught": torch.tensor(taught),
    }


@pytest.mark.parametrize("taught", [[False] * 4, [True, True, False, True]])
def test_the_loss_is_that_of_following_each_track_alone_on_annotated_frames(taught):
    torch.manual_seed(0)
    network = CompactS2S().eval()
    network.readout.weight.data.normal_(0, 0.1)  # untrained, it is zero
    annotated = [[True, True, False, True], [True, False, True, False]]
    batch = toy(annotated, taught)
    loss, measures = S2SRecipe(network, None).loss(batch, Dice(1.0))
    expected = []
    with torch.no_grad():
        for clip, label in batch["tracks"].tolist():
            truth = (batch["masks"][clip] == label).float()
            expected += follow(network, batch["frames"][clip], truth, annotated[clip], taught)
    assert len(expected) == 2 + 2 + 1
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-4)
    assert 0 <= measures["iou"] <= 1


def follow(network, frames, truth, annotated, taught):
    """Return the losses of one track on its annotated frames."""
    losses, state, features = [], None, None
    for t in range(4):
        before, features = features, network.encode(normalise(frames[t][None]))
        target = truth[t][None, None]
        if not t:
            state = network.start(features, target)
            continue
        state = network.advance(before, features, state)
        logits = network.decode(features, state)
        if annotated[t]:
            losses.append((bootstrapped(logits, target, 0.3) + soft_dice(logits, target)).item())
        state = network.feed(features, state, target if annotated[t] and taught[t] else logits.sigmoid())
    return losses


def test_what_lies_in_the_masks_of_frames_without_annotation_does_not_matter():
    torch.manual_seed(0)
    recipe = S2SRecipe(CompactS2S().eval(), None)
    batch = toy([[True, False, True, True], [True, False, True, False]], [True] * 4)
    one = recipe.loss(batch, Dice(1.0))[0].item()
    batch["masks"][:, 1] = 1
    batch["masks"][1, 3] = 2
    assert recipe.loss(batch, Dice(1.0))[0].item() == one
    batch["masks"][0, 3] = 1
    assert recipe.loss(batch, Dice(1.0))[0].item() != one


def test_the_full_network_has_plain_cross_entropy():
    logits, truth = torch.randn(2, 1, 8, 8), torch.randint(0, 2, (2, 1, 8, 8)).float()
    recipe = S2SRecipe(FullS2S.__new__(FullS2S), None)  # whose layers do not matter here
    p = logits.sigmoid()
    expected = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
    assert recipe._loss(logits, truth).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_few_steps_on_one_batch_make_the_loss_smaller():
    torch.manual_seed(0)
    network = CompactS2S()
    recipe = S2SRecipe(network, None)
    batch = toy([[True] * 4] * 2, [False] * 4)
    batch["masks"][:] = 0
    batch["masks"][:, :, 8:24, 8:24] = 1
    batch["tracks"] = torch.tensor([[0, 1], [1, 1]])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        loss, _ = recipe.loss(batch, Dice(1.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
