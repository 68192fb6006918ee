"""The sequence-to-sequence networks against plain recomputations, and what their engine carries along."""

import json
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.net.clips import MemoryClip, iou, squares
from vos.errors import InvalidInput
from vos.net.engines import s2s as engine
from vos.net.models.blocks import ConvNorm, fold
from vos.net.models.convlstm import ConvLSTM
from vos.net.models.s2s import FullS2S
from vos.net.models.s2s_compact import CompactS2S
from vos.net.online import loop
from vos.types import Device, Prediction, Prompt, Step
from vos.weights import FOLDER, locate, needed


@pytest.fixture(scope="module")
def network() -> CompactS2S:
    torch.manual_seed(0)
    net = CompactS2S()
    net.readout.weight.data.normal_(0, 0.1)  # untrained, it is zero
    for module in net.modules():
        if isinstance(module, ConvNorm):
            module.norm.running_mean.normal_(0, 0.1)
            module.norm.running_var.uniform_(0.5, 2)
    return net.eval().requires_grad_(False)


def segmenter(**options) -> engine.S2SSegmenter:
    chosen = engine.Options(**{"short_side": 96} | options)
    return engine.build({w.name: locate(w) for w in needed(engine, chosen)}, Device(), chosen)


def run(built: engine.S2SSegmenter, clip: MemoryClip, *prompts: Prompt) -> list[Prediction]:
    return [item for item in built.segment(clip, prompts) if isinstance(item, Prediction)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("bend", "bent"), [(torch.relu, lambda x: np.maximum(x, 0)), (torch.tanh, np.tanh)], ids=["relu", "tanh"]
)
def test_the_convlstm_follows_its_equations(bend, bent):
    torch.manual_seed(0)
    inputs, channels, height, width = 2, 3, 4, 5
    cell_of = ConvLSTM(inputs, channels, bend)
    weight = cell_of.gates.weight.detach().double().numpy()  # (12, 5, 3, 3): input, forget, output, candidate
    bias = cell_of.gates.bias.detach().double().numpy()
    hidden, cell = np.zeros((channels, height, width)), np.ones((channels, height, width))
    got = torch.zeros(1, channels, height, width), torch.ones(1, channels, height, width)
    for _ in range(3):
        x = torch.randn(1, inputs, height, width)
        with torch.inference_mode():
            got = cell_of(x, *got)
        seen = np.pad(np.concatenate((x[0].double().numpy(), hidden)), ((0, 0), (1, 1), (1, 1)))
        gates = np.zeros((4 * channels, height, width))
        for k in range(4 * channels):
            for row in range(height):
                for column in range(width):
                    patch = seen[:, row : row + 3, column : column + 3]
                    gates[k, row, column] = (patch * weight[k]).sum() + bias[k]
        i, f, o, g = gates.reshape(4, channels, height, width)
        cell = sigmoid(f) * cell + sigmoid(i) * bent(g)
        hidden = sigmoid(o) * bent(cell)
    assert np.allclose(got[0][0], hidden, atol=1e-5)
    assert np.allclose(got[1][0], cell, atol=1e-5)


def test_the_paper_s_network_has_relu_in_its_convlstm():
    with torch.device("meta"):
        assert FullS2S().lstm.bend is torch.relu


def test_the_forget_gate_starts_open():
    assert ConvLSTM(2, 3, torch.relu).gates.bias.tolist() == [0] * 3 + [1] * 3 + [0] * 6


def test_the_cell_keeps_its_digits_in_bfloat16():
    lstm = ConvLSTM(1, 1, torch.relu).bfloat16()
    lstm.gates.weight.data.zero_()
    lstm.gates.bias.data = torch.tensor([0, 100, 0, 0], dtype=torch.bfloat16)  # forget nothing, add nothing
    cell = torch.full((1, 1, 1, 1), 1.001)
    nothing = torch.zeros(1, 1, 1, 1, dtype=torch.bfloat16)
    hidden, after = lstm(nothing, nothing, cell)
    assert after.item() == cell.item()
    assert hidden.dtype == torch.bfloat16


