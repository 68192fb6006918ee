"""Co-attention networks: the main object of a clip, by what two of its frames have in common. No mask needed.

Lu et al., "See More, Know More: Unsupervised Video Object Segmentation with Co-Attention Siamese Networks"
(CVPR 2019): the network of the paper, and a compact one. docs/engines.md draws them.

Sizes: B pairs, H x W pixels, N = h w places of the query frame, M = h w places of the reference frame;
h x w = H/8 x W/8, in the compact network H/16 x W/16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.errors import InvalidInput
from vos.net.models.blocks import ConvNorm, Residual, conv_relu, normalise, to_caffe, upsample
from vos.net.models.lite import Lite
from vos.net.models.resnet import DEPTHS, DilatedResNet

FORMS = ("vanilla", "channel")
NETWORKS = ("compact", *DEPTHS)
RATES = (2, 4, 8)  # of the compact pyramid, at stride 16


@dataclass(frozen=True)
class Config:
    """Which network, and the form of its co-attention.

    Raises:
        InvalidInput: a value is not among the choices.
    """

    network: str = "compact"
    form: str = "vanilla"

    def __post_init__(self) -> None:
        for name, allowed in (("network", NETWORKS), ("form", FORMS)):
            if getattr(self, name) not in allowed:
                raise InvalidInput(f"{name} is {getattr(self, name)!r}; allowed are: {', '.join(allowed)}")


class Features(NamedTuple):
    """All that is kept of a frame: the embedding that takes part in co-attention, and skip connections."""

    embedding: Tensor  # (B, C, h, w)
    skips: tuple[Tensor, ...]  # compact: (B, 64, H/8, W/8), (B, 32, H/4, W/4), (B, 16, H/2, W/2)


class CoAttention(nn.Module):
    """Each place of a frame gathers what is like it in another frame (section 3.1)."""

    def __init__(self, channels: int, form: str = "vanilla"):
        super().__init__()
        self.form = form
        if form == "vanilla":
            self.linear_e = nn.Linear(channels, channels, bias=False)
        else:
            self.weigh = nn.Linear(channels, channels)
        self.gate = nn.Conv2d(channels, 1, 1, bias=False)

    def affinity(self, query: Tensor, reference: Tensor) -> Tensor:
        """Return S (B, N, M) of embeddings (B, C, h, w).

        vanilla: S = Va^T W Vb. channel: S = (Da Va)^T (Db Vb), where each frame's D is a weight per channel,
        a sigmoid of a linear layer on the frame's mean (2020 follow-up).
        """
        a, b = (x.flatten(2).transpose(1, 2) for x in (query, reference))  # (B, N, C), (B, M, C)
        if self.form == "vanilla":
            a = self.linear_e(a)
        else:
            a, b = (x * torch.sigmoid(self.weigh(x.mean(1, keepdim=True))) for x in (a, b))
        with torch.autocast(a.device.type, enabled=False):  # bfloat16 would round large scores to equal ones
            return a.float() @ b.float().transpose(1, 2)

    def attended(self, scores: Tensor, reference: Tensor) -> Tensor:
        """Return (B, C, h, w): per query place the reference's features, softmax over M, gated."""
        weights = torch.softmax(scores, 2).to(reference.dtype)  # (B, N, M)
        read = weights @ reference.flatten(2).transpose(1, 2)  # (B, N, C)
        read = read.transpose(1, 2).reshape_as(reference)
        return read * torch.sigmoid(self.gate(read))


