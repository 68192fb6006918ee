"""The pre-trained trunk: the published network's numbers, batch norms folded, and only its end learns."""

import pytest
import torch
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.models.blocks import MEAN_RGB, normalise
from vos.net.models.lite import STAGES, Lite, from_official

PIXELS = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def official():
    """Return random numbers under the published names."""
    random = torch.Generator().manual_seed(1)
    tensors = {}

    def block(conv, norm, shape):
        fan = shape[1] * shape[2] * shape[3]
        tensors[f"{conv}.weight"] = torch.randn(shape, generator=random) * (2 / fan) ** 0.5
        for part in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{part}"] = torch.rand(shape[0], generator=random) + (0.5 if "var" in part else 0)

    block("_conv_stem", "_bn0", (32, 3, 3, 3))
    inputs, number = 32, 0
    for expansion, kernel, _, outputs, count in STAGES:
        for _ in range(count):
            name, middle = f"_blocks.{number}", inputs * expansion
            if expansion > 1:
                block(f"{name}._expand_conv", f"{name}._bn0", (middle, inputs, 1, 1))
            block(f"{name}._depthwise_conv", f"{name}._bn1", (middle, 1, kernel, kernel))
            block(f"{name}._project_conv", f"{name}._bn2", (outputs, middle, 1, 1))
            inputs, number = outputs, number + 1
    return tensors


def plain(tensors):
    """Return the features at strides 2, 4, 8 and 16 as published, batch norm by batch norm."""

    def norm(x, name):
        parts = [tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, eps=1e-3)

    x = PIXELS.permute(0, 3, 1, 2).float()
    # The project pads with the mean colour, which is what 0 stands for after its `normalise`.
    framed = (torch.tensor(MEAN_RGB) * 255).view(1, 3, 1, 1).repeat(1, 1, 66, 98)
    framed[..., 1:-1, 1:-1] = x
    x = F.relu6(norm(F.conv2d((framed - 127) / 128, tensors["_conv_stem.weight"], stride=2), "_bn0"))
    number, features = 0, []
    for expansion, kernel, stride, _, count in STAGES:
        for block in range(count):
            name, before = f"_blocks.{number}", x
            if expansion > 1:
                x = F.relu6(norm(F.conv2d(x, tensors[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
            weight = tensors[f"{name}._depthwise_conv.weight"]
            step = 1 if block else stride
            x = F.conv2d(x, weight, stride=step, padding=kernel // 2, groups=len(weight))
            x = norm(
                F.conv2d(F.relu6(norm(x, f"{name}._bn1")), tensors[f"{name}._project_conv.weight"]),
                f"{name}._bn2",
            )
            x = x + before if block else x
            number += 1
        features.append(x)
    return [features[i] / 8 for i in (0, 1, 2, 4)]


def test_the_features_are_those_of_the_published_network(official):
    trunk = Lite()
    trunk.load_state_dict({k.removeprefix("trunk."): v for k, v in from_official("lite0", official).items()})
    learning = trunk(normalise(PIXELS))
    with torch.inference_mode():  # by other kernels
        used = trunk(normalise(PIXELS))
    for stride, *features, expected in zip((2, 4, 8, 16), learning, used, plain(official), strict=True):
        for got in features:
            assert got.shape[2:] == (64 // stride, 96 // stride)
            torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_another_checkpoint_is_refused(official):
    del official["_blocks.4._depthwise_conv.weight"]
    with pytest.raises(InvalidInput, match="not of EfficientNet-Lite0"):
        from_official("lite0", official)


def test_only_the_end_of_the_trunk_learns():
    trunk = Lite()
    learning = {name.split(".")[1] for name, p in trunk.named_parameters() if p.requires_grad}
    assert learning == {"3", "4"}