def test_the_full_network_has_the_sizes_of_the_paper():
    with torch.device("meta"):  # shapes without numbers
        net = FullS2S()
        features = net.encode(torch.empty(1, 3, 256, 448))
        state = net.advance(features, features, net.start(features, torch.empty(2, 1, 256, 448)))
        logits = net.decode(features, state)
    assert features.code.shape == (1, 512, 8, 14)
    assert state.hidden.shape == state.cell.shape == (2, 512, 8, 14)
    assert logits.shape == (2, 1, 256, 448)
    vgg = 14_714_688 + 512 * 4096 + 4096  # published convolutions, and the first fully connected layer as 1x1
    head = 4096 * 512 + 512
    lstm = (512 + 512) * 4 * 512 * 9 + 4 * 512
    widths = (512, 512, 256, 128, 64, 64)
    decoder = sum(25 * widths[i] * widths[i + 1] + widths[i + 1] for i in range(5)) + 25 * 64 + 1
    fourth_channel = 64 * 9
    expected = 2 * vgg + fourth_channel + 3 * head + lstm + decoder
    assert expected == 69_761_281
    assert sum(parameter.numel() for parameter in net.parameters()) == expected


def test_signals_neither_fade_nor_explode_in_the_untrained_full_network():
    torch.manual_seed(0)
    net = FullS2S()
    with torch.inference_mode():
        features = net.encode(torch.randn(1, 3, 32, 32))
        state = net.advance(features, features, net.start(features, torch.ones(1, 1, 32, 32)))
        logits = net.decode(features, state)
    assert 0.1 < state.hidden.square().mean().sqrt() < 10
    assert 0.01 < logits.square().mean().sqrt() < 100


def test_the_compact_network_has_the_sizes_that_are_documented(network):
    features = network.encode(torch.randn(1, 3, 64, 96))
    state = network.advance(features, features, network.start(features, torch.rand(2, 1, 64, 96)))
    assert state.hidden.shape == state.cell.shape == (2, 128, 4, 6)
    assert network.decode(features, state).shape == (2, 1, 64, 96)
    assert sum(parameter.numel() for parameter in network.parameters()) == 5_300_722


