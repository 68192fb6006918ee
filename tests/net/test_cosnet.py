"""Co-attention against slow, plain recomputations; the official keys; what the engine adds."""

import numpy as np
import pytest
import torch

from tests.net.clips import MemoryClip, squares
from vos.errors import InvalidInput
from vos.net.engines import cosnet as engine
from vos.net.models.cosnet import CoAttention, CompactCOSNet, Config, COSNet, attention_map, make
from vos.types import Device, Prediction, Prompt, Step
from vos.weights import locate

C, H, W = 6, 2, 3
N = H * W


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.fixture(params=["vanilla", "channel"])
def attention(request: pytest.FixtureRequest) -> CoAttention:
    torch.manual_seed(0)
    return CoAttention(C, request.param)


def plain_scores(attention: CoAttention, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return S (N, M) of (C, N) and (C, M), one pair of places at a time."""
    scores = np.zeros((a.shape[1], b.shape[1]))
    if attention.form == "channel":
        matrix, bias = (x.detach().numpy() for x in (attention.weigh.weight, attention.weigh.bias))
        a, b = (x * sigmoid(matrix @ x.mean(1) + bias)[:, None] for x in (a, b))
    for n in range(a.shape[1]):
        for m in range(b.shape[1]):
            if attention.form == "channel":
                scores[n, m] = sum(a[c, n] * b[c, m] for c in range(C))
            else:
                weight = attention.linear_e.weight.detach().numpy()
                scores[n, m] = sum(b[c, m] * weight[c, d] * a[d, n] for c in range(C) for d in range(C))
    return scores


def test_co_attention_equals_a_plain_recomputation_both_ways(attention):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, C, N)).astype(np.float32)
    one, other = (torch.from_numpy(x).view(1, C, H, W) for x in (a, b))
    with torch.inference_mode():
        scores = attention.affinity(one, other)
        got = attention.attended(scores, other), attention.attended(scores.transpose(1, 2), one)
    expected = plain_scores(attention, a, b)
    assert np.allclose(scores[0], expected, atol=1e-4)
    gate = attention.gate.weight.detach().numpy()[0, :, 0, 0]
    for attended, table, values in ((got[0], expected, b), (got[1], expected.T, a)):
        for n in range(N):
            read = sum(weight * values[:, m] for m, weight in enumerate(softmax(table[n])))
            read = read * sigmoid(gate @ read)
            assert np.allclose(attended.flatten(2)[0, :, n], read, atol=1e-4)


def test_the_attention_map_is_what_the_object_in_references_gives_to_each_place():
    prob = np.random.default_rng(2).uniform(size=(2, 4)).astype(np.float32)
    scores = np.random.default_rng(1).normal(size=(2, N, 4)).astype(np.float32)
    expected = np.zeros(N)
    for reference, own in zip(scores, prob, strict=True):
        for place in range(4):
            expected += own[place] * softmax(reference[:, place])
    heat = attention_map(torch.from_numpy(scores), torch.from_numpy(prob), (H, W))
    assert np.allclose(heat, (expected / expected.max()).reshape(H, W), atol=1e-5)


@pytest.mark.parametrize(("network", "blocks", "numbers"), [("resnet50", 6, 62e6), ("resnet101", 23, 81e6)])
def test_the_network_has_the_keys_and_shapes_of_the_official_checkpoints(network, blocks, numbers):
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in make(Config(network)).state_dict().items()}
    assert {
        "encoder.conv1.weight": (64, 3, 7, 7),
        "encoder.layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "encoder.layer2.0.conv2.weight": (128, 128, 3, 3),
        f"encoder.layer3.{blocks - 1}.conv3.weight": (1024, 256, 1, 1),
        "encoder.layer4.2.bn3.running_var": (2048,),
        "encoder.layer5.conv.weight": (512, 2048, 1, 1),
        "encoder.layer5.bn_x.weight": (512,),
        "encoder.layer5.conv2d_0.weight": (512, 2048, 1, 1),
        "encoder.layer5.conv2d_3.weight": (512, 2048, 3, 3),
        "encoder.layer5.bn_3.bias": (512,),
        "encoder.layer5.bottleneck.weight": (256, 2560, 3, 3),
        "encoder.layer5.bn.weight": (256,),
        "encoder.layer5.prelu.weight": (1,),
        "encoder.main_classifier.weight": (1, 256, 1, 1),
        "linear_e.weight": (256, 256),
        "gate.weight": (1, 256, 1, 1),
        "conv1.weight": (256, 512, 3, 3),
        "bn2.running_mean": (256,),
        "main_classifier2.bias": (1,),
    }.items() <= shapes.items()
    assert f"encoder.layer3.{blocks}.conv1.weight" not in shapes
    assert sum(np.prod(shape) for shape in shapes.values()) == pytest.approx(numbers, rel=0.02)
    assert {key.split(".")[0] for key in shapes} == {
        "encoder", "linear_e", "gate", "conv1", "conv2", "bn1", "bn2", "main_classifier1", "main_classifier2",
    }  # fmt: skip


def test_the_encoder_sees_at_stride_8():
    with torch.device("meta"):
        features = COSNet("resnet50").eval().encode(torch.empty(1, 3, 473, 473))
    assert features.embedding.shape == (1, 256, 60, 60)


def test_official_input_is_bgr_less_its_mean():
    frame = torch.tensor([[[[200, 100, 50]]]], dtype=torch.uint8)
    with torch.device("meta"):
        network = COSNet("resnet50")
    image = network.prepare(frame)
    assert image[0, :, 0, 0].tolist() == pytest.approx([50 - 104.00699, 100 - 116.66877, 200 - 122.67892])


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, torch.Tensor]:
    """As it is published, but of zeros that share their memory."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in make(Config("resnet50")).state_dict().items()}
    zero = torch.zeros(())
    return {f"module.{key}": zero.expand(shape) for key, shape in shapes.items()}


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep from_official from copying 250 MB of zeros."""
    monkeypatch.setattr(torch.Tensor, "contiguous", lambda tensor: tensor)


def test_an_official_checkpoint_fits_after_import(monkeypatch, checkpoint):
    small(monkeypatch)
    del (given := dict(checkpoint))["module.encoder.layer5.conv2d_0.bias"]  # some have none
    tensors = engine.from_official("resnet50", given)
    with torch.device("meta"):
        network = make(Config("resnet50"))
        network.load_state_dict(tensors, assign=True)
    assert not any(key.startswith("module.") for key in tensors)
    assert not tensors["encoder.layer5.conv2d_0.bias"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"module.gate.weight": torch.zeros(1, 2, 1, 1)},
            r"gate.weight .* is \(1, 256, 1, 1\); .* has \(1, 2, 1",
        ),
        ({"module.extra": torch.zeros(1)}, "has no 'extra'"),
    ],
)
def test_another_checkpoint_is_refused(monkeypatch, checkpoint, change, message):
    small(monkeypatch)
    with pytest.raises(InvalidInput, match=message):
        engine.from_official("resnet50", checkpoint | change)


def test_an_unknown_variant_is_refused():
    with pytest.raises(InvalidInput, match="variant is 'vgg'; allowed are: resnet50, resnet101"):
        engine.from_official("vgg", {})


def test_each_network_has_its_weights():
    names = [engine.weights_for(engine.Options(network=n))[0].name for n in ("compact", *engine.OFFICIAL)]
    assert names == ["cosnet.safetensors", *engine.OFFICIAL.values()]


def segmenter(**options: int) -> engine.CosnetSegmenter:
    chosen = engine.Options(short_side=64, **options)
    return engine.build({w.name: locate(w) for w in engine.weights_for(chosen)}, Device(), chosen)


def run(clip: MemoryClip, *prompts: Prompt, **options: int) -> list[Prediction]:
    return [p for p in segmenter(**options).segment(clip, prompts) if isinstance(p, Prediction)]


def test_the_output_is_the_mean_over_references(monkeypatch):
    torch.manual_seed(0)
    net = CompactCOSNet().eval().requires_grad_(False)
    built = engine.CosnetSegmenter(net, Device(), engine.Options(short_side=64))
    clip, _ = squares((1,), count=4)
    images = [built._small(frame) for frame in clip.frames]
    query, *references = (built._features(image, image) for image in images)
    each = [built._find(query, built._kept([reference]))[0] for reference in references]
    assert np.allclose(built._find(query, built._kept(references))[0], np.mean(each, axis=0), atol=1e-5)


def pieces(*sides_and_probs: tuple[int, float]) -> np.ndarray:
    """Return a picture (20, 40) of squares side by side, with gaps: the side and probability of each."""
    prob = np.zeros((20, 40), np.float32)
    for n, (side, p) in enumerate(sides_and_probs):
        prob[2 : 2 + side, 1 + 13 * n : 1 + 13 * n + side] = p
    return prob


def test_light_pieces_are_not_the_object():
    prob = pieces((10, 0.75), (4, 0.9), (6, 1.0))  # weights 25, 6.4 and 18
    prob[19, 39] = 0.3  # below the threshold: no piece
    kept = engine.MainObject().keep(prob)
    expected = prob.copy()
    expected[:, 14:24] = 0
    assert np.array_equal(kept, expected)


def test_a_piece_where_the_object_was_lately_outweighs_a_larger_one():
    main = engine.MainObject()
    for _ in range(3):
        main.keep(pieces((4, 0.9)))
    kept = main.keep(pieces((4, 0.9), (10, 0.75)))  # 6.4 x 11 = 70, and 25: just above a third
    assert kept[3, 3] > 0.5
    assert kept[3, 15] > 0.5
    kept = main.keep(pieces((4, 0.9), (9, 0.75)))  # 70, and 20.25 x (1 + 10 x 0.2) of the frame before
    assert kept[3, 15] > 0.5
    main = engine.MainObject()
    main.keep(pieces((4, 0.9)))
    kept = main.keep(pieces((4, 0.9), (9, 0.75)))  # 70, and 20.25
    assert kept[3, 3] > 0.5
    assert not kept[:, 13:].any()


def test_an_empty_frame_stays_empty():
    assert not engine.MainObject().keep(np.zeros((4, 6), np.float32)).any()


def test_references_are_the_middles_of_equal_parts():
    assert segmenter()._spread(90) == [9, 27, 45, 63, 81]
    assert segmenter()._spread(3) == [0, 1, 2]
    assert segmenter(references=1)._spread(90) == [45]


def test_no_more_frames_are_kept_than_it_needs():
    clip, _ = squares((1,), count=30)
    asked = []

    class Watched(MemoryClip):
        def sample(self, indices):
            asked.extend(indices)
            return super().sample(indices)

    predictions = segmenter().segment(Watched(clip.frames), [])
    assert sum(isinstance(p, Step) for p in predictions) == len(asked) == 11
    assert asked == sorted(asked)


def test_attention_comes_with_every_frame():
    clip, _ = squares((1,), count=2)
    for prediction in run(clip):
        assert prediction.attention.shape == (4, 6)
        assert prediction.attention.max() == 1
        assert prediction.attention.min() >= 0


def test_a_clip_with_fewer_frames_than_promised_is_segmented_to_its_end():
    clip, _ = squares((1,), count=3)

    class Short(MemoryClip):
        @property
        def info(self):
            return squares((1,), count=9)[0].info

        def sample(self, indices):
            return super().sample([i for i in indices if i < 3])

    assert len(run(Short(clip.frames))) == 3


def test_a_prompt_corrects_its_own_frame_alone():
    clip, masks = squares((1, 4))
    plain = run(clip)
    found = run(clip, Prompt(0, masks[0]))
    assert np.array_equal(found[0].mask == 4, masks[0] == 4)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(plain[1:], found[1:], strict=True))
