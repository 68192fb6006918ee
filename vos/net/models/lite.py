"""EfficientNet-Lite0 up to stride 16: the trunk of the memory network, OSVOS and COSNet.

Tan and Le, "EfficientNet: Rethinking Model Scaling" (ICML 2019), in the authors' Lite form for processors
without an accelerator: ReLU6 and no squeeze-and-excitation. It starts from what classifying ImageNet has
taught it, with batch norms folded into the convolutions. `python -m vos weights import` reads that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vos.errors import InvalidInput
from vos.net.models.blocks import MEAN_RGB, STD_RGB

OFFICIAL = {"lite0": "lite0.safetensors"}
# expansion, kernel, stride, channels, blocks; the stages end at strides 2, 4, 8, 16 and 16
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3))
NORM_EPS = 1e-3
SCALE = 1 / 8  # of what comes out: as published its standard deviation is 6 to 9, and layers like 1
PRETRAINED = 0.1  # of the learning rate: its own
FUSED = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)  # where torch is built with oneDNN
GREY, SPREAD = 127.0, 128.0  # the pixels that the published weights take as 0, and as 1 more


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)


def conv_relu6(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Return ReLU6 of a convolution; for inference on a CPU one kernel does both where it can."""
    is_bfloat16_missing = x.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if FUSED is None or x.device.type != "cpu" or torch.is_grad_enabled() or is_bfloat16_missing:
        return nn.functional.relu6(conv(x), inplace=True)
    where = conv.padding, conv.stride, conv.dilation, conv.groups
    return FUSED(x, conv.weight, conv.bias, *where, "hardtanh", [0.0, 6.0], "")  # type: ignore[no-any-return]


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, project (Sandler et al., "MobileNetV2", CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        middle = inputs * expansion
        self.expand = _conv(inputs, middle) if expansion > 1 else None
        self.depthwise = _conv(middle, middle, kernel, stride, middle)
        self.project = _conv(middle, outputs)
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, y, x) to (B, outputs, y/stride, x/stride)."""
        y = x if self.expand is None else conv_relu6(self.expand, x)
        y = self.project(conv_relu6(self.depthwise, y))
        return y + x if self.residual else y  # type: ignore[no-any-return]


class Lite(nn.Module):
    """The trunk, 0.69 M parameters; those up to stride 8 do not learn, as they cost the most."""

    widths = (16, 24, 40, 112)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        inputs = 32
        for expansion, kernel, stride, outputs, count in STAGES:
            blocks = []
            for number in range(count):
                blocks.append(InvertedResidual(inputs, outputs, expansion, kernel, 1 if number else stride))
                inputs = outputs
            self.stages.append(nn.Sequential(*blocks))
        self.stem.requires_grad_(False)
        self.stages[:3].requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode images (B, 3, H, W), RGB, from `normalise`; H and W are multiples of 16."""
        return self.end(*self.begin(image))

    def begin(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what does not learn, and so is the same in every trunk: strides 2, 4 and 8."""
        s2 = self.stages[0](conv_relu6(self.stem, image))  # (B, 16, H/2, W/2)
        s4 = self.stages[1](s2)  # (B, 24, H/4, W/4)
        return s2, s4, self.stages[2](s4)  # (B, 40, H/8, W/8)

    def end(self, s2: Tensor, s4: Tensor, s8: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the trunk's features from those of `begin`."""
        s16 = self.stages[4](self.stages[3](s8))  # (B, 112, H/16, W/16)
        return s2 * SCALE, s4 * SCALE, s8 * SCALE, s16 * SCALE


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Return an optimizer's groups of what learns in a network, each with its `share` of the rate."""
    pretrained = [m for m in network.modules() if isinstance(m, (Lite, InvertedResidual))]
    trunk = {parameter for module in pretrained for parameter in module.parameters()}
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p not in trunk], "share": 1.0},
        {"params": [p for p in learning if p in trunk], "share": PRETRAINED},
    ]
    return [group for group in groups if group["params"]]


def from_official(variant: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trunk's weights as `trunk.*`, from those of the classifier under the PyTorch port's names.

    The norms of batches go into the convolutions, and so does the difference between our `normalise` and the
    scale of the published weights.

    Raises:
        InvalidInput: a tensor is missing, or of another shape.
    """
    trunk = Lite()
    try:
        own = dict(_folded(tensors, "stem", "_conv_stem", "_bn0"))
        number = 0
        for stage, (expansion, _, _, _, count) in enumerate(STAGES):
            for block in range(count):
                own |= folded_block(tensors, f"stages.{stage}.{block}", number, expansion)
                number += 1
        weight = own["stem.weight"]
        shift = (torch.tensor(MEAN_RGB) * 255 - GREY) / SPREAD
        own["stem.bias"] += (weight * shift[:, None, None]).sum((1, 2, 3))
        own["stem.weight"] = weight * (torch.tensor(STD_RGB) * 255 / SPREAD)[:, None, None]
        trunk.load_state_dict(own)
    except (KeyError, RuntimeError) as error:
        raise InvalidInput("the checkpoint is not of EfficientNet-Lite0") from error
    return {f"trunk.{name}": tensor for name, tensor in trunk.state_dict().items()}


def folded_block(tensors: Mapping[str, Tensor], name: str, number: int, expansion: int) -> dict[str, Tensor]:
    """Return the weights of an InvertedResidual called `name` from those of a block of the PyTorch port.

    Raises:
        KeyError: a tensor is missing.
    """
    theirs = f"_blocks.{number}"
    own = _folded(tensors, f"{name}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
    own |= _folded(tensors, f"{name}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    if expansion > 1:
        own |= _folded(tensors, f"{name}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
    return own


def _folded(tensors: Mapping[str, Tensor], name: str, conv: str, norm: str) -> dict[str, Tensor]:
    mean, variance = tensors[f"{norm}.running_mean"], tensors[f"{norm}.running_var"]
    scale = tensors[f"{norm}.weight"] * torch.rsqrt(variance + NORM_EPS)
    weight = tensors[f"{conv}.weight"] * scale[:, None, None, None]
    return {f"{name}.weight": weight, f"{name}.bias": tensors[f"{norm}.bias"] - mean * scale}
