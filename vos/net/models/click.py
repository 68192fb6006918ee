"""The click network: a mask out of clicks, a box and the mask before, on a frame that is encoded once.

After Sofiiuk, Petrov and Konushin, "Reviving Iterative Training with Mask Guidance for Interactive
Segmentation" (2021): clicks are disks, and the mask before the newest click goes in, too. Here they join
behind a trunk that does not learn, so that a click costs a decoder; what is at the clicks is also looked for
in the whole frame, and places attend to all others (Vaswani et al., 2017) at stride 32.

Sizes below: B images, K clicks, H x W pixels (multiples of 32), h x w = H/16 x W/16.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.models import lite
from vos.net.models.blocks import Residual, conv_relu, upsample
from vos.net.models.lite import InvertedResidual, Lite

OFFICIAL = {"lite0": "lite0-deep.safetensors"}
STRIDE = 32
RADIUS = 5.0  # of a click's disk, in pixels
DEEP = 4, 192, 5  # EfficientNet-Lite0's stage at stride 32: blocks, channels, kernel
WIDTH = 96
HEADS = 4
CODE = 16, 32, 48, 64  # channels of the encoded prompt at strides 2, 4, 8, 16
SKIPS = 96, 48, 16  # at strides 8, 4, 2: the memory network's, whose decoder this one begins as


class Encoding(NamedTuple):
    """All of a frame that no click changes."""

    skip2: Tensor  # (B, 16, H/2, W/2)
    skip4: Tensor  # (B, 48, H/4, W/4)
    skip8: Tensor  # (B, 96, H/8, W/8)
    look: Tensor  # (B, 4, 16, h, w), of length 1: what is like what is at a click
    term3: Tensor  # (B, 96, h, w): the image's share of the first convolutions at stride 16
    term1: Tensor  # (B, 96, h, w)
    deep: Tensor  # (B, 96, h/2, w/2)


class Attention(nn.Module):
    """Places look at their surroundings, then at all others: depthwise convolution, attention, two layers."""

    def __init__(self, width: int):
        super().__init__()
        self.near = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, y, x) to alike."""
        x = x + self.near(x)
        batch, width, h, w = x.shape
        places = x.flatten(2).transpose(1, 2)  # (B, N, C)
        qkv = self.qkv(self.norm1(places)).view(batch, h * w, 3, HEADS, width // HEADS)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, N, C / heads)
        seen = F.scaled_dot_product_attention(query, key, value)
        places = places + self.out(seen.transpose(1, 2).reshape(batch, h * w, width))
        places = places + self.mlp(self.norm2(places))
        return places.transpose(1, 2).reshape(batch, width, h, w)  # type: ignore[no-any-return]


class ClickNetwork(nn.Module):
    """Encode a frame once; then, per click, decode a mask."""

    def __init__(self) -> None:
        super().__init__()
        c2, c4, c8, c16 = Lite.widths
        count, c32, kernel = DEEP
        k8, k4, k2 = SKIPS
        self.trunk = Lite().requires_grad_(False)
        inputs = [c16] + [c32] * (count - 1)
        self.deep = nn.Sequential(
            *(InvertedResidual(c, c32, 6, kernel, 1 if n else 2) for n, c in enumerate(inputs))
        )
        self.lateral32 = nn.Conv2d(c32, WIDTH, 1)
        self.lateral16 = nn.Conv2d(c16, WIDTH, 1)
        self.look = nn.Conv2d(WIDTH, HEADS * 16, 1)
        self.skip8, self.skip4, self.skip2 = nn.Conv2d(c8, k8, 1), nn.Conv2d(c4, k4, 1), nn.Conv2d(c2, k2, 1)
        widths = 4, *CODE
        self.prompt = nn.ModuleList(conv_relu(widths[i], widths[i + 1], 3, 2) for i in range(4))
        self.fuse = Residual(CODE[3] + 2 * HEADS, WIDTH, image=WIDTH)
        self.context = nn.Sequential(Attention(WIDTH), Attention(WIDTH))
        self.settle = Residual(WIDTH, WIDTH)
        self.up8 = nn.Conv2d(WIDTH + CODE[2], k8, 1)
        self.decode8 = Residual(k8 + 1, 64)
        self.up4 = nn.Conv2d(64, k4, 1)
        self.click4 = nn.Conv2d(CODE[1], k4, 1)
        self.decode4 = Residual(k4 + 1, 32)
        self.up2 = nn.Conv2d(32, k2, 1)
        self.click2 = nn.Conv2d(CODE[0], k2, 1)
        self.decode2 = conv_relu(k2, 16)
        self.logit = nn.Conv2d(16, 1, 3, padding=1)

    def encode(self, image: Tensor) -> Encoding:
        """Encode images (B, 3, H, W), RGB, normalised by MEAN_RGB and STD_RGB."""
        with torch.no_grad():
            s2, s4, s8, s16 = self.trunk(image)  # strides 2, 4, 8, 16
        s32 = self.deep(s16 / lite.SCALE) * lite.SCALE  # (B, 192, H/32, W/32)
        deep = self.lateral32(s32)
        x = self.lateral16(s16)
        x = x + upsample(deep, x)
        look = F.normalize(self.look(x).unflatten(1, (HEADS, 16)), dim=2)
        return Encoding(
            self.skip2(s2), self.skip4(s4), self.skip8(s8), look, *self.fuse.terms(x), deep
        )  # fmt: skip

    def decode(self, frame: Encoding, points: Tensor, box: Tensor, previous: Tensor) -> Tensor:
        """Return logits (B, 1, H/2, W/2).

        points (B, K, 3): x, y in pixels, and 1 for a click on the object, -1 for one beside it, 0 for none.
        box (B, 1, H, W): 1 inside; previous (B, 1, H, W): the mask before, 0..1; both 0 where there is none.
        """
        on, off = disks(points, previous)
        c2, c4, c8, c16 = self._codes(torch.cat((on, off, box, previous), 1))
        s4 = F.avg_pool2d(previous, 4)
        x = self.fuse(torch.cat((c16, alike(frame.look, points)), 1), frame.term3, frame.term1)
        far = self.context(F.avg_pool2d(x, 2) + frame.deep)
        x = self.settle(x + upsample(far, x))  # (B, 96, h, w)
        x = F.relu(self.up8(torch.cat((upsample(x, c8), c8), 1)) + frame.skip8)
        x = self.decode8(torch.cat((x, F.avg_pool2d(s4, 2)), 1))  # (B, 64, H/8, W/8)
        x = F.relu(upsample(self.up4(x), c4) + self.click4(c4) + frame.skip4)
        x = self.decode4(torch.cat((x, s4), 1))  # (B, 32, H/4, W/4)
        x = F.relu(upsample(self.up2(x), c2) + self.click2(c2) + frame.skip2)
        return self.logit(self.decode2(x)).float()  # type: ignore[no-any-return]

    def _codes(self, x: Tensor) -> list[Tensor]:
        codes = []
        for layer in self.prompt:
            x = layer(x)
            codes.append(x)
        return codes


def disks(points: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the disks of clicks (B, K, 3) on the object, and of those beside it: (B, 1, H, W), 0 or 1."""
    h, w = like.shape[-2:]
    y = torch.arange(h, device=points.device, dtype=points.dtype)[:, None]
    x = torch.arange(w, device=points.device, dtype=points.dtype)
    px, py, sign = (points[..., i, None, None] for i in range(3))  # (B, K, 1, 1)
    near = (x - px).square() + (y - py).square() <= RADIUS**2  # (B, K, H, W)
    return tuple((near & (sign == s)).any(1, keepdim=True).to(like.dtype) for s in (1, -1))  # type: ignore[return-value]


def alike(look: Tensor, points: Tensor) -> Tensor:
    """Return how much each place looks like one clicked on, and like one beside: (B, 2 heads, h, w), -1..1.

    look (B, heads, C, h, w), of length 1 over C; points as in `decode`. It is the largest cosine over clicks.
    """
    batch, heads, channels, h, w = look.shape
    column = (points[..., 0] / 16).long().clamp(0, w - 1)
    row = (points[..., 1] / 16).long().clamp(0, h - 1)
    places = (row * w + column)[:, None, None].expand(-1, heads, channels, -1)  # (B, heads, C, K)
    flat = look.flatten(3)  # (B, heads, C, N)
    cosine = flat.gather(3, places).transpose(2, 3) @ flat  # (B, heads, K, N)
    sign = points[:, None, :, 2, None]
    most = [cosine.masked_fill(sign != s, -1).amax(2) for s in (1, -1)]
    return torch.cat(most, 1).view(batch, 2 * heads, h, w)


def full_size(logits: Tensor) -> Tensor:
    """Upsample `decode`'s logits (B, 1, H/2, W/2) to (B, 1, H, W)."""
    return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)


def from_official(variant: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the stage at stride 32 as `deep.*`, from those of the classifier's PyTorch port.

    Raises:
        InvalidInput: a tensor is missing, or of another shape.
    """
    first = sum(stage[-1] for stage in lite.STAGES)
    deep = ClickNetwork().deep
    try:
        own: dict[str, Tensor] = {}
        for n in range(DEEP[0]):
            own |= lite.folded_block(tensors, str(n), first + n, 6)
        deep.load_state_dict(own)
    except (KeyError, RuntimeError) as error:
        raise InvalidInput("the checkpoint is not of EfficientNet-Lite0") from error
    return {f"deep.{name}": tensor for name, tensor in deep.state_dict().items()}
