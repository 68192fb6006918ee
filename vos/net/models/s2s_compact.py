"""Sequence to sequence (vos/net/models/s2s.py) at a size that learns and runs on a laptop's processor.

Sizes below: B images, O objects (in training B, one object an image), H x W pixels (multiples of 16),
h x w = H/16 x W/16, N = h w places.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.net.models.blocks import Compact, Residual, conv_relu, upsample
from vos.net.models.convlstm import ConvLSTM

PRIOR_SCALE, TINY = 0.05, 1e-30  # as in vos/net/models/memory.py


class CompactFeatures(NamedTuple):
    """All of a frame that no object changes: skip connections, its share of object convolutions."""

    skip2: Tensor  # (B, 16, H/2, W/2)
    skip4: Tensor  # (B, 48, H/4, W/4)
    skip8: Tensor  # (B, 96, H/8, W/8)
    key: Tensor  # (B, N, 48), N = h w
    look3: Tensor  # (B, 128, h, w)
    look1: Tensor  # (B, 128, h, w)
    input3: Tensor  # (B, 128, h, w)
    input1: Tensor  # (B, 128, h, w)
    decode3: Tensor  # (B, 128, h, w)
    decode1: Tensor  # (B, 128, h, w)


class CompactState(NamedTuple):
    """What is carried from frame to frame: the ConvLSTM's state, the prompted frame, the frame before."""

    hidden: Tensor  # (O, 128, h, w)
    cell: Tensor  # (O, 128, h, w)
    first_key: Tensor  # (O, N, 48)
    first_look: Tensor  # (O, 128, h, w)
    look: Tensor  # (O, 128, h, w)
    s4: Tensor  # (O, 1, H/4, W/4)
    s8: Tensor  # (O, 1, H/8, W/8)
    s16: Tensor  # (O, 1, h, w)
    code: Tensor  # (O, 64, h, w)


