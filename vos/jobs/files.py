"""Submitted jobs on disk, enough to run them again, so that a process that is killed forgets none."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vos import plugins
from vos.errors import VosError
from vos.options import read_kept_options
from vos.owned import OwnedFolder, abandoned
from vos.types import Job, Prompt
from vos.video.masks import encode_png

log = logging.getLogger(__name__)


class JobFiles:
    """The files of one process's jobs; those of processes that died come over with `interrupted`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owned: OwnedFolder | None = None

    def save(self, job_id: str, job: Job, digest: str) -> None:
        """Keep a job; one that cannot be kept runs all the same, but a killed process forgets it."""
        try:
            path = self._path(job_id)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(_to_json(job, digest)), encoding="utf-8")
            os.replace(part, path)
        except (OSError, TypeError) as error:
            log.warning("job %s would be forgotten if the dashboard were killed: %s", job_id, error)

    def remove(self, job_id: str) -> None:
        """Forget a job: it is over."""
        with contextlib.suppress(OSError):
            self._path(job_id).unlink(missing_ok=True)

    def interrupted(self) -> list[tuple[str, Job, str]]:
        """Take over the jobs of dead processes and return them, oldest first: id, job, digest of its clip."""
        found = []
        try:
            for folder in abandoned(self._folder):
                for path in folder.glob("*.json"):
                    found.append((path.stat().st_mtime, path.stem))
                    os.replace(path, self._path(path.stem))
        except OSError as error:
            log.warning("earlier jobs cannot be looked for: %s", error)
        return [(name, *read) for _, name in sorted(found) if (read := self._read(name))]

    def close(self) -> None:
        """Remove what is kept: every job is over."""
        if self._owned:
            self._owned.cleanup()
            self._owned = None

    def _read(self, job_id: str) -> tuple[Job, str] | None:
        try:
            return _from_json(json.loads(self._path(job_id).read_text(encoding="utf-8")))
        except (OSError, VosError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("the interrupted job %s does not read back and is left out: %s", job_id, error)
            self.remove(job_id)
            return None

    def _path(self, job_id: str) -> Path:
        if self._owned is None:
            self._owned = OwnedFolder(self._folder, outlives=True)
        return self._owned.path / f"{job_id}.json"


def _to_json(job: Job, digest: str) -> dict[str, Any]:
    plain = {field.name: getattr(job, field.name) for field in dataclasses.fields(job)}
    plain["options"], plain["names"] = dataclasses.asdict(job.options), dict(job.names)
    plain["clip"] = str(job.clip)
    plain["prompts"] = [
        {
            "frame": prompt.frame,
            "png": base64.b64encode(encode_png(prompt.mask)).decode(),
            "gone": list(prompt.gone),
        }
        for prompt in job.prompts
    ]
    return {"digest": digest, "job": plain}


def _from_json(kept: dict[str, Any]) -> tuple[Job, str]:
    fields = dict(kept["job"])
    fields["clip"] = Path(fields["clip"])
    fields["options"] = read_kept_options(plugins.ENGINES, fields["engine"], fields["options"])
    fields["span"] = tuple(fields["span"]) if fields.get("span") else None
    fields["names"] = {int(key): str(name) for key, name in fields["names"].items()}
    fields["prompts"] = tuple(
        Prompt(
            int(prompt["frame"]),
            np.array(Image.open(io.BytesIO(base64.b64decode(prompt["png"])))),
            tuple(map(int, prompt.get("gone", ()))),
        )
        for prompt in fields["prompts"]
    )
    return Job(**fields), str(kept["digest"])
