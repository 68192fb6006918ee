"""Sequence to sequence: a ConvLSTM carries an object's state from frame to frame, a decoder shows its mask.

Xu et al., "YouTube-VOS: Sequence-to-Sequence Video Object Segmentation" (ECCV 2018), section 4:

    c0, h0 = Initializer(frame 0, mask 0)        x_t = Encoder(frame t)
    c_t, h_t = ConvLSTM(x_t, c_t-1, h_t-1)       mask t = Decoder(h_t)

`FullS2S` is that network. `CompactS2S` (vos/net/models/s2s_compact.py) departs from it to learn and run on a
laptop's processor. Both speak to engine and training alike: `encode` a frame (shared by all objects), `start`
a state from masks, `advance` it to the next frame, `decode` it, `feed` the mask back. docs/engines.md draws
them.

Sizes below: B images, O objects (in training B, one object an image), H x W pixels (multiples of `stride`),
h x w the grid of the state. States and features are named tuples of tensors whose first axis is O or B.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vos.net.models.blocks import vgg16_stages
from vos.net.models.convlstm import ConvLSTM
from vos.net.models.s2s_compact import CompactS2S


class S2S(Protocol):
    """What engine and training ask of a network; features and states are its own named tuples."""

    @property
    def stride(self) -> int:
        """Heights and widths of images are multiples of it."""

    def encode(self, image: Tensor) -> Any:
        """Return the features of images."""

    def start(self, features: Any, prob: Tensor) -> Any:
        """Return the state of objects from their soft masks."""

    def advance(self, before: Any, now: Any, state: Any) -> Any:
        """Return the state after a frame, from that after the frame before and both frames' features."""

    def decode(self, features: Any, state: Any) -> Tensor:
        """Return the logits of the frame that the state has come to."""

    def feed(self, features: Any, state: Any, prob: Tensor) -> Any:
        """Return the state with the masks of the frame that it has come to."""


class FullFeatures(NamedTuple):
    """All of a frame that no object changes."""

    image: Tensor  # (B, 3, H, W)
    code: Tensor  # (B, 512, H/32, W/32)


class FullState(NamedTuple):
    """What is carried from frame to frame."""

    hidden: Tensor  # (O, 512, H/32, W/32)
    cell: Tensor  # (O, 512, H/32, W/32)


class FullS2S(nn.Module):
    """The paper's network: two VGG16, a ConvLSTM of 512 filters, five upsampling layers; 69.8 M parameters.

    VGG16's first fully connected layer is a 1x1 convolution of 4096 filters.
    """

    stride = 32

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Vgg(3)
        self.encoded = nn.Conv2d(4096, 512, 1)
        self.initializer = _Vgg(4)
        self.hidden = nn.Conv2d(4096, 512, 1)
        self.cell = nn.Conv2d(4096, 512, 1)
        self.lstm = ConvLSTM(512, 512, torch.relu)
        widths = (512, 512, 256, 128, 64, 64)
        self.decoder = nn.Sequential(
            *(
                nn.Sequential(
                    nn.ConvTranspose2d(widths[i], widths[i + 1], 5, 2, padding=2, output_padding=1),
                    nn.ReLU(inplace=True),
                )
                for i in range(5)
            )
        )
        self.logit = nn.Conv2d(64, 1, 5, padding=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.lstm.gates:
                _even(module, 1)
            elif isinstance(module, nn.ConvTranspose2d):
                _even(module, 4)

    def encode(self, image: Tensor) -> FullFeatures:
        """Encode images (B, 3, H, W), RGB, from `normalise`."""
        return FullFeatures(image, F.relu(self.encoded(self.encoder(image))))

    def start(self, features: FullFeatures, prob: Tensor) -> FullState:
        """Return the state of objects whose soft masks (O, 1, H, W) on this frame are known."""
        image = features.image.expand(len(prob), -1, -1, -1)
        seen = self.initializer(torch.cat((image, prob.to(image.dtype)), 1))  # (O, 4096, H/32, W/32)
        return FullState(F.relu(self.hidden(seen)), F.relu(self.cell(seen)).float())

    def advance(self, before: FullFeatures, now: FullFeatures, state: FullState) -> FullState:
        """Return the state after the next frame."""
        code = now.code.expand(len(state.hidden), -1, -1, -1)
        return FullState(*self.lstm(code, *state))

    def decode(self, features: FullFeatures, state: FullState) -> Tensor:
        """Return logits (O, 1, H, W) of the frame that the state has come to."""
        return self.logit(self.decoder(state.hidden)).float()  # type: ignore[no-any-return]

    def feed(self, features: FullFeatures, state: FullState, prob: Tensor) -> FullState:
        """Return the state as it is: this network does not see its own masks."""
        return state


def _even(layer: nn.Conv2d | nn.ConvTranspose2d, area: int) -> None:
    """Initialise a layer, each of whose weights sees one in `area` places, so that signals keep their size.

    He et al., "Delving Deep into Rectifiers" (2015): there are 16 layers and no norm.
    """
    taps = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] / area
    bound = (6 / taps) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


class _Vgg(nn.Module):
    """VGG16's convolutions and its first fully connected layer as a 1x1 convolution."""

    def __init__(self, inputs: int):
        super().__init__()
        self.features = nn.Sequential(*vgg16_stages(inputs), nn.MaxPool2d(2))
        self.fc = nn.Conv2d(512, 4096, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 4096, H/32, W/32)."""
        return F.relu(self.fc(self.features(x)))


NETWORKS: dict[str, type[FullS2S] | type[CompactS2S]] = {"compact": CompactS2S, "full": FullS2S}