class CompactS2S(nn.Module):
    """5.3 M parameters; where they depart from the paper, and why.

    - The encoder is the compact trunk, the state lies at stride 16: VGG16 at stride 32 is slow and coarse.
    - The initializer has the trunk's features of the frame instead of an encoder of its own.
    - Masks are fed back: the ConvLSTM's input is the frame and what the initializer makes of the frame before
      and its mask. Otherwise the state alone must keep every outline, which takes long to learn.
    - Before each frame the state moves along with what it is about, by the likeness of keys (Xiao & Lee,
      "Video Object Detection with an Aligned Spatial-Temporal Memory", ECCV 2018; the likeness is that of
      vos/net/models/memory.py): a 3x3 convolution moves it by one place of 16 pixels only.
    - The look at the prompted frame stays, and is compared to each frame likewise (Azimi et al., "Hybrid
      Sequence to Sequence Model for Video Object Segmentation", 2020): a state alone drifts off in time.
    - The decoder's input is these looks, corrected by the hidden state; untrained, by nothing: so learning
      need not wait until the ConvLSTM carries anything.
    - The ConvLSTM has tanh: with ReLU nothing bounds its state, and masks were lost after some 16 frames,
      more than there are in a clip to learn from (docs/experiments.md).
    - The decoder has skip connections from the trunk and the mask before: the paper's blurs what is thin.

    Layers that the memory network (vos/net/models/memory.py) has too bear its names, so that they can start
    from it.
    """

    stride = 16

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Compact()
        _, c4, c8, c16 = self.trunk.widths
        self.key = nn.Conv2d(c16, 48, 3, padding=1)
        self.distance = nn.Parameter(torch.tensor(1.0))
        self.skip8 = nn.Conv2d(c8, 96, 1)
        self.skip4 = nn.Conv2d(c4, 48, 1)
        self.skip2 = nn.Conv2d(self.trunk.widths[0], 16, 1)
        widths = (1, 8, 16, 32, 64)
        self.mask = nn.Sequential(*(conv_relu(widths[i], widths[i + 1], 3, 2) for i in range(4)))
        self.fuse = Residual(64, 128, image=c16)
        self.fuse2 = Residual(128, 128)
        self.state = nn.Conv2d(128, 2 * 128, 1)
        self.input = Residual(128, 128, image=c16)
        self.lstm = ConvLSTM(128, 128, torch.tanh)
        self.readout = nn.Conv2d(128, 128, 1, bias=False)
        nn.init.zeros_(self.readout.weight)
        self.decode16 = Residual(128 + 1 + 64, 128, image=c16)
        self.decode16b = Residual(128, 128)
        self.up8 = nn.Conv2d(128, 96, 1)
        self.decode8 = Residual(96 + 1, 64)
        self.up4 = nn.Conv2d(64, 48, 1)
        self.decode4 = Residual(48 + 1, 32)
        self.up2 = nn.Conv2d(32, 16, 1)
        self.decode2 = conv_relu(16, 16)
        self.logit = nn.Conv2d(16, 1, 3, padding=1)

    def encode(self, image: Tensor) -> CompactFeatures:
        """Encode images (B, 3, H, W), RGB, from `normalise`."""
        s2, s4, s8, s16 = self.trunk(image)  # strides 2, 4, 8, 16
        terms = (*self.fuse.terms(s16), *self.input.terms(s16), *self.decode16.terms(s16))
        key = self.key(s16).flatten(2).transpose(1, 2)  # (B, N, 48)
        return CompactFeatures(self.skip2(s2), self.skip4(s4), self.skip8(s8), key, *terms)

    def start(self, features: CompactFeatures, prob: Tensor) -> CompactState:
        """Return the state of objects whose soft masks (O, 1, H, W) on this frame are known."""
        look, *cues = self._look(features, prob)
        key = features.key.expand(len(prob), -1, -1)
        hidden, cell = torch.tanh(self.state(look)).chunk(2, 1)
        return CompactState(hidden, cell.float(), key, look, look, *cues)

    def advance(self, before: CompactFeatures, now: CompactFeatures, state: CompactState) -> CompactState:
        """Return the state after the next frame: moved along, then put through the ConvLSTM."""
        hidden, cell, look = self._moved(before, now, state)
        x = self.input(look, now.input3, now.input1)  # (O, 128, h, w)
        hidden, cell = self.lstm(x, hidden, cell)
        return state._replace(hidden=hidden, cell=cell, look=look)

    def _moved(self, before: CompactFeatures, now: CompactFeatures, state: CompactState) -> list[Tensor]:
        """Return hidden, cell and look (O, 128, h, w) of the frame before where its places are now.

        A place takes the mean over all places before, weighted by the softmax of their likeness less
        a |place - place before|^2, a learnt; the look takes that over the prompted frame's places too.
        """
        height, width = state.cell.shape[-2:]
        with torch.autocast(state.cell.device.type, enabled=False):  # squares do not fit in bfloat16
            scale = F.softplus(self.distance.float()) * PRIOR_SCALE
            near = _likeness(now.key, before.key) - scale * _apart(height, width, state.cell.device)
            near = near.expand(len(state.cell), -1, -1)  # (O, N, N)
            both = torch.cat((_likeness(now.key, state.first_key), near), 2)  # (O, N, 2 N)
            carried = torch.cat((state.hidden.float(), state.cell), 1).flatten(2).transpose(1, 2)
            looks = torch.cat((state.first_look.flatten(2), state.look.flatten(2)), 2).transpose(1, 2)
            moved = near.softmax(2).clamp(min=TINY) @ carried  # (O, N, 256)
            seen = both.softmax(2).clamp(min=TINY) @ looks.float()  # (O, N, 128)
        hidden, cell = torch.split(moved, 128, 2)
        maps = (hidden.to(looks.dtype), cell, seen.to(looks.dtype))
        return [part.transpose(1, 2).reshape(state.cell.shape) for part in maps]

    def decode(self, features: CompactFeatures, state: CompactState) -> Tensor:
        """Return logits (O, 1, H, W) of the frame that the state has come to."""
        x = state.look + self.readout(state.hidden)  # (O, 128, h, w)
        x = torch.cat((x, state.s16, state.code), 1)
        x = self.decode16b(self.decode16(x, features.decode3, features.decode1))  # (O, 128, h, w)
        x = F.relu(upsample(self.up8(x), features.skip8) + features.skip8, inplace=True)
        x = self.decode8(torch.cat((x, state.s8), 1))  # (O, 64, H/8, W/8)
        x = F.relu(upsample(self.up4(x), features.skip4) + features.skip4, inplace=True)
        x = self.decode4(torch.cat((x, state.s4), 1))  # (O, 32, H/4, W/4)
        x = F.relu(upsample(self.up2(x), features.skip2) + features.skip2, inplace=True)
        logits = self.logit(self.decode2(x)).float()  # (O, 1, H/2, W/2)
        return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)

    def feed(self, features: CompactFeatures, state: CompactState, prob: Tensor) -> CompactState:
        """Return the state with the soft masks (O, 1, H, W) of the frame that it has come to."""
        return CompactState(*state[:4], *self._look(features, prob))

    def _look(self, features: CompactFeatures, prob: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Look at a frame and its masks: CompactState's last five."""
        prob = prob.to(features.skip2.dtype)
        code = self.mask(prob * 2 - 1)  # (O, 64, h, w)
        look = self.fuse2(self.fuse(code, features.look3, features.look1))  # (O, 128, h, w)
        s4 = F.avg_pool2d(prob, 4)
        s8 = F.avg_pool2d(s4, 2)
        return look, s4, s8, F.avg_pool2d(s8, 2), code


def _likeness(now: Tensor, before: Tensor) -> Tensor:
    """Return -|key - key before|^2 / sqrt(48) + what is the same for all keys before; keys (B, N, 48)."""
    now, before = now.float(), before.float()
    alike = 2 * now @ before.transpose(1, 2) - before.square().sum(2)[:, None]  # (B, N, N)
    return alike * float(now.shape[2] ** -0.5)


def _apart(height: int, width: int, device: torch.device) -> Tensor:
    """Return the squared distances (N, N) between the places of a grid."""
    places = torch.cartesian_prod(
        torch.arange(height, device=device), torch.arange(width, device=device)
    ).float()
    return (places[:, None] - places).square().sum(2)