def attention_map(scores: Tensor, prob: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Return how much the object in references attends to each place of a query: (h, w), 0..1.

    From S (R, N, M) and the references' probabilities (R, M): every place of every reference spreads its
    probability of being the object over the query's places (softmax over N); the sum of what a place gets,
    as a share of the most that any gets.
    """
    heat = (torch.softmax(scores, 1) @ prob.float().unsqueeze(2)).sum((0, 2))  # (N,)
    return (heat / heat.max().clamp(min=1e-12)).view(size_hw)


class COSNet(CoAttention):
    """The network of the paper; modules have the names of the official checkpoints. Takes no motion."""

    def __init__(self, network: str = "resnet101", form: str = "vanilla"):
        channels = 256
        super().__init__(channels, form)
        self.encoder = DilatedResNet(DEPTHS[network], channels)
        self.conv1 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.main_classifier1 = nn.Conv2d(channels, 1, 1)
        self.main_classifier2 = nn.Conv2d(channels, 1, 1)

    def prepare(self, frames: Tensor) -> Tensor:
        """Turn uint8 RGB (B, H, W, 3) into `encode`'s images, float32 (B, 3, H, W): BGR less its mean."""
        return to_caffe(frames)

    def encode(self, image: Tensor, motion: Tensor | None = None) -> Features:
        """Encode images (B, 3, H, W) from `prepare`."""
        return Features(self.encoder(image), ())

    def decode(self, query: Features, attended: Tensor, second: bool = False) -> Tensor:
        """Return logits (B, 1, h, w) of the frame whose features and attended features these are."""
        x = torch.cat((attended, query.embedding), 1)  # (B, 512, h, w)
        if second:
            return self.main_classifier2(F.relu(self.bn2(self.conv2(x)))).float()  # type: ignore[no-any-return]
        return self.main_classifier1(F.relu(self.bn1(self.conv1(x)))).float()  # type: ignore[no-any-return]

    def alone(self, image: Tensor) -> Tensor:
        """Return the encoder's own logits (B, 1, h, w), without a second frame: for training on stills."""
        return self.encoder.main_classifier(self.encoder(image)).float()  # type: ignore[no-any-return]


class CompactCOSNet(CoAttention):
    """A network for a laptop: the memory network's trunk, motion, a light pyramid, a sharp decoder.

    Beyond the paper it sees what moves against the camera (vos.net.motion.own_motion): a small encoder that
    has learnt from few videos cannot know every object by its looks.
    """

    def __init__(self, form: str = "vanilla", channels: int = 128):
        super().__init__(channels, form)
        self.trunk = Lite()
        c2, c4, c8, c16 = self.trunk.widths
        m4, m8, m16 = 16, 32, 48
        self.motion4 = conv_relu(3, m4)
        self.motion8 = conv_relu(m4, m8, 3, 2)
        self.motion16 = conv_relu(m8, m16, 3, 2)
        self.views = nn.ModuleList(
            [conv_relu(c16 + m16, 48, 1), *(_dilated(c16 + m16, 48, rate) for rate in RATES)]
        )
        self.pooled = nn.Conv2d(c16 + m16, 48, 1)
        self.embed = ConvNorm(48 * 5, channels)
        self.fuse = Residual(2 * channels, channels)
        self.up8, self.skip8 = nn.Conv2d(channels, 64, 1), nn.Conv2d(c8 + m8, 64, 1)
        self.up4, self.skip4 = nn.Conv2d(64, 32, 1), nn.Conv2d(c4 + m4, 32, 1)
        self.up2, self.skip2 = nn.Conv2d(32, 16, 1), nn.Conv2d(c2, 16, 1)
        self.decode8, self.decode4 = Residual(64, 64), Residual(32, 32)
        self.decode2 = conv_relu(16, 16)
        self.logit = nn.Conv2d(16, 1, 3, padding=1)
        if form == "vanilla":  # at first each place gathers its likes
            self.linear_e.weight.data = torch.eye(channels) * channels**-0.5

    def prepare(self, frames: Tensor) -> Tensor:
        """Turn uint8 RGB (B, H, W, 3) into `encode`'s images, float32 (B, 3, H, W)."""
        return normalise(frames)

    def encode(self, image: Tensor, motion: Tensor | None = None) -> Features:
        """Encode images (B, 3, H, W) from `prepare`, and motion (B, 3, H/4, W/4), none without."""
        s2, s4, s8, s16 = self.trunk(image)
        if motion is None:
            motion = image.new_zeros(len(image), 3, *s4.shape[-2:])
        m4 = self.motion4(motion)  # (B, 16, H/4, W/4)
        m8 = self.motion8(m4)  # (B, 32, H/8, W/8)
        x = torch.cat((s16, self.motion16(m8)), 1)  # (B, 160, h, w)
        pooled = F.relu(self.pooled(x.mean((2, 3), keepdim=True))).expand(-1, -1, *x.shape[-2:])
        embedding = self.embed(torch.cat([pooled, *(view(x) for view in self.views)], 1))
        skips = (
            self.skip8(torch.cat((s8, m8), 1)),
            self.skip4(torch.cat((s4, m4), 1)),
            self.skip2(s2),
        )
        return Features(F.relu(embedding), skips)  # (B, 128, h, w)

    def decode(self, query: Features, attended: Tensor, second: bool = False) -> Tensor:
        """Return logits (B, 1, H/2, W/2) of the frame whose features and attended features these are."""
        x = self.fuse(torch.cat((attended, query.embedding), 1))  # (B, 128, h, w)
        s8, s4, s2 = query.skips
        x = self.decode8(F.relu(upsample(self.up8(x), s8) + s8))  # (B, 64, H/8, W/8)
        x = self.decode4(F.relu(upsample(self.up4(x), s4) + s4))  # (B, 32, H/4, W/4)
        x = self.decode2(F.relu(upsample(self.up2(x), s2) + s2))  # (B, 16, H/2, W/2)
        return self.logit(x).float()  # type: ignore[no-any-return]

    def alone(self, image: Tensor) -> Tensor:
        """Return logits (B, 1, H/2, W/2) without a second frame, without motion: for training on stills."""
        features = self.encode(image)
        return self.decode(features, torch.zeros_like(features.embedding))


Network = COSNet | CompactCOSNet


def make(config: Config) -> Network:
    """Return a network with first weights."""
    if config.network == "compact":
        return CompactCOSNet(config.form)
    return COSNet(config.network, config.form)


def _dilated(inputs: int, outputs: int, rate: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
