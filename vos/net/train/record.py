"""The log of a run: one JSON object a line, and a picture of its curves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from vos.errors import InvalidInput

PANELS = (("loss",), ("score", "j", "f", "accuracy", "iou"), ("rate",))


class Record:
    """Lines of {"step": ..., "minutes": ..., name: value, ...}, appended to a file."""

    def __init__(self, path: Path):
        self.path = path

    def add(self, step: int, minutes: float, values: Mapping[str, float]) -> None:
        """Append a line."""
        entry = {"step": step, "minutes": round(minutes, 3)}
        entry |= {key: float(f"{value:.5g}") for key, value in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> list[dict[str, float]]:
        """Return all lines."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def keep_until(self, step: int) -> None:
        """Forget what was logged after a step."""
        kept = [json.dumps(entry) + "\n" for entry in self.entries() if entry["step"] <= step]
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_text("".join(kept))
        os.replace(part, self.path)

    def draw(self, target: Path) -> None:
        """Draw loss, scores and learning rate over the steps, as PNG.

        Raises:
            InvalidInput: matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure  # of the extra [train]
        except ImportError as error:
            raise InvalidInput("the curves need matplotlib: pip install 'vos[train]'") from error
        entries = self.entries()
        figure = Figure(figsize=(8, 9), layout="constrained")
        for axes, names in zip(figure.subplots(len(PANELS), 1, sharex=True), PANELS, strict=True):
            for name in names:
                points = [(entry["step"], entry[name]) for entry in entries if name in entry]
                if points:
                    axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 40 else "")
            if axes.lines:
                axes.legend()
            axes.grid(alpha=0.3)
        axes.set_xlabel("step")
        part = target.with_name(f".{target.name}.part")
        figure.savefig(part, format="png", dpi=80)
        os.replace(part, target)
