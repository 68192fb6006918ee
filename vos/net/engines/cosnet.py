"""The engine that needs no mask: co-attention (vos/net/models/cosnet.py) with frames of a clip finds it.

docs/engines.md draws it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from vos.errors import InvalidInput
from vos.net.device import dtype, torch_device
from vos.net.frames import shrink, working_size
from vos.net.label_maps import measure_confidence
from vos.net.models.blocks import ready
from vos.net.models.cosnet import NETWORKS, CompactCOSNet, Config, Features, Network, attention_map, make
from vos.net.motion import own_motion
from vos.net.options import check
from vos.net.prompts import impose, optional_by_frame
from vos.types import Clip, Device, Frame, Mask, Prediction, Prompt, Step, Weight

TITLE = "COSNet (no mask needed)"
SUMMARY = "Finds the main object of a clip by itself, by what its frames have in common."
NEEDS_PROMPT = False
OFFICIAL: Mapping[str, str] = {
    "resnet50": "cosnet-resnet50.safetensors",
    "resnet101": "cosnet-resnet101.safetensors",
}
WEIGHTS = (
    Weight(
        "cosnet.safetensors",
        "2be55f4d3d3106f3d8ae1a52577c13cca7b1c9f9c2062777f93a202ca295f9da",
        licence="CC BY-NC 4.0 (trained on DAVIS)",
    ),
    *(Weight(name, licence="none given (official checkpoint, not shipped)") for name in OFFICIAL.values()),
)
OFFICIAL_SIDE = 473  # pixels, both sides
GAP = 2  # frames between a frame and the one its motion is measured to
THRESHOLD = 0.5
MAIN = 1  # the id of what is found
LEAST = 0.35  # of the weightiest piece's weight: lighter ones are not the object
LATELY = 0.8  # of itself, that the running mean of masks keeps at a frame
LOYALTY = 10  # times the weight, for pieces where the object always was lately

Image = NDArray[np.uint8]  # (h, w, 3) RGB, a frame at the size at which the network sees it


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Raises:
        InvalidInput: a value is out of range.
    """

    network: str = field(
        default="compact",
        metadata={
            "help": "resnet50 and resnet101 need an official checkpoint: python -m vos weights import cosnet",
            "choices": NETWORKS,
        },
    )
    references: int = field(
        default=5,
        metadata={"help": "Frames of the clip that each frame is compared with", "min": 1, "max": 20},
    )
    short_side: int = field(
        default=288,
        metadata={"help": "Compact: frames are seen at this short side, in pixels", "min": 64, "max": 1080},
    )

    def __post_init__(self) -> None:
        check(self)


def weights_for(options: Options) -> tuple[Weight, ...]:
    """Return the weights of the chosen network."""
    return (WEIGHTS[NETWORKS.index(options.network)],)


def build(weights: Mapping[str, Path], device: Device, options: Options) -> CosnetSegmenter:
    """Load the network, ready for any number of clips."""
    net = make(Config(options.network))
    net.load_state_dict(load_file(weights[weights_for(options)[0].name]))
    return CosnetSegmenter(ready(net, device), device, options)


