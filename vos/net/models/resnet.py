"""The dilated residual encoder of DeepLab v3: features at stride 8, with all the depth of a ResNet.

He et al., "Deep Residual Learning" (CVPR 2016); Chen et al., "Rethinking Atrous Convolution" (2017). The
modules have the names of the official COSNet checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DEPTHS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}  # blocks in each of the four stages
EXPANSION = 4
RATES = (6, 12, 18)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; the stride is on the first."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int):
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if inputs != outputs or stride > 1:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, y, x) to (B, 4 width, y/stride, x/stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: the same place seen at five widths."""

    def __init__(self, inputs: int, width: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, width, 1)
        self.bn_x = nn.BatchNorm2d(width)
        self.conv2d_0, self.bn_0 = nn.Conv2d(inputs, width, 1), nn.BatchNorm2d(width)
        for i, rate in enumerate(RATES, 1):
            setattr(self, f"conv2d_{i}", nn.Conv2d(inputs, width, 3, padding=rate, dilation=rate))
            setattr(self, f"bn_{i}", nn.BatchNorm2d(width))
        self.bottleneck = nn.Conv2d(width * (2 + len(RATES)), outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h, w)."""
        pooled = self.bn_x(self.conv(x.mean((2, 3), keepdim=True)))  # (B, width, 1, 1)
        views = [pooled.expand(-1, -1, *x.shape[-2:])]
        for i in range(1 + len(RATES)):
            views.append(getattr(self, f"bn_{i}")(getattr(self, f"conv2d_{i}")(x)))
        return self.prelu(self.bn(self.bottleneck(torch.cat(views, 1))))  # type: ignore[no-any-return]


class DilatedResNet(nn.Module):
    """Stem, four stages of blocks (the last two dilated by 2 and 4), pyramid; and a classifier of its own."""

    def __init__(self, depths: tuple[int, int, int, int], channels: int = 256):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, depths[0], 1, 1)
        self.layer2 = _stage(256, 128, depths[1], 2, 1)
        self.layer3 = _stage(512, 256, depths[2], 1, 2)
        self.layer4 = _stage(1024, 512, depths[3], 1, 4)
        self.layer5 = Pyramid(2048, 512, channels)
        self.main_classifier = nn.Conv2d(channels, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Encode images (B, 3, H, W), as (B, channels, H/8, W/8), rounded up."""
        x = F.relu(self.bn1(self.conv1(image)), inplace=True)  # (B, 64, H/2, W/2)
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)  # (B, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 2048, H/8, W/8)
        return self.layer5(x)  # type: ignore[no-any-return]


def _stage(inputs: int, width: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride, dilation)
    return nn.Sequential(
        first, *(Bottleneck(width * EXPANSION, width, 1, dilation) for _ in range(blocks - 1))
    )
