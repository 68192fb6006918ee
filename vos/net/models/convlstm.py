"""The convolutional LSTM: a memory in the shape of a feature map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

FORGET = 1.0  # bias of the forget gate: at first the state is kept


class ConvLSTM(nn.Module):
    """A convolutional LSTM: `bend` is tanh in Shi et al. (2015), ReLU in Xu et al.; the cell is float32."""

    def __init__(self, inputs: int, channels: int, bend: Callable[[Tensor], Tensor]):
        super().__init__()
        self.bend = bend
        self.gates = nn.Conv2d(inputs + channels, 4 * channels, 3, padding=1)
        assert self.gates.bias is not None
        with torch.no_grad():
            self.gates.bias.zero_()
            self.gates.bias[channels : 2 * channels] = FORGET

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden and cell (O, channels, h, w) after the input x (O, inputs, h, w)."""
        i, f, o, g = self.gates(torch.cat((x, hidden), 1)).chunk(4, 1)  # (O, channels, h, w) each
        cell = f.sigmoid() * cell.float() + i.sigmoid() * self.bend(g)
        return o.sigmoid() * self.bend(cell).to(o.dtype), cell
