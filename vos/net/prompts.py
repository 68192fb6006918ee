"""What engines check and do about prompts, the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vos.errors import InvalidInput
from vos.types import VOID, Clip, Mask, Prompt, object_ids


def by_frame(clip: Clip, prompts: Sequence[Prompt]) -> Mapping[int, Mask]:
    """Return the prompt masks by frame number.

    Raises:
        InvalidInput: no prompt on frame 0, or a mask that is not of the clip's size.
    """
    masks = optional_by_frame(clip, prompts)
    if 0 not in masks:
        got = f"the first is on frame {min(masks)}" if masks else "there is none"
        raise InvalidInput(f"this engine starts from a mask on frame 0; {got}")
    return masks


def optional_by_frame(clip: Clip, prompts: Sequence[Prompt]) -> Mapping[int, Mask]:
    """Return the prompt masks by frame number, for engines that can do without.

    Raises:
        InvalidInput: a mask that is not of the clip's size.
    """
    masks = {prompt.frame: prompt.mask for prompt in prompts}
    for frame, mask in masks.items():
        if mask.shape != clip.info.size_hw:
            raise InvalidInput(
                f"the prompt mask on frame {frame} is {mask.shape[1]}x{mask.shape[0]}, "
                f"the video is {clip.info.width}x{clip.info.height}"
            )
    return masks


def impose(mask: Mask, prompt: Mask) -> Mask:
    """Return a prediction (H, W) with the prompt's objects exactly as given; other objects stay around them.

    Void pixels of the prompt keep the prediction, unless it names one of the prompt's objects.
    """
    named = object_ids(prompt)
    kept = np.where(np.isin(mask, named), 0, mask).astype(np.uint8)
    return np.where((prompt == 0) | (prompt == VOID), kept, prompt)
