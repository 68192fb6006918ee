"""OSVOS's networks against plain recomputations, fine-tuning, and the engine's own behaviour."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.net.clips import MemoryClip, iou, squares
from vos.net.engines import osvos as engine
from vos.net.models.blocks import fold
from vos.net.models.osvos import CompactOsvos, Vgg16Osvos
from vos.net.online import finetune
from vos.net.online.finetune import Augmented, Example, predict, stalled, train_copy
from vos.net.train.losses import class_balanced
from vos.types import Device, Prediction, Prompt, Step
from vos.weights import locate

STAGES = {0: (0, 2), 1: (1, 3), 2: (1, 3, 5), 3: (1, 3, 5), 4: (1, 3, 5)}
WIDTHS = (3, 64, 128, 256, 512, 512)


def official_shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of parent_epoch-239.pth, as docs of the authors' code have them."""
    shapes: dict[str, tuple[int, ...]] = {}
    for stage, layers in STAGES.items():
        for n, layer in enumerate(layers):
            inputs = WIDTHS[stage] if n == 0 else WIDTHS[stage + 1]
            shapes[f"stages.{stage}.{layer}.weight"] = (WIDTHS[stage + 1], inputs, 3, 3)
            shapes[f"stages.{stage}.{layer}.bias"] = (WIDTHS[stage + 1],)
    for i, (channels, kernel) in enumerate(zip((128, 256, 512, 512), (4, 8, 16, 32), strict=True)):
        shapes[f"side_prep.{i}.weight"], shapes[f"side_prep.{i}.bias"] = (16, channels, 3, 3), (16,)
        shapes[f"score_dsn.{i}.weight"], shapes[f"score_dsn.{i}.bias"] = (1, 16, 1, 1), (1,)
        shapes[f"upscale.{i}.weight"] = (16, 16, kernel, kernel)
        shapes[f"upscale_.{i}.weight"] = (1, 1, kernel, kernel)
    return shapes | {"fuse.weight": (1, 64, 1, 1), "fuse.bias": (1,)}


@pytest.fixture(scope="module")
def vgg() -> Vgg16Osvos:
    torch.manual_seed(0)
    return Vgg16Osvos().eval()


@pytest.fixture(scope="module")
def compact() -> CompactOsvos:
    torch.manual_seed(0)
    return CompactOsvos().eval()


def images(count: int, height: int, width: int) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def test_the_full_network_has_the_official_checkpoints_names_shapes_and_size(vgg):
    assert {name: tuple(t.shape) for name, t in vgg.state_dict().items()} == official_shapes()
    assert sum(parameter.numel() for parameter in vgg.parameters()) == 15_267_157


