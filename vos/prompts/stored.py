"""Prompts in a file of a result: a palette PNG a frame, and what is gone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vos.types import Prompt, Result, read_number
from vos.video.masks import encode_png, read_mask

GONE = "gone.json"  # the objects that are gone, by the frame from which on: {"40": [2]}


def pack_prompts(prompts: Sequence[Prompt]) -> bytes:
    """Return prompts as a zip: 00040.png is the mask of frame 40, gone.json there if anything is gone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for prompt in prompts:
            if prompt.objects:
                archive.writestr(zipfile.ZipInfo(f"{prompt.frame:05d}.png"), encode_png(prompt.mask))
        if gone := {prompt.frame: prompt.gone for prompt in prompts if prompt.gone}:
            archive.writestr(zipfile.ZipInfo(GONE), json.dumps(gone))
    return buffer.getvalue()


def prompts_of(result: Result) -> list[Prompt]:
    """Return the prompts a result was made of, by frame."""
    with zipfile.ZipFile(result.files["prompts"]) as archive:
        names = set(archive.namelist())
        gone = {int(f): ids for f, ids in json.loads(archive.read(GONE)).items()} if GONE in names else {}
        masks = {read_number(Path(name).stem): read_mask(archive.read(name))[0] for name in names - {GONE}}
    empty = np.zeros(result.info.size_hw, np.uint8)
    frames = sorted({*masks, *gone})
    return [Prompt(frame, masks.get(frame, empty), tuple(gone.get(frame, ()))) for frame in frames]
