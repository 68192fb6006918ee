"""The space-time memory network: a frame's mask, read out of frames whose masks are known.

After Oh et al., "Video Object Segmentation using Space-Time Memory Networks" (ICCV 2019), with the affinity
of Cheng et al., "Rethinking Space-Time Networks" (NeurIPS 2021). docs/engines.md draws it.

Sizes below: B images, O objects (in training B, one object an image), H x W pixels (multiples of 16),
h x w = H/16 x W/16, N = h w places, M = N times the frames in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.net.models.blocks import Residual, conv_relu, upsample
from vos.net.models.lite import Lite

_PRIOR_SCALE = 0.05
_TINY = (
    1e-30  # weights below, and their products, are denormal numbers: a CPU multiplies those ten times slower
)


@dataclass(frozen=True)
class Config:
    """Channel counts: mask encoder at strides 2, 4, 8, 16; decoder at strides 16, 8, 4, 2."""

    mask: tuple[int, int, int, int] = (8, 16, 32, 64)
    decoder: tuple[int, int, int, int] = (128, 64, 32, 16)
    skips: tuple[int, int, int] = (96, 48, 16)
    key: int = 48
    value: int = 128


class Features(NamedTuple):
    """All of a frame that no object changes: skip connections, its key, its share of object convolutions."""

    skip2: Tensor  # (B, 16, H/2, W/2)
    skip4: Tensor  # (B, 48, H/4, W/4)
    skip8: Tensor  # (B, 96, H/8, W/8)
    key: Tensor  # (B, N, 48)
    value3: Tensor  # (B, 128, h, w)
    value1: Tensor  # (B, 128, h, w)
    decode3: Tensor  # (B, 128, h, w)
    decode1: Tensor  # (B, 128, h, w)


class Cues(NamedTuple):
    """A soft mask as the network takes it: averaged to strides 4, 8 and 16, and encoded."""

    s4: Tensor  # (O, 1, H/4, W/4)
    s8: Tensor  # (O, 1, H/8, W/8)
    s16: Tensor  # (O, 1, h, w)
    code: Tensor  # (O, 64, h, w)


Prior = Tensor | tuple[Tensor, Tensor]  # rows (., 4) for places of a frame, and for those of the one before


class MemoryNetwork(nn.Module):
    """Encode a frame once; then, per object: value of a mask, reading of the memory, decoding of a mask."""

    def __init__(self, config: Config | None = None):
        super().__init__()
        c = self.config = config or Config()
        c2, c4, c8, c16 = Lite.widths
        d16, d8, d4, d2 = c.decoder
        k8, k4, k2 = c.skips
        self.trunk = Lite()
        self.key = nn.Conv2d(c16, c.key, 3, padding=1)
        self.skip8 = nn.Conv2d(c8, k8, 1)
        self.skip4 = nn.Conv2d(c4, k4, 1)
        self.skip2 = nn.Conv2d(c2, k2, 1)
        widths = (1, *c.mask)
        self.mask = nn.Sequential(*(conv_relu(widths[i], widths[i + 1], 3, 2) for i in range(4)))
        self.fuse = Residual(c.mask[-1], c.value, image=c16)
        self.fuse2 = Residual(c.value, c.value)
        self.distance = nn.Parameter(torch.tensor(1.0))
        self.decode16 = Residual(c.value + 1 + c.mask[-1], d16, image=c16)
        self.decode16b = Residual(d16, d16)
        self.up8 = nn.Conv2d(d16, k8, 1)
        self.decode8 = Residual(k8 + 1, d8)
        self.up4 = nn.Conv2d(d8, k4, 1)
        self.decode4 = Residual(k4 + 1, d4)
        self.up2 = nn.Conv2d(d4, k2, 1)
        self.decode2 = conv_relu(k2, d2)
        self.logit = nn.Conv2d(d2, 1, 3, padding=1)

    def encode(self, image: Tensor) -> Features:
        """Encode images (B, 3, H, W), RGB, normalised by MEAN_RGB and STD_RGB."""
        s2, s4, s8, s16 = self.trunk(image)  # strides 2, 4, 8, 16
        key = self.key(s16).flatten(2).transpose(1, 2)  # (B, N, 48)
        skips = self.skip2(s2), self.skip4(s4), self.skip8(s8)
        return Features(*skips, key, *self.fuse.terms(s16), *self.decode16.terms(s16))

    def cues(self, prob: Tensor) -> Cues:
        """Prepare soft masks (O, 1, H, W), 0..1, for `value` and, a frame later, for `decode`."""
        return Cues(*self.pooled(prob), self.mask(prob * 2 - 1))

    def pooled(self, prob: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return soft masks (O, 1, H, W) averaged to strides 4, 8 and 16."""
        s4 = F.avg_pool2d(prob, 4)
        s8 = F.avg_pool2d(s4, 2)
        return _channels_last(s4), _channels_last(s8), _channels_last(F.avg_pool2d(s8, 2))

    def value(self, features: Features, cues: Cues) -> Tensor:
        """Return what the memory holds of objects in a frame: (O, N, 128), in step with the frame's key."""
        return self.value_map(cues.code, features.value3, features.value1).flatten(2).transpose(1, 2)

    def value_map(self, code: Tensor, value3: Tensor, value1: Tensor) -> Tensor:
        """Return `value` as maps (O, 128, h, w); all may be the same window of a frame."""
        return self.fuse2(self.fuse(code, value3, value1))  # type: ignore[no-any-return]

    def prior(self, h: int, w: int) -> Tensor:
        """Return the prior (2, N, 4) that makes far places of the previous frame less likely.

        It adds -a |p - q|^2 for places p, q of the grid and a learnt a > 0. That is a product of functions of
        p and of q, so it takes four more channels of the affinity instead of an (N, N) table:
        -a |p - q|^2 = (2a qy, 2a qx, -a, -a |q|^2) . (py, px, |p|^2, 1). Row 0 is for q, row 1 for p.
        """
        device = self.distance.device
        scale = F.softplus(self.distance.float()) * _PRIOR_SCALE
        y, x = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
        places = torch.stack((y - h // 2, x - w // 2), 2).view(-1, 2).float()  # centred: smaller squares
        squares, one = places.square().sum(1, keepdim=True), torch.ones(h * w, 1, device=device)
        query = torch.cat((2 * places, -one, -squares), 1) * scale
        return torch.stack((query, torch.cat((places, squares, one), 1)))

    def affinity(self, query: Tensor, keys: Tensor, prior: Prior, bias: Tensor | None = None) -> Tensor:
        """How much places take of each place in memory: softmax over -|key - query|^2 / sqrt(C).

        query (B, N, C), keys (B, M, C), oldest frame first; the last P are the previous frame's. The prior is
        the rows (N, 4) of the one and (P, 4) of the other. A bias (B, M) is added to each place's exponent.
        Returns float32 (B, N, M), rows of sum 1. One product gives it, but for |query|^2, which is the same
        for all keys.
        """
        images, _, channels = query.shape
        with torch.autocast(query.device.type, enabled=False):  # squares of places do not fit in bfloat16
            query, keys = query.float(), keys.float()
            norms = keys.square().sum(2, keepdim=True) * -(channels**-0.5)  # (B, M, 1)
            norms = norms if bias is None else norms + bias[..., None]
            here, before = (rows.expand(images, -1, -1) for rows in prior)
            before = F.pad(before, (0, 0, keys.shape[1] - before.shape[1], 0))  # (B, M, 4)
            query = torch.cat((query * (2 * channels**-0.5), torch.ones_like(here[..., :1]), here), 2)
            keys = torch.cat((keys, norms, before), 2)
            weights = torch.softmax(query @ keys.transpose(1, 2), 2)  # (B, N, M)
        return weights if weights.requires_grad else weights.clamp_(min=_TINY)

    def read(self, query: Tensor, keys: Tensor, values: Tensor, prior: Prior) -> Tensor:
        """Read the memory at each place of a frame: `affinity` times values (B, M, V); returns (B, N, V)."""
        return self.affinity(query, keys, prior).to(values.dtype) @ values

    def decode(self, features: Features, readout: Tensor, previous: Cues) -> Tensor:
        """Return logits (O, 1, H/2, W/2) from readout (O, N, 128) and the masks of the frame before."""
        read = laid_out(readout, previous.s16)
        coarse = self.coarse(read, previous.s16, previous.code, features.decode3, features.decode1)
        return self.refine(coarse, previous.s8, previous.s4, *features[:3])

    def coarse(self, read: Tensor, s16: Tensor, code: Tensor, decode3: Tensor, decode1: Tensor) -> Tensor:
        """Return the decoder's features at stride 16, (O, 128, h, w); all may be the same window of a frame.

        read: the readout (O, 128, h, w); s16 and code: of the frame before.
        """
        x = torch.cat((read, s16, code), 1)
        return self.decode16b(self.decode16(x, decode3, decode1))  # type: ignore[no-any-return]

    def refine(
        self, coarse: Tensor, s8: Tensor, s4: Tensor, skip2: Tensor, skip4: Tensor, skip8: Tensor
    ) -> Tensor:
        """Return logits (O, 1, H/2, W/2) from coarse features; all may be the same window of a frame."""
        x = F.relu(upsample(self.up8(coarse), skip8).add_(skip8), inplace=True)
        x = self.decode8(torch.cat((x, s8), 1))  # (O, 64, H/8, W/8)
        x = F.relu(upsample(self.up4(x), skip4).add_(skip4), inplace=True)
        x = self.decode4(torch.cat((x, s4), 1))  # (O, 32, H/4, W/4)
        x = F.relu(upsample(self.up2(x), skip2).add_(skip2), inplace=True)
        return self.logit(self.decode2(x)).float()  # type: ignore[no-any-return]


def _channels_last(plane: Tensor) -> Tensor:
    """Return planes (O, 1, y, x) with the strides of that layout, which one channel leaves open.

    What they are joined with keeps its layout then.
    """
    return plane[:, 0, :, :, None].permute(0, 3, 1, 2)


def laid_out(places: Tensor, like: Tensor) -> Tensor:
    """Return what is known of places (O, N, C) as a map (O, C, h, w), of the height and width of `like`."""
    return places.reshape(len(places), *like.shape[-2:], -1).permute(0, 3, 1, 2)


def full_size(logits: Tensor) -> Tensor:
    """Upsample `decode`'s logits (O, 1, H/2, W/2) to (O, 1, H, W)."""
    return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)


def aggregate(logits: Tensor) -> Tensor:
    """Turn one logit per object (O, ...) into probabilities (O, ...) that leave the rest to the background.

    The soft aggregation of Oh et al. (RGMP, CVPR 2018, eq. 1), with the odds of the background 1: independent
    yes-or-no answers on condition that at most one says yes. One object keeps its sigmoid.
    """
    if len(logits) == 1:
        return logits.sigmoid()
    background = torch.zeros_like(logits[:1])
    return torch.cat((background, logits)).softmax(0)[1:]
