"""Mask files become prompts: colours mean the same in all; several files of a frame are several objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from vos.labels import Labeller, merge_layers, read_labels
from vos.types import Prompt
from vos.video.masks import check_prompt, fit


@dataclass(frozen=True)
class MaskFile:
    """A file with the mask of a frame, and what the user calls it."""

    frame: int
    name: str
    path: Path


def read_prompts(files: Sequence[MaskFile], size_hw: tuple[int, int]) -> tuple[list[Prompt], list[str]]:
    """Return a prompt for each frame, and what the user should be told of how the files were read.

    Raises:
        InvalidInput: a file is no mask, or does not fit frames of this size.
    """
    labeller, prompts, notes = Labeller(), [], []
    for frame, group in groupby(sorted(files, key=attrgetter("frame")), attrgetter("frame")):
        layers = [(file.name, fit(read_labels(file.path, labeller), size_hw)) for file in group]
        merged = layers[0][1] if len(layers) == 1 else merge_layers(layers)
        labels = check_prompt(merged)
        notes += [f"{', '.join(name for name, _ in layers)}: {note}" for note in labels.notes]
        prompts.append(Prompt(frame, labels.mask))
    return prompts, notes
