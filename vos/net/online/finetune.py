"""Fine-tuning on one object: a copy of the parent learns it from augmented copies of the prompted frames.

Caelles et al. (CVPR 2017), section 3.3: class-balanced loss on the fused logits alone. Flips, turns and zoom
are theirs; here the rate falls to zero along a cosine, and training ends early when the loss stalls.

The compact network learns by two things more: soft dice, because the balanced loss alone lets an object spill
over, and scenes in which the object has moved over its background, which is filled in (lucid dreaming:
Khoreva et al., 2017). docs/experiments.md has what they give.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vos.errors import InvalidInput
from vos.net.device import autocast, torch_device
from vos.net.frames import shrink
from vos.net.models.blocks import STRIDE, ready, upsample
from vos.net.models.lite import parameter_groups
from vos.net.models.memory import aggregate
from vos.net.models.osvos import CompactOsvos, Osvos, Vgg16Osvos
from vos.net.online.learnt import key_of, load_or_learn
from vos.net.train.clips import FirstFrameClips
from vos.net.train.losses import class_balanced, soft_dice
from vos.types import VOID, Clip, Device, Frame, Mask, Step, object_ids

TURN_DEG = 30.0
ZOOM = 0.75, 1.25
WINDOW = 40  # iterations whose mean loss is compared with that of as many before
STALLED = 0.98  # of it, or more: no longer worth the time
IGNORED = -20.0  # the logit of pixels that do not count
MOVED = 0.5  # of the compact network's examples are such scenes,
SCENE = 5 / 6  # of the frame's short side wide and high
RATES = {CompactOsvos: 6e-4, Vgg16Osvos: 1e-5}  # of AdamW
FORMAT = 2  # part of every key of adapted weights: raise it when fine-tuning changes


@dataclass(frozen=True, eq=False)
class Example:
    """A prompted frame uint8 (H, W, 3) RGB and one object's mask uint8 (H, W): 0, 1, or 255 for void."""

    frame: Frame
    mask: Mask

    @classmethod
    def of(cls, frame: Frame, mask: Mask, object_id: int, size_hw: tuple[int, int]) -> Example:
        """Return one object's example at a size (h, w)."""
        own = np.where(mask == VOID, VOID, mask == object_id).astype(np.uint8)
        small = cv2.resize(own, size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        return cls(shrink(frame, size_hw), np.asarray(small, np.uint8))

    def varied(self, rng: np.random.Generator) -> Example:
        """Return a copy flipped at random, turned and zoomed about the middle.

        What comes in at the border is the frame reflected, and void in the mask.
        """
        height, width = self.mask.shape
        angle, scale = rng.uniform(-TURN_DEG, TURN_DEG), rng.uniform(*ZOOM)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
        if rng.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]])
        frame = cv2.warpAffine(self.frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        mask = cv2.warpAffine(
            self.mask,
            matrix,
            (width, height),
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=VOID,
        )
        return Example(np.asarray(frame, np.uint8), np.asarray(mask, np.uint8))


def networks_for(
    parent: Osvos,
    clip: Clip,
    masks: Mapping[int, Mask],
    size_hw: tuple[int, int],
    device: Device,
    iterations: int,
) -> Generator[Step, None, dict[int, Osvos]]:
    """Return a network for each object of prompts by frame: the parent, having learnt its prompted frames.

    In them the other objects are background. Frames are learnt at the size (h, w). What was learnt before is
    not learnt again; without iterations the parent serves them all.
    """
    ids = sorted({i for mask in masks.values() for i in object_ids(mask)})
    if iterations == 0:
        return dict.fromkeys(ids, ready(parent, device))
    rate = RATES[type(parent)]
    text = f"osvos {FORMAT} {iterations} {rate} {device.name} {device.precision}"
    state = key_of(parent.state_dict())
    networks: dict[int, Osvos] = {}
    for i in ids:
        named = [index for index in sorted(masks) if i in object_ids(masks[index])]
        examples = [
            Example.of(frame, masks[index], i, size_hw)
            for index, frame in zip(named, clip.sample(named), strict=True)
        ]
        note = "adapting to the first frame" if len(ids) == 1 else f"adapting to object {i}"
        learning = train_copy(parent, examples, device, iterations, rate, note)
        key = key_of(text, state, *(array for e in examples for array in (e.frame, e.mask)))
        network = yield from load_or_learn(parent, device, key, learning)
        assert network is not None
        networks[i] = network
    return networks


@torch.inference_mode()
def predict(networks: Sequence[Osvos], frame: Frame, device: Device, twice: bool = False) -> Tensor:
    """Return the probability of each network's object on a frame of the working size, (O, 1, h, w).

    twice: also in a mirror; the mean of the logits counts.
    """
    image = torch.from_numpy(frame)[None].to(torch_device(device))
    logits = []
    for view in (image, image.flip(2)) if twice else (image,):
        shared = networks[0].shared(view)
        logits.append(torch.cat([network.fused(shared) for network in networks]).float())  # type: ignore[arg-type]
    mean = (logits[0] + logits[1].flip(3)) / 2 if twice else logits[0]
    return aggregate(upsample(mean, image[..., 0]))


class Augmented:
    """Examples to learn from: copies of the given ones, varied; a share of them with the object moved."""

    def __init__(self, examples: Sequence[Example], moved: float = 0.0):
        self._examples = examples
        self._moved = moved
        self._scenes: dict[int, FirstFrameClips] = {}  # by example

    def sample(self, rng: np.random.Generator) -> Example:
        """Return one; the same state of the generator gives the same example."""
        index = int(rng.integers(len(self._examples)))
        if rng.random() < self._moved:
            with suppress(InvalidInput):
                scene = self._scene(index).sample(rng)
                return Example(scene.frames[0], scene.masks[0])
        return self._examples[index].varied(rng)

    def _scene(self, index: int) -> FirstFrameClips:
        if index not in self._scenes:
            example = self._examples[index]
            size = max(round(min(example.mask.shape) * SCENE / STRIDE), 1) * STRIDE
            self._scenes[index] = FirstFrameClips(example.frame, example.mask, size, length=1)
        return self._scenes[index]


def train_copy(
    parent: nn.Module,
    examples: Sequence[Example],
    device: Device,
    iterations: int,
    rate: float,
    note: str,
) -> Generator[Step, None, nn.Module]:
    """Train a copy of the parent, one Step an iteration, with the loss in its note; return the copy.

    Batch norm keeps its statistics. The same input gives the same network.
    """
    learner = copy.deepcopy(parent).eval()
    learner.to(torch_device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups = parameter_groups(learner)
    optimizer = torch.optim.AdamW(groups, rate, weight_decay=0, fused=device.name != "mps")
    compact = isinstance(parent, CompactOsvos)
    rng, source = np.random.default_rng(0), Augmented(examples, MOVED if compact else 0)
    losses: list[float] = []
    for done in range(iterations):
        said = f"{note}, loss {np.mean(losses[-10:]):.3f}" if losses else note
        yield Step(said, done, iterations)
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * rate * (1 + math.cos(math.pi * done / iterations)) / 2
        loss = _loss(learner, source.sample(rng), device, compact)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
        if stalled(losses):
            break
    return learner


def stalled(losses: Sequence[float]) -> bool:
    """Return whether the mean loss of the latest window is hardly below that of the window before it."""
    if len(losses) < 2 * WINDOW or len(losses) % WINDOW:
        return False
    before, now = np.mean(losses[-2 * WINDOW : -WINDOW]), np.mean(losses[-WINDOW:])
    return bool(now >= STALLED * before)


def _loss(network: nn.Module, example: Example, device: Device, dice: bool) -> Tensor:
    where = torch_device(device)
    mask = _plane(example.mask).to(where)
    with autocast(device):
        fused = network(torch.from_numpy(example.frame)[None].to(where))[-1].float()
    truth, known = (mask == 1).float(), (mask != VOID).float()
    loss = class_balanced(fused, truth, known)
    return loss + soft_dice(fused.where(known > 0, IGNORED), truth) if dice else loss


def _plane(mask: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(mask)[None, None]