def test_the_state_moves_along_with_what_it_is_about(network):
    torch.manual_seed(2)
    height, width = 3, 4
    before, now = (network.encode(torch.randn(1, 3, 48, 64)) for _ in range(2))
    key, maps = torch.randn(2, 12, 48), torch.randn(4, 2, 128, height, width)
    state = network.start(now, torch.rand(2, 1, 48, 64))
    state = state._replace(hidden=maps[0], cell=maps[1], first_key=key, first_look=maps[2], look=maps[3])
    hidden, cell, look = network._moved(before, now, state)
    strength = np.log1p(np.exp(network.distance.item())) * 0.05
    for i in range(2):
        for n in range(12):
            near, far = [], []
            for m in range(12):
                apart = (n // width - m // width) ** 2 + (n % width - m % width) ** 2
                near.append(alike(now.key[0, n], before.key[0, m]) - strength * apart)
                far.append(alike(now.key[0, n], key[i, m]))
            place = i, slice(None), n // width, n % width
            for got, map_ in ((hidden, maps[0]), (cell, maps[1])):
                assert np.allclose(got[place], map_[i].flatten(1).numpy() @ softmax(near), atol=1e-4)
            both = torch.cat((maps[2][i].flatten(1), maps[3][i].flatten(1)), 1).numpy()
            assert np.allclose(look[place], both @ softmax(far + near), atol=1e-4)


def alike(key, other):
    return -float((key - other).double().square().sum()) / 48**0.5


def softmax(scores):
    weights = np.exp(np.array(scores) - max(scores))
    return weights / weights.sum()


def test_objects_that_share_a_frame_s_encoding_are_decoded_as_alone(network):
    torch.manual_seed(1)
    images, prob = torch.randn(3, 1, 3, 32, 48), torch.zeros(2, 1, 32, 48)
    prob[0, :, :20], prob[1, :, 8:, 8:] = 1, 1

    def follow(prob: torch.Tensor) -> torch.Tensor:
        features = network.encode(images[0])
        state = network.start(features, prob)
        for image in images[1:]:
            before, features = features, network.encode(image)
            state = network.advance(before, features, state)
            logits = network.decode(features, state)
            state = network.feed(features, state, logits.sigmoid())
        return logits

    alone = torch.cat([follow(prob[:1]), follow(prob[1:])])
    apart, together = (alone[0] - alone[1]).abs().max(), follow(prob)
    assert (together - alone).abs().max() < 0.01 * apart


def test_folding_batch_norm_changes_no_number(network):
    folded = CompactS2S().eval().requires_grad_(False)
    folded.load_state_dict(network.state_dict())
    fold(folded)
    image, prob = torch.randn(1, 3, 32, 48), torch.rand(2, 1, 32, 48)
    masks = []
    for net in (network, folded):
        features = net.encode(image)
        masks.append(net.decode(features, net.advance(features, features, net.start(features, prob))))
    assert torch.allclose(*masks, atol=1e-4)


def test_the_weight_file_holds_the_network_and_nothing_else():
    path = FOLDER / "s2s.safetensors"
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    header.pop("__metadata__", None)
    assert {k: v["shape"] for k, v in header.items()} == {
        k: list(v.shape) for k, v in CompactS2S().state_dict().items() if "num_batches" not in k
    }
    assert {v["dtype"] for v in header.values()} == {"F16"}


class ScriptedState(NamedTuple):
    number: torch.Tensor
    age: torch.Tensor


class Scripted:
    """A network without weights: its state counts frames, its masks are as told."""

    stride = 16

    def __init__(self, prob):
        self.prob = prob  # of each object, by its number in the order in which states were started
        self.started = 0

    def encode(self, image):
        return None

    def start(self, features, prob):
        rows = torch.arange(self.started, self.started + len(prob)).float()[:, None]
        self.started += len(prob)
        return ScriptedState(rows, torch.zeros_like(rows))

    def advance(self, before, now, state):
        return ScriptedState(state[0], state[1] + 1)

    def decode(self, features, state):
        prob = torch.tensor([self.prob[int(row)] for row in state[0]])
        return torch.logit(prob)[:, None, None, None].expand(-1, 1, 16, 16)

    def feed(self, features, state, prob):
        return state


def follower(*prob) -> engine.Follower:
    return engine.Follower(Scripted(prob), (16, 16), torch.device("cpu"), torch.float32)


def two(first: int, second: int) -> np.ndarray:
    mask = np.zeros((16, 16), np.uint8)
    mask[:4], mask[12:] = first, second
    return mask


@pytest.mark.parametrize(
    ("first", "second", "winner"), [(0.45, 0.4, 0), (0.6, 0.55, 3), (0.6, 0.9, 7), (0.1, 0.51, 7)]
)
def test_the_likeliest_object_wins_where_it_beats_the_background_s_half(first, second, winner):
    frame = np.zeros((16, 16, 3), np.uint8)
    followed = follower(first, second)
    followed.step(frame, two(3, 7))
    assert (followed.step(frame, None).mask == winner).all()


def test_a_later_prompt_starts_the_named_objects_anew_and_leaves_the_others_states():
    frame = np.zeros((16, 16, 3), np.uint8)
    followed = follower(*[0.9] * 5)
    followed.step(frame, two(3, 7))
    followed.step(frame, None)
    followed.step(frame, two(7, 5))  # corrects 7; 5 joins
    assert followed.objects == [3, 7, 5]
    assert followed.state[0][:, 0].tolist() == [
        0,
        3,
        2,
    ]  # whose states are the first start's and the second's
    assert followed.state[1][:, 0].tolist() == [2, 0, 0]  # frames since


def test_nothing_grows_with_the_length_of_the_clip():
    clip, masks = squares((1, 4), count=1)
    built = segmenter(short_side=64)
    followed = engine.Follower(built._ready, (64, 96), torch.device("cpu"), torch.float32)
    sizes = set()
    for t in range(12):
        followed.step(clip.frames[0], masks[0] if t % 4 == 0 else None)
        sizes.add(tuple(part.shape for part in followed.state))
    assert len(sizes) == 1


def test_bfloat16_agrees_with_float32():
    clip, masks = squares((1, 4), count=4)
    options = engine.Options(short_side=96)
    paths = {w.name: locate(w) for w in needed(engine, options)}
    exact, rough = (
        run(engine.build(paths, Device("cpu", precision), options), clip, Prompt(0, masks[0]))[-1]
        for precision in ("float32", "bfloat16")
    )
    assert iou(exact.mask > 0, rough.mask > 0) > 0.9


def test_the_full_network_needs_a_file_that_training_makes():
    assert [w.name for w in needed(engine, engine.Options(network="full"))] == ["s2s-full.safetensors"]
    assert [w.name for w in needed(engine, engine.Options())] == ["s2s.safetensors"]


def test_unknown_networks_are_refused():
    with pytest.raises(InvalidInput, match="network is 'tiny'; allowed are: compact, full"):
        engine.Options(network="tiny")


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> engine.S2SSegmenter:
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "PAIRS", 1)
    monkeypatch.setattr(engine, "SIZE", 64)
    monkeypatch.setattr(loop, "CHECKS", 1)
    return segmenter(online=True, iterations=2)


