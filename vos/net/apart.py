"""Many small objects: what the network makes of each is computed where it is, elsewhere as of nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vos.net.models.memory import Cues, Features, MemoryNetwork
from vos.net.windows import Window, enclose

THERE = 1e-3  # of a place: an object that covers less of it is not there
CODE = 1  # places around an object whose code knows of it, and as many more are needed to compute them
VALUE = 2  # likewise, around those, for values: further ones hardly change
GAIN = 0.6  # of the work: windows that save less are not worth their overhead


def supports(cues: Cues) -> list[Window]:
    """Return the window of places where each object (O,) is."""
    there = (cues.s16[:, 0] > THERE).cpu().numpy()
    return [enclose(one) for one in there]


def cues_of(net: MemoryNetwork, prob: Tensor, nothing: Tensor) -> Cues:
    """Return what `MemoryNetwork.cues` does, of soft masks (O, 1, H, W).

    nothing: the code of an empty mask (1, C, h, w).
    """
    sizes = net.pooled(prob)
    pairs = [(one.wider(CODE, 1), one.wider(2 * CODE)) for one in supports(Cues(*sizes, nothing))]
    if not _worth(pairs):
        return net.cues(prob)
    code = nothing.repeat(len(prob), 1, 1, 1)
    for i, inner, made in _made(pairs, lambda i, wide: (wide.of(prob[i], 1),), lambda x: net.mask(x * 2 - 1)):
        inner.of(code[i], 16)[:] = made
    return Cues(*sizes, code)


def values_of(net: MemoryNetwork, features: Features, cues: Cues, nothing: Tensor) -> Tensor:
    """Return what `MemoryNetwork.value` does, (O, N, C), of a frame that is seen whole."""
    pairs = [(one.wider(CODE + VALUE, 1), one.wider(CODE + 2 * VALUE)) for one in supports(cues)]
    if not _worth(pairs):
        return net.value(features, cues)
    base = net.value_map(nothing, features.value3, features.value1)
    values = base.repeat(len(pairs), 1, 1, 1)

    def parts(i: int, wide: Window) -> tuple[Tensor, ...]:
        return tuple(wide.of(x, 16) for x in (cues.code[i], features.value3[0], features.value1[0]))

    for i, inner, made in _made(pairs, parts, net.value_map):
        inner.of(values[i], 16)[:] = made
    return values.flatten(2).transpose(1, 2)


def _worth(pairs: list[tuple[Window, Window]]) -> bool:
    whole = len(pairs) * pairs[0][0].size_hw[0] * pairs[0][0].size_hw[1] if pairs else 0
    return len(pairs) > 1 and sum(wide.area for _, wide in pairs) < GAIN * whole


def _made(
    pairs: list[tuple[Window, Window]],
    parts: Callable[[int, Window], tuple[Tensor, ...]],
    make: Callable[..., Tensor],
) -> Iterator[tuple[int, Window, Tensor]]:
    """Yield objects, their windows, and what is made of parts (C, y, x) of the wider ones, alike at once."""
    alike: dict[tuple[int, int], list[int]] = {}
    for i, (_, wide) in enumerate(pairs):
        sides = wide.rows[1] - wide.rows[0], wide.columns[1] - wide.columns[0]
        alike.setdefault(sides, []).append(i)
    for chosen in alike.values():
        stacks = zip(*(parts(i, pairs[i][1]) for i in chosen), strict=True)
        made = make(*(torch.stack(stack).contiguous(memory_format=torch.channels_last) for stack in stacks))
        for i, one in zip(chosen, made, strict=True):
            inner, wide = pairs[i]
            yield i, inner, inner.within(wide).of(one, 16)
