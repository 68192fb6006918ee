"""The report of many clips: report.json, and report.html for people, with the pictures beside it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader

from vos.batch.clip import CACHED, DONE, FAILED, WAITING, Outcome, Settings, as_json
from vos.video.masks import replacing

JSON, HTML = "report.json", "report.html"


def facts(settings: Settings, outcomes: Sequence[Outcome], unused: Sequence[str]) -> dict[str, Any]:
    """Return what report.json says."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {
        "engine": settings.engine,
        "options": dataclasses.asdict(settings.options),
        "complete": not counts[WAITING],
        "counts": {state: counts[state] for state in (DONE, CACHED, FAILED, WAITING)},
        "unused_masks": list(unused),
        "files": sorted({HTML, *(file for outcome in outcomes for file in settings.files_of(outcome.name))}),
        "clips": [as_json(outcome) for outcome in outcomes],
    }


def write_html(told: dict[str, Any], target: Path) -> None:
    """Write the page for people of what `facts` returned; names and sentences are escaped."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    environment.filters["address"] = quote
    with replacing(target) as part:
        part.write_text(environment.get_template("report.html").render(told), encoding="utf-8")
