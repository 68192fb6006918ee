"""Encoders that several networks share: a frame in, its features at falling resolutions out."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.net.device import dtype, torch_device
from vos.types import Device

Network = TypeVar("Network", bound=nn.Module)

STRIDE = 16
MEAN_RGB = (0.485, 0.456, 0.406)
STD_RGB = (0.229, 0.224, 0.225)
MEAN_BGR = (104.00699, 116.66877, 122.67892)  # 0..255: what Caffe's networks, and those after them, subtract
VGG16_WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class ConvNorm(nn.Module):
    """Convolution and batch norm; `image` channels have a convolution of their own, shared by all objects."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, image: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.image = nn.Conv2d(image, outputs, kernel, stride, kernel // 2, bias=False) if image else None
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, term: Tensor | None = None) -> Tensor:
        """Convolve x (B, inputs, y, x), add the image's term, normalise."""
        y = self.conv(x)
        if term is not None:
            y += term
        return self.norm(y)  # type: ignore[no-any-return]

    def term(self, image: Tensor) -> Tensor:
        """Return what the image features (B, image, y, x) add before the norm."""
        assert self.image is not None
        return self.image(image)  # type: ignore[no-any-return]

    def fold(self) -> None:
        """Put the batch norm's running statistics into the weights; the block is then for inference only."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d):
            return
        assert norm.running_var is not None
        assert norm.running_mean is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        self.conv.weight.data *= scale[:, None, None, None]
        self.conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        if self.image is not None:
            self.image.weight.data *= scale[:, None, None, None]
        self.norm = nn.Identity()


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., 2016); `image` as in ConvNorm."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, image: int = 0):
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs, 3, stride, image)
        self.conv2 = ConvNorm(outputs, outputs)
        plain = inputs == outputs and stride == 1 and not image
        self.shortcut = None if plain else ConvNorm(inputs, outputs, 1, stride, image)

    def terms(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return what image features add to the first convolution and to the shortcut."""
        assert self.shortcut is not None
        return self.conv1.term(image), self.shortcut.term(image)

    def forward(self, x: Tensor, term3: Tensor | None = None, term1: Tensor | None = None) -> Tensor:
        """Map (B, inputs, y, x) to (B, outputs, y/stride, x/stride)."""
        y = self.conv2(F.relu(self.conv1(x, term3), inplace=True))
        y += x if self.shortcut is None else self.shortcut(x, term1)
        return F.relu(y, inplace=True)


def conv_relu(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch norm and ReLU."""
    return nn.Sequential(ConvNorm(inputs, outputs, kernel, stride), nn.ReLU(inplace=True))


def upsample(x: Tensor, like: Tensor) -> Tensor:
    """Return x (B, C, y, x) bilinearly at the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class Compact(nn.Module):
    """A small residual trunk of 1.6 M parameters; `python -m vos train backbone` gives it a start."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 160)):
        super().__init__()
        c2, c4, c8, c16 = self.widths = widths
        self.stem = conv_relu(3, c2, 5, 2)
        self.stage4 = nn.Sequential(Residual(c2, c4, 2), Residual(c4, c4))
        self.stage8 = nn.Sequential(Residual(c4, c8, 2), Residual(c8, c8))
        self.stage16 = nn.Sequential(Residual(c8, c16, 2), Residual(c16, c16), Residual(c16, c16))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode images (B, 3, H, W), RGB, from `normalise`; H and W are multiples of 16."""
        s2 = self.stem(image)  # (B, 24, H/2, W/2)
        s4 = self.stage4(s2)  # (B, 48, H/4, W/4)
        s8 = self.stage8(s4)  # (B, 96, H/8, W/8)
        return s2, s4, s8, self.stage16(s8)  # (B, 160, H/16, W/16)


def vgg16_stages(inputs: int = 3) -> nn.ModuleList:
    """Return VGG16's convolutions in five stages, at strides 1, 2, 4, 8 and 16, He-initialised.

    Simonyan and Zisserman, "Very Deep Convolutional Networks" (ICLR 2015), configuration D. Sizes round up.
    """
    stages = nn.ModuleList()
    for number, widths in enumerate(VGG16_WIDTHS):
        layers: list[nn.Module] = [nn.MaxPool2d(2, 2, ceil_mode=True)] if number else []
        for width in widths:
            conv = nn.Conv2d(inputs, width, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            layers += [conv, nn.ReLU(inplace=True)]
            inputs = width
        stages.append(nn.Sequential(*layers))
    return stages


def ready(network: Network, device: Device) -> Network:
    """Return a copy for inference on a device, at its precision: no gradients, batch norms folded."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    fold(network)
    return network.to(torch_device(device), dtype(device), memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fold(network: nn.Module) -> None:
    """Fold every ConvNorm's batch norm into its convolution: same numbers, less work, no more training."""
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module.fold()


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 RGB (B, H, W, 3) into the network's input, float32 (B, 3, H, W)."""
    images = images.permute(0, 3, 1, 2)
    mean = torch.tensor(MEAN_RGB, device=images.device).view(3, 1, 1) * 255
    std = torch.tensor(STD_RGB, device=images.device).view(3, 1, 1) * 255
    return (images - mean).div_(std)


def to_caffe(images: Tensor) -> Tensor:
    """Turn uint8 RGB (B, H, W, 3) into Caffe's input, float32 (B, 3, H, W): BGR, 0..255, less its mean."""
    mean = torch.tensor(MEAN_BGR, device=images.device).view(3, 1, 1)
    return images.flip(3).permute(0, 3, 1, 2) - mean
