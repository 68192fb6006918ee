"""Jobs, results and engines as the REST routes tell them, with the JSON schemas of each."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from vos import downloads, plugins
from vos.errors import InvalidInput
from vos.jobs.exports import ExportStatus
from vos.jobs.status import JobStatus
from vos.store import Marks, Row
from vos.types import Result, read_number

TEXT: Mapping[str, Any] = {"type": "string"}
WHOLE: Mapping[str, Any] = {"type": "integer", "minimum": 0}
TRUTH: Mapping[str, Any] = {"type": "boolean"}
TITLE_LETTERS, NAME_LETTERS = 120, 60


def _object(required: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **more}, "required": [*required]}


def array(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


LINKS = {"type": "object", "additionalProperties": TEXT}
PROBLEM = _object({"title": TEXT, "status": WHOLE, "detail": TEXT})
JOB = _object(
    {
        "id": TEXT,
        "kind": {"enum": ["segment", "export"]},
        "title": TEXT,
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled", "interrupted"]},
        "done": WHOLE,
        "total": WHOLE,
        "note": TEXT,
        "error": TEXT,
        "cached": TRUTH,
        "result_id": TEXT,
        "links": LINKS,
    }
)
RESULT = _object(
    {"id": TEXT, "title": TEXT, "engine": TEXT, "created": {"type": "number"}, "links": LINKS},
    pinned=TRUTH,
    tags=array(TEXT),
)
RESULTS = _object({"results": array(RESULT), "total": WHOLE, "offset": WHOLE, "limit": WHOLE, "links": LINKS})
OPTION = _object({"name": TEXT, "type": TEXT, "default": {}, "help": TEXT})
PLUGIN = _object({"name": TEXT, "title": TEXT, "summary": TEXT, "options": array(OPTION)})
HEALTH = _object(
    {"status": TEXT, "version": TEXT, "engines": array(TEXT), "waiting": WHOLE, "running": WHOLE}
)
UPLOAD = _object({"digest": TEXT, "name": TEXT, "size": WHOLE})


def job_of(status: JobStatus | ExportStatus) -> dict[str, Any]:
    """Return a job as JSON has it."""
    links = {"self": f"/api/jobs/{status.id}", "events": f"/api/jobs/{status.id}/events"}
    fields = dataclasses.asdict(status)
    if isinstance(status, ExportStatus):
        links["result"] = f"/api/results/{status.result_id}"
        if status.state == "done":
            links["file"] = f"{links['result']}/exports/{status.name}?key={status.key}"
        return {"kind": "export", **fields, "links": links}
    if status.result_id:
        links["result"] = f"/api/results/{status.result_id}"
    return {"kind": "segment", **fields, "links": links}


def result_of(result: Result, marks: Marks) -> dict[str, Any]:
    """Return a whole result as JSON has it: result.json (docs/files.md), what is set on it, and links."""
    return downloads.describe(result) | dataclasses.asdict(marks) | {"links": links_of(result.id)}


def row_of(row: Row) -> dict[str, Any]:
    """Return a result of a list as JSON has it."""
    return dataclasses.asdict(row) | {"links": links_of(row.id)}


def links_of(result_id: str) -> dict[str, str]:
    """Return the addresses of a result's parts."""
    base = f"/api/results/{result_id}"
    parts = ("video", "masks", "trajectory")
    page = {"self": base, "page": f"/video?result={result_id}", "thumbnail": f"{base}/thumbnail.jpg"}
    return page | {part: f"{base}/{part}" for part in parts}


def engine_of(name: str) -> dict[str, Any]:
    """Return an engine as JSON has it."""
    module = plugins.load(plugins.ENGINES, name)
    facts = {"name": name, "title": module.TITLE, "summary": module.SUMMARY}
    return facts | {"needs_prompt": module.NEEDS_PROMPT, "options": options_of(module)}


def export_of(name: str) -> dict[str, Any]:
    """Return an export as JSON has it."""
    module = plugins.load(plugins.EXPORTS, name)
    facts = {"name": name, "title": module.LABEL, "summary": module.WHO, "suffix": module.SUFFIX}
    return facts | {"options": options_of(module)}


def options_of(module: ModuleType) -> list[dict[str, Any]]:
    """Return a plug-in's options with their types, defaults and bounds."""
    types = typing.get_type_hints(module.Options)
    found = []
    for option in dataclasses.fields(module.Options):
        meta = option.metadata
        fact: dict[str, Any] = {
            "name": option.name,
            "type": types[option.name].__name__,
            "default": option.default,
        }
        fact["help"] = str(meta.get("help", ""))
        fact |= {key: meta[key] for key in ("choices", "min", "max") if key in meta}
        found.append(fact)
    return found


def read_names(given: object) -> dict[int, str]:
    """Return objects' names as JSON has them, by id.

    Raises:
        InvalidInput: it is no JSON object of texts.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("names is no JSON object")
    return {
        read_number(key) if key.isdecimal() else 0: str(name)[:NAME_LETTERS] for key, name in given.items()
    }