def test_the_online_variant_shows_its_loss_and_then_follows_the_objects(online):
    clip, masks = squares((1, 4), count=4)
    items = list(online.segment(clip, [Prompt(0, masks[0]), Prompt(2, masks[2])]))
    assert [(item.done, item.total) for item in items[:3]] == [(0, 2), (1, 2), (2, 2)]
    assert all("loss 0." in item.note or "loss 1." in item.note for item in items[1:3])
    assert all(isinstance(item, Prediction) for item in items[3:])
    assert all(iou(items[-1].mask == i, masks[-1] == i) > 0.6 for i in (1, 4))


def test_what_the_online_variant_has_learnt_is_kept(online):
    clip, masks = squares((1,), count=2)
    first, again, other = (list(online.segment(clip, [Prompt(0, masks[index])])) for index in (0, 0, 1))
    steps = [sum(isinstance(item, Step) for item in items) for items in (first, again, other)]
    assert steps == [3, 0, 3]
    for a, b in zip(first[3:], again, strict=True):
        assert np.array_equal(a.mask, b.mask)


def test_the_online_variant_leaves_the_convlstm_and_the_original_alone(online, monkeypatch):
    trained = []
    monkeypatch.setattr(engine, "learn", spy(engine.learn, trained))
    before = {name: tensor.clone() for name, tensor in online._trainable.state_dict().items()}
    clip, masks = squares((1,), count=2)
    list(online.segment(clip, [Prompt(0, masks[0])]))
    (learner,) = trained
    assert all(torch.equal(before[name], now) for name, now in online._trainable.state_dict().items())
    changed = {name for name, now in learner.state_dict().items() if not torch.equal(before[name], now)}
    assert {"mask.0.0.conv.weight", "logit.bias", "trunk.stem.0.conv.weight"} <= changed
    assert not any(name.startswith("lstm.") for name in changed)


def spy(learn, trained):
    def learnt(recipe, *rest):
        trained.append(recipe.module)
        return (yield from learn(recipe, *rest))

    return learnt


def test_an_object_too_small_to_learn_from_is_followed_all_the_same(online):
    clip, masks = squares((1,), count=2)
    dot = np.zeros_like(masks[0])
    dot[20, 20] = 1
    items = list(online.segment(clip, [Prompt(0, dot)]))
    assert sum(isinstance(item, Prediction) for item in items) == 2
    assert not any(isinstance(item, Step) for item in items)