def upsampled(x: np.ndarray, stride: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Return a map (h, w) bilinearly at a stride, zero beyond its border, cut to its middle."""
    out = np.zeros(((x.shape[0] + 1) * stride, (x.shape[1] + 1) * stride))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            for a in range(2 * stride):
                for b in range(2 * stride):
                    near = (1 - abs(a - stride + 0.5) / stride) * (1 - abs(b - stride + 0.5) / stride)
                    out[i * stride + a, j * stride + b] += near * x[i, j]
    top, left = (out.shape[0] - size_hw[0]) // 2, (out.shape[1] - size_hw[1]) // 2
    return out[top : top + size_hw[0], left : left + size_hw[1]]


def test_the_full_network_equals_a_plain_recomputation_at_an_odd_size(vgg):
    size_hw, weights = (21, 35), vgg.state_dict()
    pictures = images(1, *size_hw)
    bgr = (
        pictures.numpy()[0, :, :, ::-1].transpose(2, 0, 1)
        - np.array([104.00699, 116.66877, 122.67892])[:, None, None]
    )
    x, sides, fused = torch.from_numpy(bgr.copy())[None].double(), [], weights["fuse.bias"].item()

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        kernel = weights[f"{name}.weight"].double()
        return F.conv2d(x, kernel, weights[f"{name}.bias"].double(), padding=kernel.shape[-1] // 2)

    for stage, layers in STAGES.items():
        if stage:
            x = F.max_pool2d(F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), value=-1e9), 2)
        for layer in layers:
            x = conv(x, f"stages.{stage}.{layer}").clamp(min=0)
        if stage:
            side = conv(x, f"side_prep.{stage - 1}")
            score = conv(side, f"score_dsn.{stage - 1}")
            sides.append(upsampled(score[0, 0].numpy(), 2**stage, size_hw))
            part = weights["fuse.weight"][0, 16 * (stage - 1) : 16 * stage, 0, 0].double()
            share = (side[0] * part[:, None, None]).sum(0)
            fused = fused + upsampled(share.numpy(), 2**stage, size_hw)
    with torch.inference_mode():
        got = [logits[0, 0].numpy() for logits in vgg(pictures)]
    assert len(got) == 5
    for ours, plain in zip(got, [*sides, fused], strict=True):
        assert np.allclose(ours, plain, atol=1e-3 * max(1, np.abs(plain).max()))


def test_upsampling_in_the_full_network_does_not_learn(vgg):
    fixed = {name for name, parameter in vgg.named_parameters() if not parameter.requires_grad}
    assert fixed == {f"{kind}.{i}.weight" for kind in ("upscale", "upscale_") for i in range(4)}


def test_the_compact_network_fuses_the_upsampled_side_features_put_side_by_side(compact):
    kept: list[torch.Tensor] = []
    hooks = [m.register_forward_hook(lambda _m, _i, out: kept.append(out)) for m in compact.merge]
    with torch.inference_mode():
        *sides, fused = compact(images(2, 32, 48))
        features = [F.interpolate(x, size=(16, 24), mode="bilinear") for x in kept[::-1]]  # fine to coarse
        kernel = torch.cat([score.weight[1] for score in compact.score])[None]
        bias = torch.stack([score.bias[1] for score in compact.score]).sum()[None]
        plain = F.conv2d(torch.cat(features, 1), kernel, bias)
        plain = F.interpolate(plain, scale_factor=2, mode="bilinear")
        coarsest = F.conv2d(kept[0], compact.score[3].weight[:1], compact.score[3].bias[:1])
        coarsest = F.interpolate(
            F.interpolate(coarsest, (16, 24), mode="bilinear"), (32, 48), mode="bilinear"
        )
    for hook in hooks:
        hook.remove()
    assert torch.allclose(fused, plain, atol=1e-4)
    assert torch.allclose(sides[3], coarsest, atol=1e-4)


def test_folding_batch_norm_changes_no_number(compact):
    folded = CompactOsvos().eval()
    folded.load_state_dict(compact.state_dict())
    fold(folded)
    with torch.inference_mode():
        assert torch.allclose(compact(images(1, 32, 32))[-1], folded(images(1, 32, 32))[-1], atol=1e-4)


def example() -> Example:
    clip, masks = squares((1,), count=1, size_hw=(64, 64))
    return Example(clip.frames[0], masks[0])


def test_a_varied_example_keeps_picture_and_mask_together():
    red = np.where(example().mask[..., None] > 0, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    rng = np.random.default_rng(0)
    areas = set()
    for _ in range(10):
        varied = Example(red, example().mask).varied(rng)
        seen = varied.mask != 255
        agrees = (varied.frame[..., 0] > 127) == (varied.mask == 1)
        assert agrees[seen].mean() > 0.97
        areas.add(int((varied.mask == 1).sum()))
    assert len(areas) > 5


def test_what_comes_in_at_the_border_is_void_in_the_mask_and_reflected_in_the_picture(monkeypatch):
    monkeypatch.setattr(finetune, "TURN_DEG", 0.0)
    monkeypatch.setattr(finetune, "ZOOM", (0.5, 0.5))
    varied = example().varied(np.random.default_rng(0))
    assert set(np.unique(varied.mask[:15])) == {255}
    assert 255 not in varied.mask[18:46, 18:46]
    assert varied.frame[:15].std() > 5


def test_a_share_of_the_examples_shows_the_object_moved_over_its_background():
    red = np.where(example().mask[..., None] > 0, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    rng = np.random.default_rng(0)
    source = Augmented([Example(red, example().mask)], moved=0.5)
    samples = [source.sample(rng) for _ in range(20)]
    scenes = [sample for sample in samples if sample.mask.shape != red.shape[:2]]
    assert 0 < len(scenes) < len(samples)
    for scene in scenes:
        assert (scene.mask == 1).any()
        agrees = (scene.frame[..., 0] > scene.frame[..., 2]) == (scene.mask == 1)
        assert agrees.mean() > 0.95


def test_an_object_too_small_to_be_moved_is_varied_only():
    mask = np.zeros((64, 64), np.uint8)
    mask[5, 5] = 1
    source = Augmented([Example(example().frame, mask)], moved=1.0)
    rng = np.random.default_rng(0)
    assert all(source.sample(rng).mask.shape == mask.shape for _ in range(3))


def test_without_a_share_for_scenes_examples_are_as_in_the_paper():
    source = Augmented([example()])
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    same.integers(1), same.random()
    assert np.array_equal(source.sample(rng).frame, example().varied(same).frame)


def test_fine_tuning_learns_the_example_and_leaves_the_parent_alone(compact):
    before = {name: tensor.clone() for name, tensor in compact.state_dict().items()}
    run = train_copy(compact, [example()], Device(), 60, 2e-3, "adapting")
    notes = []
    try:
        while True:
            notes.append(next(run))
    except StopIteration as end:
        learner = end.value
    assert [(step.done, step.total) for step in notes] == [(n, 60) for n in range(60)]
    assert notes[0].note == "adapting"
    assert notes[1].note.startswith("adapting, loss 0.")
    assert all(torch.equal(before[name], now) for name, now in compact.state_dict().items())
    with torch.inference_mode():
        truth = torch.from_numpy(example().mask)[None, None].float()
        first, last = (
            class_balanced(net(torch.from_numpy(example().frame)[None])[-1], truth)
            for net in (compact, learner)
        )
    assert last < 0.5 * first


def test_the_compact_network_finds_in_the_mirror_what_it_finds_in_the_frame(compact):
    frame = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    straight, mirrored = (predict([compact], f, Device(), twice=True) for f in (frame, frame[:, ::-1].copy()))
    assert torch.allclose(straight, mirrored.flip(3), atol=1e-5)


@pytest.mark.parametrize("kind", [CompactOsvos, Vgg16Osvos])
def test_a_look_gives_the_fused_logits_of_the_whole_network(kind):
    net = kind().eval()
    frame = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    with torch.no_grad():
        fused = net(torch.from_numpy(frame)[None])[-1]
    assert torch.allclose(predict([net], frame, Device()), fused.sigmoid(), atol=1e-5)


def test_training_ends_when_the_loss_stalls():
    falling = list(np.linspace(1, 0.1, 2 * finetune.WINDOW))
    assert not stalled(falling)
    assert stalled(falling + falling[-1:] * 2 * finetune.WINDOW)
    assert not stalled([1.0] * finetune.WINDOW)
    assert not stalled([1.0] * (2 * finetune.WINDOW + 1))


def segmenter(**options: object) -> engine.OsvosSegmenter:
    chosen = engine.Options(**({"short_side": 64, "iterations": 3} | options))
    return engine.build({w.name: locate(w) for w in engine.weights_for(chosen)}, Device(), chosen)


def run(built: engine.OsvosSegmenter, clip: MemoryClip, *prompts: Prompt) -> list[Prediction | Step]:
    return list(built.segment(clip, prompts))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    return tmp_path / "adapted"


def test_asking_again_skips_training_and_gives_the_same(cache):
    clip, masks = squares((1, 2), count=3)
    first = run(segmenter(), clip, Prompt(0, masks[0]))
    assert [item.note.partition(",")[0] for item in first if isinstance(item, Step)] == [
        "adapting to object 1"
    ] * 3 + ["adapting to object 2"] * 3
    again = run(segmenter(), clip, Prompt(0, masks[0]))
    assert not any(isinstance(item, Step) for item in again)
    pairs = zip([item for item in first if isinstance(item, Prediction)], again, strict=True)
    assert all(np.array_equal(a.mask, b.mask) and a.confidence == b.confidence for a, b in pairs)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("change", ["mask", "frame", "iterations", "size", "weights"])
def test_another_request_trains_again(cache, change):
    clip, masks = squares((1,), count=1)
    run(segmenter(), clip, Prompt(0, masks[0]))
    mask, options = masks[0].copy(), {}
    if change == "mask":
        mask[:20, :20] = 1
    elif change == "frame":
        clip.frames[0] = np.roll(clip.frames[0], 8, 1)
    elif change == "iterations":
        options = {"iterations": 2}
    elif change == "size":
        options = {"short_side": 80}
    built = segmenter(**options)
    if change == "weights":
        built = engine.OsvosSegmenter(CompactOsvos(), Device(), built.options)
    assert any(isinstance(item, Step) for item in run(built, clip, Prompt(0, mask)))


def test_without_iterations_the_parent_segments_alone(cache):
    clip, masks = squares((1,), count=2)
    items = run(segmenter(iterations=0), clip, Prompt(0, masks[0]))
    assert [type(item) for item in items] == [Prediction, Prediction]
    assert not cache.exists()


def test_all_prompted_frames_that_name_an_object_take_part(cache, monkeypatch):
    seen = {}

    def note_examples(parent, examples, device, iterations, rate, note):
        seen[note] = [np.unique(e.mask).tolist() for e in examples]
        yield Step(note, 0, 1)
        return parent

    monkeypatch.setattr(finetune, "train_copy", note_examples)
    clip, masks = squares((1, 4), count=4)
    void = masks[0].copy()
    void[60:70] = 255
    later = np.where(masks[2] == 4, 4, 0).astype(np.uint8)
    run(segmenter(), clip, Prompt(0, void), Prompt(2, later))
    assert seen == {
        "adapting to object 1": [[0, 1, 255]],
        "adapting to object 4": [[0, 1, 255], [0, 1]],
    }


def test_the_full_network_learns_and_follows(cache, vgg):
    options = engine.Options(network="vgg16", short_side=64, iterations=1)
    clip, masks = squares((1,), count=2, size_hw=(64, 64))
    items = run(engine.OsvosSegmenter(vgg, Device(), options), clip, Prompt(0, masks[0]))
    assert [type(item) for item in items] == [Step, Prediction, Prediction]
    assert [w.name for w in engine.weights_for(options)] == ["osvos-vgg16.safetensors"]


def test_bfloat16_agrees_with_float32(cache):
    clip, masks = squares((1,), count=2)
    options = engine.Options(short_side=64, iterations=0)
    exact, rough = (
        run(engine.OsvosSegmenter(segmenter()._parent, Device("cpu", p), options), clip, Prompt(0, masks[0]))
        for p in ("float32", "bfloat16")
    )
    assert iou(exact[-1].mask > 0, rough[-1].mask > 0) > 0.85
