"""OSVOS: each frame on its own becomes a mask, by a network that learns the object from the prompted frames.

Caelles et al., "One-Shot Video Object Segmentation" (CVPR 2017): a trunk, and at every stride a side branch
whose features are brought to full size and fused. docs/engines.md draws both networks.

Sizes below: B images, H x W pixels. Both networks take uint8 RGB (B, H, W, 3) and return logits (B, 1, H, W):
those of the side branches, fine to coarse, and last the fused ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vos.net.models.blocks import Residual, conv_relu, normalise, to_caffe, upsample, vgg16_stages
from vos.net.models.lite import Lite
from vos.types import Weight

STRIDES = (2, 4, 8, 16)


class Vgg16Osvos(nn.Module):
    """The paper's network, with the names and shapes of the official parent checkpoint; any H and W.

    The upsampling weights are parameters, as there, but do not learn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = vgg16_stages()
        self.side_prep = nn.ModuleList(nn.Conv2d(c, 16, 3, padding=1) for c in (128, 256, 512, 512))
        self.score_dsn = nn.ModuleList(nn.Conv2d(16, 1, 1) for _ in STRIDES)
        self.upscale = nn.ModuleList(_bilinear(16, stride) for stride in STRIDES)
        self.upscale_ = nn.ModuleList(_bilinear(1, stride) for stride in STRIDES)
        self.fuse = nn.Conv2d(64, 1, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps of logits; see the module."""
        x = self.stages[0](to_caffe(images).to(self.fuse.weight.dtype))  # (B, 64, H, W)
        size_hw = images.shape[1:3]
        logits, features = [], []
        for i in range(len(STRIDES)):
            x = self.stages[i + 1](x)  # (B, C, H/stride, W/stride), rounded up
            side = self.side_prep[i](x)  # (B, 16, H/stride, W/stride)
            logits.append(_centre(self.upscale_[i](self.score_dsn[i](side)), size_hw))  # (B, 1, H, W)
            features.append(_centre(self.upscale[i](side), size_hw))  # (B, 16, H, W)
        return [*logits, self.fuse(torch.cat(features, 1))]

    def shared(self, images: Tensor) -> Tensor:
        """Return what fine-tuning does not change: the images."""
        return images

    def fused(self, shared: Tensor) -> Tensor:
        """Return the fused logits (B, 1, H, W)."""
        return self(shared)[-1]  # type: ignore[no-any-return]


class CompactOsvos(nn.Module):
    """The same idea on a small trunk, whose end alone learns; H and W are multiples of 16.

    Differences: side features also take in those of the next coarser stride, through a residual block,
    before they are scored and fused; all ends at stride 2 and is upsampled from there. Fusing is a sum
    of 1x1 convolutions, which is that of the upsampled features put side by side. The contour branch
    (section 3.4) shares the features instead of being a network of its own.
    """

    def __init__(self, sides: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.trunk = Lite()
        self.side_prep = nn.ModuleList(conv_relu(c, s) for c, s in zip(self.trunk.widths, sides, strict=True))
        self.coarser = nn.ModuleList(nn.Conv2d(sides[i + 1], sides[i], 1) for i in range(3))
        self.merge = nn.ModuleList(Residual(s, s) for s in sides)
        self.score = nn.ModuleList(nn.Conv2d(s, 3, 1) for s in sides)  # own logit; shares of fused, contour

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps of logits; see the module."""
        return self.branches(images)[:-1]

    def branches(self, images: Tensor) -> list[Tensor]:
        """Return the five maps of logits, and a sixth of objects' contours."""
        return [upsample(logits, images[..., 0]) for logits in self._maps(self.shared(images))]

    def shared(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what fine-tuning does not change: the trunk's beginning."""
        return self.trunk.begin(normalise(images).to(next(self.parameters()).dtype))

    def fused(self, shared: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return the fused logits (B, 1, H/2, W/2)."""
        return self._maps(shared)[-2]

    def _maps(self, shared: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
        """Return the six maps of logits at stride 2."""
        stages = self.trunk.end(*shared)
        x: Tensor | None = None
        scores = []
        for i in reversed(range(len(STRIDES))):
            side = self.side_prep[i](stages[i])  # (B, 16 to 96, H/stride, W/stride)
            x = self.merge[i](side if x is None else side + upsample(self.coarser[i](x), side))
            scores.append(self.score[i](x))  # (B, 3, H/stride, W/stride)
        scores = [upsample(score, scores[-1]) for score in scores[::-1]]  # (B, 3, H/2, W/2)
        fused = torch.stack([score[:, 1:] for score in scores]).sum(0)  # (B, 2, H/2, W/2)
        return *(score[:, :1] for score in scores), fused[:, :1], fused[:, 1:]


COMPACT = Weight(
    "osvos.safetensors",
    "91168a5b9974cb62444025d8eb7832f46f1bd23ae5e5d1c8dc51b6b73502dbc5",
    licence="CC BY-NC 4.0 (trained on DAVIS)",
)
Osvos = Vgg16Osvos | CompactOsvos
NETWORKS = {"compact": CompactOsvos, "vgg16": Vgg16Osvos}


def _bilinear(channels: int, stride: int) -> nn.ConvTranspose2d:
    """Return fixed bilinear upsampling of each channel by a stride; the result has a margin of stride / 2."""
    conv = nn.ConvTranspose2d(channels, channels, 2 * stride, stride, bias=False)
    ramp = 1 - (torch.arange(2 * stride) - (stride - 0.5)).abs() / stride  # (2 stride,)
    conv.weight.data = torch.eye(channels)[:, :, None, None] * (ramp[:, None] * ramp)
    return conv.requires_grad_(False)


def _centre(x: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    """Return the middle (B, C, H, W) of larger maps."""
    top, left = ((have - want) // 2 for have, want in zip(x.shape[-2:], size_hw, strict=True))
    return x[..., top : top + size_hw[0], left : left + size_hw[1]]