def from_official(variant: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of an official checkpoint's "model" under this network's names.

    `module.` goes. Biases that are missing become zeros: with a batch norm behind them they say nothing.

    Raises:
        InvalidInput: no such variant, or a tensor that is missing, unknown or of another shape.
    """
    if variant not in OFFICIAL:
        raise InvalidInput(f"variant is {variant!r}; allowed are: {', '.join(OFFICIAL)}")
    given = {key.removeprefix("module."): value for key, value in tensors.items()}
    given = {key: value for key, value in given.items() if not key.endswith("num_batches_tracked")}
    with torch.device("meta"):
        wanted = make(Config(variant)).state_dict()
    shapes = {key: value.shape for key, value in wanted.items() if not key.endswith("num_batches_tracked")}
    for key, shape in shapes.items():
        if key not in given and key.endswith(".bias"):
            given[key] = torch.zeros(shape)
        if key not in given or given[key].shape != shape:
            got = tuple(given[key].shape) if key in given else "nothing"
            raise InvalidInput(f"{key} of a COSNet {variant} is {tuple(shape)}; the checkpoint has {got}")
    if unknown := sorted(set(given) - set(shapes)):
        raise InvalidInput(f"a COSNet {variant} has no {unknown[0]!r}; the checkpoint does")
    return {key: value.float().contiguous() for key, value in given.items()}


class CosnetSegmenter:
    """Finds the main object, object 1; see vos.types.Segmenter.

    Prompts correct their own frames and no others: the network remembers no masks.
    """

    def __init__(self, net: Network, device: Device, options: Options):
        self.options = options
        self._net, self._device = net, device

    def segment(self, clip: Clip, prompts: Sequence[Prompt]) -> Iterator[Prediction | Step]:
        """Yield Steps while reference frames are read, then one Prediction per frame, with its attention."""
        masks = optional_by_frame(clip, prompts)
        samples = yield from self._samples(clip)
        references = self._references(samples, clip.info.frames)
        earlier: deque[Image] = deque(maxlen=GAP)
        main = MainObject()
        for index, frame in enumerate(clip):
            image = self._small(frame)
            neighbour = earlier[0] if earlier else samples.get(GAP, samples.get(1, image))
            features = self._features(image, neighbour)
            if references is None:  # none could be read ahead of a damaged clip: the first frame is its own
                references = self._kept([features])
            prob, attention = self._find(features, references)
            prob = main.keep(prob)
            earlier.append(image)
            yield _predict(prob, frame, masks.get(index), attention)

    def _samples(self, clip: Clip) -> Generator[Step, None, dict[int, Image]]:
        """Return the reference frames and their neighbours, small, by their number."""
        count = clip.info.frames
        chosen = self._spread(count)
        neighbours = [_neighbour(index, count) for index in (0, *chosen)]  # 0: the first frame needs one
        indices = sorted({*chosen, *neighbours})
        samples: dict[int, Image] = {}
        for index, frame in zip(indices, clip.sample(indices), strict=False):  # damaged clips have fewer
            yield Step("reading reference frames", len(samples), len(indices))
            samples[index] = self._small(frame)
        return samples

    def _spread(self, count: int) -> list[int]:
        """Return the numbers of the reference frames: the middles of equal parts of the clip."""
        parts = self.options.references
        return sorted({int((i + 0.5) * count / parts) for i in range(parts)})

    def _references(self, samples: Mapping[int, Image], count: int) -> References | None:
        """Return the references that could be read, or None."""
        there = [i for i in self._spread(count) if i in samples]
        each = [self._features(samples[i], samples.get(_neighbour(i, count), samples[i])) for i in there]
        return self._kept(each) if each else None

    def _kept(self, each: Sequence[Features]) -> References:
        """Keep what is needed of references, and find the object on them: each compared with all."""
        embedding = torch.cat([features.embedding for features in each])
        equal = References(embedding, embedding.new_ones(len(each), embedding[0, 0].numel()))
        size_wh = embedding.shape[3], embedding.shape[2]
        probs = [MainObject().keep(self._find(features, equal)[0]) for features in each]
        small = np.stack([cv2.resize(prob, size_wh, interpolation=cv2.INTER_AREA).ravel() for prob in probs])
        return References(embedding, self._put(torch.from_numpy(small)))

    def _small(self, frame: Frame) -> Image:
        size_hw = OFFICIAL_SIDE, OFFICIAL_SIDE
        if isinstance(self._net, CompactCOSNet):
            size_hw = working_size(frame.shape[:2], self.options.short_side)
        return shrink(frame, size_hw)

    @torch.inference_mode()
    def _features(self, image: Image, neighbour: Image) -> Features:
        motion = None
        if isinstance(self._net, CompactCOSNet):
            motion = self._put(torch.from_numpy(own_motion(image, neighbour))[None])
        frames = torch.from_numpy(image)[None].to(torch_device(self._device))
        return self._net.encode(self._put(self._net.prepare(frames)), motion)

    def _put(self, x: Tensor) -> Tensor:
        x = x.to(torch_device(self._device), dtype(self._device))
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    @torch.inference_mode()
    def _find(
        self, query: Features, references: References
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the object's probability, (h, w), the mean over references, and how they attend, (h, w)."""
        net, count = self._net, len(references.embedding)
        many = Features(*(_repeated(part, count) for part in query))  # type: ignore[arg-type]
        scores = net.affinity(many.embedding, references.embedding)  # (R, N, M)
        logits = net.decode(many, net.attended(scores, references.embedding))  # (R, 1, y, x)
        heat = attention_map(scores, references.prob, query.embedding.shape[-2:])  # type: ignore[arg-type]
        return logits.sigmoid().mean((0, 1)).cpu().numpy(), heat.cpu().numpy()


class References(NamedTuple):
    """What is kept of R reference frames: embeddings (R, C, h, w), and where the object is (R, h w), 0..1."""

    embedding: Tensor
    prob: Tensor


class MainObject:
    """Tells which pieces of a frame are the main object: the weightiest, above all where it was lately."""

    def __init__(self) -> None:
        self._lately: NDArray[np.float32] | None = None  # (h, w), the running mean of masks

    def keep(self, prob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability (h, w) of the next frame with the other pieces at 0.

        A piece weighs the sum over its pixels of (p - .5) (1 + 10 l), l the share of recent frames that had
        the pixel.
        """
        lately = np.zeros_like(prob) if self._lately is None else self._lately
        count, pieces = cv2.connectedComponents((prob > THRESHOLD).astype(np.uint8))
        weights = np.bincount(pieces.ravel(), ((prob - THRESHOLD) * (1 + LOYALTY * lately)).ravel(), count)
        weights[0] = 0  # the background
        light = weights < LEAST * weights.max()
        light[0] = False
        kept = np.where(light[pieces], np.float32(0), prob)
        mask = (kept > THRESHOLD).astype(np.float32)
        self._lately = mask if self._lately is None else LATELY * lately + (1 - LATELY) * mask
        return kept


def _repeated(part: Tensor | tuple[Tensor, ...], count: int) -> Tensor | tuple[Tensor, ...]:
    if isinstance(part, Tensor):
        return part.expand(count, -1, -1, -1)
    return tuple(skip.expand(count, -1, -1, -1) for skip in part)


def _predict(
    prob: NDArray[np.float32], frame: Frame, prompt: Mask | None, attention: NDArray[np.float32]
) -> Prediction:
    """Return a frame's prediction of the object's probability (h, w); what a prompt says stands."""
    mask = np.where(cv2.resize(prob, frame.shape[1::-1]) > THRESHOLD, MAIN, 0).astype(np.uint8)
    if prompt is not None:
        return Prediction(impose(mask, prompt), 1.0, attention)
    return Prediction(mask, measure_confidence(torch.from_numpy(prob)[None, None]), attention)


def _neighbour(index: int, count: int) -> int:
    """Return the number of the frame to which a frame's motion is measured."""
    return index - GAP if index >= GAP else min(index + GAP, count - 1)
