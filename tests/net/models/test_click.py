"""The click network: its parts against plain loops, the deep stage against the published network."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.models.blocks import ready
from vos.net.models.click import (
    HEADS,
    RADIUS,
    Attention,
    ClickNetwork,
    alike,
    disks,
    from_official,
    full_size,
)
from vos.types import Device
from vos.weights import FOLDER


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    network = ClickNetwork()
    for name, buffer in network.named_buffers():  # as after training: not the identity
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return network.eval()


def test_the_trunks_first_stages_are_the_same_numbers_as_the_memory_networks():
    own, memory = load_file(FOLDER / "lite0.safetensors"), load_file(FOLDER / "memory.safetensors")
    first = [
        name for name in own if name.startswith(("trunk.stem", *(f"trunk.stages.{i}." for i in range(3))))
    ]
    assert len(first) == 2 + 4 + 2 * 6 + 2 * 6
    assert all(torch.equal(own[name], memory[name]) for name in first)


def test_disks_cover_the_pixels_within_the_radius_of_a_click_of_their_sign():
    points = torch.tensor([[[4, 3, 1], [30, 20, -1], [31, 2, 1]], [[9, 9, -1], [0, 0, 0], [0, 0, 0]]]).float()
    on, off = disks(points, torch.zeros(2, 1, 24, 32))
    for image in range(2):
        for plane, sign in ((on, 1), (off, -1)):
            expected = np.zeros((24, 32))
            for x, y, s in points[image].tolist():
                for row in range(24):
                    for column in range(32):
                        if s == sign and (row - y) ** 2 + (column - x) ** 2 <= RADIUS**2:
                            expected[row, column] = 1
            assert np.array_equal(plane[image, 0].numpy(), expected)


def test_alike_is_the_largest_cosine_to_a_clicked_place():
    look = F.normalize(torch.randn(1, HEADS, 16, 4, 6, generator=torch.Generator().manual_seed(1)), dim=2)
    points = torch.tensor([[[5.0, 5.0, 1], [95.0, 63.0, 1], [40.0, 20.0, -1], [0.0, 0.0, 0]]])
    got = alike(look, points)[0]
    places = {1: [(0, 0), (3, 5)], -1: [(1, 2)]}
    for sign, offset in ((1, 0), (-1, HEADS)):
        for head in range(HEADS):
            vectors = look[0, head].numpy()
            cosines = [np.einsum("c,cyx->yx", vectors[:, y, x], vectors) for y, x in places[sign]]
            np.testing.assert_allclose(got[offset + head], np.max(cosines, 0), atol=1e-5)
    nothing = alike(look, torch.zeros(1, 1, 3))
    assert torch.equal(nothing, torch.full_like(nothing, -1))


def test_attention_is_the_published_formula():
    torch.manual_seed(0)
    layer, x = Attention(8), torch.randn(1, 8, 3, 4)
    got = layer(x)[0].detach().flatten(1).T.numpy()
    weights = {name: p.detach().numpy() for name, p in layer.named_parameters()}

    def norm(rows, name):
        rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 1e-5)
        return rows * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    near = F.conv2d(x, layer.near.weight, layer.near.bias, padding=2, groups=8)
    rows = (x + near)[0].detach().flatten(1).T.numpy()
    query, key, value = np.split(norm(rows, "norm1") @ weights["qkv.weight"].T + weights["qkv.bias"], 3, 1)
    seen = []
    for part in np.split(np.arange(8), HEADS):
        scores = np.exp(query[:, part] @ key[:, part].T / np.sqrt(len(part)))
        seen.append(scores / scores.sum(1, keepdims=True) @ value[:, part])
    rows = rows + np.concatenate(seen, 1) @ weights["out.weight"].T + weights["out.bias"]
    hidden = F.gelu(torch.from_numpy(norm(rows, "norm2") @ weights["mlp.0.weight"].T + weights["mlp.0.bias"]))
    expected = rows + hidden.numpy() @ weights["mlp.2.weight"].T + weights["mlp.2.bias"]
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_the_network_made_ready_gives_the_same_logits(network):
    random = torch.Generator().manual_seed(4)
    image = torch.randn(1, 3, 64, 96, generator=random)
    points = torch.tensor([[[20.0, 30.0, 1], [80.0, 5.0, -1]]])
    box, previous = (torch.rand(1, 1, 64, 96, generator=random) for _ in range(2))
    fast, rough = ready(network, Device()), ready(network, Device("cpu", "bfloat16"))
    with torch.inference_mode():
        plain = network.decode(network.encode(image), points, box, previous)
        got = fast.decode(fast.encode(image), points, box, previous)
        half = [tensor.bfloat16() for tensor in (image, box, previous)]
        near = rough.decode(rough.encode(half[0]), points, *half[1:])
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, plain, rtol=0, atol=0.1 * float(plain.abs().max()))
    assert got.shape == (1, 1, 32, 48)
    assert full_size(got).shape == (1, 1, 64, 96)
    torch.testing.assert_close(got, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))


def test_the_trunk_does_not_learn_and_all_else_does(network):
    network.zero_grad()
    logits = network.decode(
        network.encode(torch.randn(2, 3, 64, 64)),
        torch.tensor([[[9.0, 9.0, 1]], [[50.0, 9.0, 1]]]),
        *torch.rand(2, 2, 1, 64, 64),
    )
    logits.square().mean().backward()
    without = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is None}
    assert without == {"trunk"}


def test_the_deep_stage_is_the_published_networks():
    random, tensors, inputs = torch.Generator().manual_seed(1), {}, 112
    for number in range(11, 15):
        parts = (("_expand_conv", "_bn0", (inputs * 6, inputs, 1, 1)),
                 ("_depthwise_conv", "_bn1", (inputs * 6, 1, 5, 5)),
                 ("_project_conv", "_bn2", (192, inputs * 6, 1, 1)))  # fmt: skip
        for conv, norm, shape in parts:
            name = f"_blocks.{number}"
            tensors[f"{name}.{conv}.weight"] = (
                torch.randn(shape, generator=random) * (2 / np.prod(shape[1:])) ** 0.5
            )
            for part in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"{name}.{norm}.{part}"] = torch.rand(shape[0], generator=random) + 0.3
        inputs = 192
    network = ClickNetwork()
    own = from_official("lite0", tensors)
    network.load_state_dict(own, strict=False)
    assert set(own) == {name for name in network.state_dict() if name.startswith("deep.")}
    x = expected = torch.rand(1, 112, 6, 8, generator=random)

    def norm(x, name):
        parts = [tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, eps=1e-3)

    for number in range(11, 15):
        name, before = f"_blocks.{number}", expected
        y = F.relu6(norm(F.conv2d(before, tensors[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
        weight = tensors[f"{name}._depthwise_conv.weight"]
        y = F.conv2d(y, weight, stride=2 if number == 11 else 1, padding=2, groups=len(weight))
        y = F.conv2d(F.relu6(norm(y, f"{name}._bn1")), tensors[f"{name}._project_conv.weight"])
        y = norm(y, f"{name}._bn2")
        expected = y if number == 11 else y + before
    got = network.deep(x)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    del tensors["_blocks.12._bn1.bias"]
    with pytest.raises(InvalidInput, match="not of EfficientNet-Lite0"):
        from_official("lite0", tensors)
