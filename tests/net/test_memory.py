"""The memory network against slow, plain recomputations, and its engine's numbers."""

import json
import math
import struct

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.net.clips import MemoryClip, iou, squares
from vos.net import frames, propagation, remembered
from vos.net.engines import memory as engine
from vos.net.label_maps import measure_confidence
from vos.net.models.blocks import ConvNorm, fold, normalise
from vos.net.models.memory import MemoryNetwork, aggregate, full_size
from vos.types import Device, Prediction, Prompt
from vos.weights import FOLDER, locate


@pytest.fixture(scope="module")
def network() -> MemoryNetwork:
    torch.manual_seed(0)
    net = MemoryNetwork()
    for module in net.modules():
        if isinstance(module, ConvNorm):
            module.norm.running_mean.normal_(0, 0.1)
            module.norm.running_var.uniform_(0.5, 2)
            module.norm.weight.data.uniform_(0.5, 2)
            module.norm.bias.data.normal_(0, 0.1)
    return net.eval()


def segmenter(precision: str = "float32") -> engine.MemorySegmenter:
    paths = {weight.name: locate(weight) for weight in engine.WEIGHTS}
    return engine.build(paths, Device("cpu", precision), engine.Options(short_side=96))


def run(built: engine.MemorySegmenter, clip: MemoryClip, *prompts: Prompt) -> list[Prediction]:
    return [item for item in built.segment(clip, prompts) if isinstance(item, Prediction)]


