"""The running average of a network's weights, which scores better than the weights of any one step."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """Keeps `module` = the average of a network, batch norm statistics included.

    After step n (from 1): average += (1 - d) (weights - average), with d = min(decay, (1 + n) / (10 + n)), so
    that the random start is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.module = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        state = network.state_dict()
        for name, mean in self.module.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(state[name], weight)
            else:
                mean.copy_(state[name])
