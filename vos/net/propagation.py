"""One clip being followed: a bounded memory of frames, and the masks of the frame before.

Every frame is encoded once. Its mask is read from the memory: the prompted frames, the frame before, and
on request a few in between. Objects share the frame's encoding; those first prompted on
one frame also share the reading.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vos.net.apart import cues_of, values_of
from vos.net.evidence import TEMPERATURE, Evidence
from vos.net.frames import shrink, to_image, to_plane
from vos.net.label_maps import measure_confidence, to_label_map
from vos.net.models.blocks import STRIDE
from vos.net.models.memory import Cues, Features, MemoryNetwork, Prior, aggregate, full_size, laid_out
from vos.net.prompts import impose
from vos.net.remembered import Entry, Group
from vos.net.turns import rotate
from vos.net.windows import Window, enclose, enclose_groups
from vos.types import Frame, Mask, Prediction, object_ids

TURNS_DEG = 20.0, -20.0  # the frame that first names an object is remembered turned, too
EVERY = 5  # of every fifth frame that shows all objects, the latest few may be remembered
SEEN = 0.2  # of the most that any place reads of an object's masks in memory: it is looked at closely,
BEFORE = 0.02  # so are places this much on the object in the frame before,
MARGIN = 2  # and so many places (of 16 pixels) around them: what the decoder's fine convolutions see,
CONTEXT = 2  # and for the coarse ones as many more
LIKELY = 0.1  # an object is near where a probability is above this,
AREA = 8  # and the sides of a window around that are multiples of more places: whole networks look at it
UNSEEN_LOGIT = -20.0  # of pixels that are not looked at: the object is not there


class Propagation:
    """One clip's state: which objects there are, what is remembered of them, where they were last."""

    def __init__(self, net: MemoryNetwork, size_hw: tuple[int, int], memory: int = 0):
        self.net = net
        self.memory = memory  # frames between the prompted ones and the present
        self.size_hw = size_hw
        parameter = net.distance
        self.device, self.dtype = parameter.device, parameter.dtype
        h, w = size_hw[0] // STRIDE, size_hw[1] // STRIDE
        self.whole = self.window = Window((0, h), (0, w), (h, w))  # window: what was seen of the frame before
        with torch.inference_mode():
            self.prior = net.prior(h, w)
            self.nothing = net.cues(torch.zeros((1, 1, *size_hw), device=self.device, dtype=self.dtype)).code
        self.objects: list[int] = []  # in the order in which they joined
        self.evidence = Evidence()
        self.groups: list[Group] = []  # each owns the next `count` of the objects
        self.frames = 0
        self.prob = torch.zeros((0, 1, *size_hw), device=self.device)  # (O, 1, h, w) on the frame before

    @torch.inference_mode()
    def step(
        self,
        frame: Frame,
        prompt: Mask | None = None,
        others: Sequence[Tensor] = (),
        window: Window | None = None,
    ) -> Prediction:
        """Segment the next frame, take what the user says for true, and remember it.

        others: further opinions, probabilities (O, 1, h, w) of the `objects` so far. The mask is that of the
        mean; what is remembered, and confidence, are of this network alone.
        window: all that is seen of the frame; the objects are nowhere else. A prompted frame is seen whole.
        """
        features = self._predict(frame, window if window and prompt is None else self.whole)
        mean = torch.stack((self.prob, *others)).mean(0) if others else self.prob
        mask, sure = to_label_map(mean, self.objects, frame), self._measure()
        named = self._settle(frame, features, prompt)
        if prompt is not None:
            mask = impose(mask, prompt)
            sure = self._measure() if named < len(self.objects) else 1.0
        return Prediction(mask, sure)

    def _measure(self) -> float:
        """Return the confidence; an object that is not found since the scene began counts as 0."""
        return measure_confidence(self.prob, TEMPERATURE) - self.evidence.sought / max(len(self.objects), 1)

    @torch.inference_mode()
    def follow(self, frame: Frame, prompt: Mask | None = None) -> None:
        """Do as `step` does, but make no mask: `prob` says where the objects are."""
        self._settle(frame, self._predict(frame, self.whole), prompt)

    @torch.inference_mode()
    def enclose_likely(self, *beliefs: Tensor) -> Window:
        """Return the window around where probabilities (O, 1, y, x), of any size, put the objects."""
        places = np.zeros(self.whole.size_hw, bool)
        for prob in beliefs:
            if len(prob):
                likely = (prob > LIKELY).any(0)[0].cpu().numpy()
                x, y, width, height = cv2.boundingRect(likely.view(np.uint8))
                down, right = places.shape[0] / likely.shape[0], places.shape[1] / likely.shape[1]
                bottom, end = math.ceil((y + height) * down), math.ceil((x + width) * right)
                places[int(y * down) : bottom, int(x * right) : end] = True
        return enclose(places).wider(MARGIN, AREA)

    def _settle(self, frame: Frame, features: Features, prompt: Mask | None) -> int:
        """Take what the user says for true, and remember the frame; return how many objects are named."""
        named = 0 if prompt is None else self._take_prompt(prompt)
        all_seen = bool((self.prob > 0.5).flatten(1).any(1).all())
        self._remember(frame, features, prompt is not None, self.frames % EVERY == 0 and all_seen)
        self.frames += 1
        return named

    def _predict(self, frame: Frame, window: Window) -> Features:
        """Encode a window of the next frame and find the objects there, `prob`; return its features."""
        features = self._encode(frame, window)
        if self.objects:
            prior = window.places(self.prior[0]), self.window.places(self.prior[1])
            cues = window.cues(self.cues)
            size_hw = [side * STRIDE // 2 for side in cues.s16.shape[2:]]
            logits = torch.full((len(self.objects), 1, *size_hw), UNSEEN_LOGIT, device=self.device)
            for group, own in self._groups():
                own_cues = Cues(*(maps[own] for maps in cues))
                self._decode(features, group.memory, prior, own_cues, logits[own])
            self.prob = torch.zeros((len(self.objects), 1, *self.size_hw), device=self.device)
            window.of(self.prob, 1)[:] = aggregate(full_size(logits))
        self.evidence.judge(frame, self.objects, self.prob)
        self.window = window
        return features

    def _decode(self, features: Features, memory: Entry, prior: Prior, cues: Cues, logits: Tensor) -> None:
        """Fill logits (O, 1, H/2, W/2) of each object where the memory or the frame before puts it."""
        net = self.net
        affinity, row_of, windows = self._look(features, memory, prior, cues)
        for i, fine in windows:
            one, wide = slice(i, i + 1), fine.wider(CONTEXT)
            there = torch.from_numpy(row_of[wide.slices(STRIDE)].ravel()).to(self.device)
            read = laid_out(affinity.index_select(0, there) @ memory.values[one], wide.of(cues.s16, 16))
            maps = cues.s16[one], cues.code[one], features.decode3, features.decode1
            coarse = net.coarse(read, *(wide.of(x, 16) for x in maps))
            fine.of(logits[one], 2)[:] = net.refine(
                fine.within(wide).of(coarse, 16),
                fine.of(cues.s8[one], 8),
                fine.of(cues.s4[one], 4),
                fine.of(features.skip2, 2),
                fine.of(features.skip4, 4),
                fine.of(features.skip8, 8),
            )

    def _look(
        self, features: Features, memory: Entry, prior: Prior, cues: Cues
    ) -> tuple[Tensor, NDArray[np.int64], list[tuple[int, Window]]]:
        """Find the objects' windows; return what places take of the memory (n, M), the row of each, and them.

        Objects are looked for at all places near where they were and at every other one, in rows and columns,
        elsewhere; then what is missing of their windows is added. Places that have no row have 0.
        """
        before = (cues.s16 > BEFORE)[:, 0].cpu().numpy()  # (O, h, w)
        search = np.zeros(before.shape[1:], bool)
        search[::2, ::2] = True
        for where in before:
            for fine in enclose_groups(where, MARGIN):
                search[fine.wider(CONTEXT).slices(STRIDE)] = True
        rows = np.flatnonzero(search)
        affinity = self._affinity(features, memory, prior, rows)
        seen = torch.zeros((len(before), search.size), dtype=self.dtype, device=self.device)
        seen[:, rows] = (affinity @ memory.masks.T).T
        places = (seen > SEEN * seen.amax(1, keepdim=True)).view(before.shape).cpu().numpy() | before
        windows = [(i, fine) for i, where in enumerate(places) for fine in enclose_groups(where, MARGIN)]
        needed = np.zeros(search.shape, bool)
        for _, fine in windows:
            needed[fine.wider(CONTEXT).slices(STRIDE)] = True
        more = np.flatnonzero(needed & ~search)
        if len(more):
            affinity = torch.cat((affinity, self._affinity(features, memory, prior, more)))
        row_of = np.zeros(search.shape, np.int64)
        row_of.flat[np.concatenate((rows, more))] = np.arange(len(affinity))
        return affinity, row_of, windows

    def _affinity(self, features: Features, memory: Entry, prior: Prior, places: NDArray[np.int64]) -> Tensor:
        """Return what some places of the frame take of each place in memory, (n, M)."""
        there = torch.from_numpy(places).to(self.device)
        query, prior = features.key.index_select(1, there), (prior[0][there], prior[1])
        return self.net.affinity(query, memory.key, prior, memory.bias)[0].to(self.dtype)

    def _take_prompt(self, prompt: Mask) -> int:
        """Take the prompt's objects as they are, the others where room remains; return how many it names."""
        named = object_ids(prompt)
        new = [i for i in named if i not in self.objects]
        if new:
            self.objects += new
            self.groups.append(Group(len(new), deque(maxlen=self.memory)))
        prob = torch.zeros((len(self.objects), 1, *self.size_hw), device=self.device)
        prob[: len(self.prob)] = self.prob
        prob *= 1 - self._plane(np.isin(prompt, named))
        for i in named:
            prob[self.objects.index(i), 0] = self._plane(prompt == i)
            self.evidence.tell(i, prob[self.objects.index(i)])
        self.prob = prob
        return len(named)

    def _plane(self, pixels: NDArray[np.bool_]) -> Tensor:
        return to_plane(pixels, self.size_hw).to(self.device)

    def _encode(self, frame: Frame, window: Window) -> Features:
        image = window.of(to_image(frame, self.size_hw), 1).to(self.device, self.dtype)
        return self.net.encode(image.contiguous(memory_format=torch.channels_last))

    def _remember(self, frame: Frame, features: Features, prompted: bool, keep: bool) -> None:
        self.cues = cues_of(self.net, self.prob.to(self.dtype), self.nothing)
        cues = self.window.cues(self.cues)
        whole = self.window == self.whole
        values = (
            values_of(self.net, features, cues, self.nothing) if whole else self.net.value(features, cues)
        )
        masks = cues.s16.flatten(1)
        for group, own in self._groups():
            entry = Entry(features.key, values[own], masks[own], torch.zeros_like(features.key[..., 0]))
            if group.first is None:
                group.first = Entry.joined((entry, *self._turned(frame, self.prob[own])))
                group.previous = entry
            else:
                group.remember(entry, prompted, keep)

    def _turned(self, frame: Frame, prob: Tensor) -> Iterator[Entry]:
        """Yield what there is at and around objects, prob (O, 1, h, w), in their frame turned."""
        frame, planes = shrink(frame, self.size_hw), prob[:, 0].cpu().numpy()
        for degrees in TURNS_DEG:
            seen, masks = rotate(frame, planes, degrees)
            features = self._encode(seen, self.whole)
            cues = self.net.cues(torch.from_numpy(masks)[:, None].to(self.device, self.dtype))
            around = F.max_pool2d(cues.s16, 2 * MARGIN + 1, 1, MARGIN).amax((0, 1)).flatten() > BEFORE
            values = self.net.value(features, cues)
            key = features.key[:, around]
            yield Entry(key, values[:, around], cues.s16.flatten(1)[:, around], torch.zeros_like(key[..., 0]))

    def _groups(self) -> Iterator[tuple[Group, slice]]:
        """Yield each group, and which of the objects are its own."""
        start = 0
        for group in self.groups:
            yield group, slice(start, start + group.count)
            start += group.count