def test_reading_equals_a_plain_recomputation(network):
    h, w, channels = 3, 4, 48
    torch.manual_seed(1)
    query, keys = torch.randn(1, h * w, channels), torch.randn(1, 3 * h * w, channels)
    values = torch.randn(1, 3 * h * w, 5)
    with torch.inference_mode():
        got = network.read(query, keys, values, network.prior(h, w))[0]
    strength = float(F.softplus(network.distance.detach()) * 0.05)
    for n in range(h * w):
        scores = []
        for m in range(3 * h * w):
            score = -float((keys[0, m] - query[0, n]).square().sum()) / channels**0.5
            if m >= 2 * h * w:  # the previous frame
                p = m - 2 * h * w
                score -= strength * ((n // w - p // w) ** 2 + (n % w - p % w) ** 2)
            scores.append(score)
        weights = np.exp(np.array(scores) - max(scores))
        expected = (weights / weights.sum()) @ values[0].double().numpy()
        assert np.allclose(got[n], expected, atol=1e-4)


def test_reading_is_exact_under_autocast(network):
    query, keys, values = torch.randn(1, 400, 48), torch.randn(1, 800, 48), torch.randn(1, 800, 3)
    prior = network.prior(20, 20).detach()
    with torch.inference_mode():
        exact = network.read(query, keys, values, prior)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network.read(query, keys, values, prior)
    assert torch.allclose(exact, rough.float(), atol=0.02)


def test_the_prior_is_a_function_of_distance(network):
    query, key = network.prior(5, 7).detach()
    table = (query @ key.T).view(5, 7, 5, 7)
    strength = float(F.softplus(network.distance.detach()) * 0.05)
    assert table[1, 2, 1, 2].abs() < 1e-5
    assert float(table[0, 0, 3, 4]) == pytest.approx(-25 * strength, rel=1e-4)
    assert float(table[4, 6, 1, 2]) == pytest.approx(-25 * strength, rel=1e-4)


def test_soft_aggregation_is_independent_answers_given_that_at_most_one_says_yes():
    p = torch.tensor([[0.9], [0.6], [0.2]])
    alone = [0.9 * 0.4 * 0.8, 0.1 * 0.6 * 0.8, 0.1 * 0.4 * 0.2]
    nobody = 0.1 * 0.4 * 0.8
    expected = torch.tensor(alone)[:, None] / (sum(alone) + nobody)
    assert torch.allclose(aggregate(torch.logit(p)), expected, atol=1e-6)


def test_one_object_keeps_its_sigmoid():
    logits = torch.linspace(-8, 8, 50)[None]
    assert torch.allclose(aggregate(logits), torch.sigmoid(logits), atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_confidence_is_the_overlap_that_probabilities_promise(temperature):
    logits = torch.tensor([[4.0, 1.0, -1.0, -3.0], [-2.0, -3.0, -4.0, -5.0]]).view(2, 1, 2, 2)
    p = [[1 / (1 + math.exp(-x / temperature)) for x in row] for row in logits.flatten(1).tolist()]
    seen = (p[0][0] + p[0][1]) / (2 + p[0][2] + p[0][3])
    prob = logits.sigmoid().repeat_interleave(2, 2).repeat_interleave(2, 3)  # every other pixel is looked at
    assert measure_confidence(prob, temperature) == pytest.approx((seen + 1 - p[1][0]) / 2, abs=1e-5)


def test_certain_probabilities_stay_certain_at_any_temperature():
    assert measure_confidence(torch.tensor([1.0, 0.0]).view(1, 1, 1, 2).repeat(1, 1, 4, 4), 1.5) == 1
    assert measure_confidence(torch.zeros(0, 1, 4, 4), 1.5) == 1


def test_folding_batch_norm_changes_no_number(network):
    image = torch.randn(1, 3, 48, 64)
    prob = torch.rand(2, 1, 48, 64)

    def logits(net: MemoryNetwork) -> torch.Tensor:
        features, cues = net.encode(image), net.cues(prob)
        values = net.value(features, cues)
        readout = net.read(
            features.key.expand(2, -1, -1), features.key.expand(2, -1, -1), values, net.prior(3, 4)
        )
        return net.decode(features, readout, cues)

    folded = MemoryNetwork().eval()
    folded.load_state_dict(network.state_dict())
    fold(folded)
    with torch.inference_mode():
        assert torch.allclose(logits(network), logits(folded), atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())


def test_a_window_of_the_decoder_agrees_with_the_whole_frame_inside(network):
    torch.manual_seed(2)
    with torch.inference_mode():
        features = network.encode(torch.randn(1, 3, 160, 192))
        cues = network.cues(torch.rand(1, 1, 160, 192))
        readout = torch.randn(1, 120, 128)
        whole = network.decode(features, readout, cues)
        read = readout.unflatten(1, (10, 12)).permute(0, 3, 1, 2)
        coarse = network.coarse(read, cues.s16, cues.code, features.decode3, features.decode1)
        part = network.refine(
            coarse[..., 2:9, 3:11],
            cues.s8[..., 4:18, 6:22],
            cues.s4[..., 8:36, 12:44],
            features.skip2[..., 16:72, 24:88],
            features.skip4[..., 8:36, 12:44],
            features.skip8[..., 4:18, 6:22],
        )
    margin = propagation.MARGIN * 8  # pixels at stride 2
    inside = whole[..., 16 + margin : 72 - margin, 24 + margin : 88 - margin]
    assert torch.allclose(part[..., margin:-margin, margin:-margin], inside, atol=1e-4)


def test_normalising_by_table_equals_normalising_by_formula():
    frame = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    table = frames.NORMALISED[0][frame, np.arange(3)]
    assert np.allclose(table, normalise(torch.from_numpy(frame)).permute(0, 2, 3, 1), atol=1e-6)


def test_logits_are_upsampled_twice():
    logits = torch.tensor([[[[0.0, 4.0]]]])
    assert full_size(logits)[0, 0].tolist() == [[0, 1, 3, 4]] * 2


@pytest.mark.parametrize(
    ("size_hw", "short_side", "expected"),
    [
        ((480, 854), 384, (384, 688)),
        ((1080, 1920), 384, (384, 688)),
        ((720, 405), 384, (688, 384)),
        ((1, 1), 64, (64, 64)),
        ((10, 1000), 64, (16, 256)),
    ],
)
def test_frames_are_seen_at_multiples_of_16(size_hw, short_side, expected):
    assert frames.working_size(size_hw, short_side) == expected


def test_the_weight_file_holds_the_network_and_nothing_else():
    path = FOLDER / "memory.safetensors"
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    header.pop("__metadata__", None)
    ours = {k: list(v.shape) for k, v in MemoryNetwork().state_dict().items() if "num_batches" not in k}
    assert {k: v["shape"] for k, v in header.items() if "num_batches" not in k} == ours
    assert sum(parameter.numel() for parameter in MemoryNetwork().parameters()) == 2_416_938
    assert {
        "trunk.stem.weight",
        "key.bias",
        "fuse.conv1.image.weight",
        "distance",
        "logit.bias",
    } <= set(header)


def test_bfloat16_agrees_with_float32():
    clip, masks = squares((1, 4), count=4)
    exact, rough = (run(segmenter(p), clip, Prompt(0, masks[0]))[-1] for p in ("float32", "bfloat16"))
    assert iou(exact.mask > 0, rough.mask > 0) > 0.9
    assert rough.confidence == pytest.approx(exact.confidence, abs=0.1)


def test_objects_far_apart_are_followed_together_as_alone():
    clip, masks = squares((1, 4), count=4)
    built = segmenter()
    together = run(built, clip, Prompt(0, masks[0]))[-1].mask
    for i in (1, 4):
        alone = run(built, clip, Prompt(0, np.where(masks[0] == i, i, 0).astype(np.uint8)))[-1].mask
        assert iou(together == i, alone == i) > 0.9


def test_memory_stays_bounded_over_many_frames_and_prompts():
    clip, masks = squares((1,), count=1)
    followed = propagation.Propagation(segmenter()._net, (64, 64))
    for t in range(20):
        followed.step(clip.frames[0], masks[0] if t % 2 == 0 else None)
    (group,) = followed.groups
    assert len(group.prompted) == remembered.MAX_PROMPTED - 1


def test_the_frame_that_first_names_an_object_is_remembered_turned_too():
    clip, masks = squares((1, 4), count=1)
    followed = propagation.Propagation(segmenter()._net, (96, 144))
    first = np.where(masks[0] == 1, 1, 0).astype(np.uint8)
    for prompt in (first, masks[0], masks[0]):
        followed.step(clip.frames[0], prompt)
    places = 6 * 9
    for group in followed.groups:
        turned = group.first.masks[:, places:]
        assert 0 < turned.shape[1] < len(propagation.TURNS_DEG) * places
        assert turned.amax() > 0.5
        assert turned.amin() < 0.1
        assert group.first.key.shape[1] == group.first.values.shape[1] == group.first.masks.shape[1]
        assert {entry.masks.shape[1] for entry in (*group.prompted, group.previous)} == {places}


@pytest.mark.parametrize("size", [0, 3])
def test_memory_keeps_as_many_frames_between_as_asked_for(monkeypatch, size):
    monkeypatch.setattr(propagation, "EVERY", 1)
    clip, masks = squares((1,), count=7)
    followed = propagation.Propagation(segmenter()._net, (96, 144), memory=size)
    for t, frame in enumerate(clip.frames):
        followed.step(frame, masks[0] if t == 0 else None)
    assert len(followed.groups[0].between) == size


def test_an_object_that_left_has_an_empty_mask():
    clip, masks = squares((1,), count=2)
    nothing, _ = squares((), count=4)
    found = run(segmenter(), MemoryClip(clip.frames + nothing.frames), Prompt(0, masks[0]))
    assert not found[-1].mask.any()
    assert found[-1].confidence > 0.5


def test_a_prompted_frame_is_certain():
    clip, masks = squares((1,), count=1)
    assert run(segmenter(), clip, Prompt(0, masks[0]))[0].confidence == 1


@pytest.mark.skipif(not (FOLDER / "memory.safetensors").exists(), reason="needs weights/memory.safetensors")
def test_of_two_prompts_that_disagree_the_later_one_leads():
    """Object 1 is the red square, then the green one: what the correction took away stays away."""
    clip, masks = squares((1, 4), count=12)
    network = engine.build({"memory.safetensors": FOLDER / "memory.safetensors"}, Device(), engine.Options())
    first, later = (Prompt(t, (masks[t] == i).astype(np.uint8)) for t, i in ((0, 1), (6, 4)))
    found = run(network, clip, first, later)
    for t in (7, 8, 11):
        assert iou(found[t].mask == 1, masks[t] == 4) > 0.9
        assert not found[t].mask[masks[t] == 1].any()
