"""Plugin module of the callback ``csv``: losses, metrics and edits as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import i2i

if TYPE_CHECKING:
    import numpy as np


class CSV(i2i.Callback):
    """Writes ``losses.csv`` and ``validation.csv`` into the run directory, and a line an edit into ``edits.csv``.

    ``edits.csv`` lies beside the directories of the edits.
    """

    name = "csv"
    summary = "Losses, metrics and edits as CSV files."
    default = True

    def __init__(self) -> None:
        self.folder = Path()
        self.editor = ""

    def run_begins(self, folder: Path, options: Mapping[str, Any], step: int, total: int) -> None:
        """Start with empty files; of a resumed run, keep the lines up to its checkpoint."""
        self.folder = folder
        for name in ("losses.csv", "validation.csv"):
            path = folder / name
            if path.is_file():
                with path.open(newline="", encoding="utf-8") as file:
                    header, *rows = csv.reader(file)
                with path.open("w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows([header, *(row for row in rows if int(row[0]) <= step)])

    def losses(self, step: int, epoch: float, values: Mapping[str, float], images_per_second: float) -> None:
        """Write the losses of a step."""
        append(self.folder / "losses.csv", {"step": step, "epoch": epoch, **values})

    def validation(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Write the metrics of a validation."""
        append(self.folder / "validation.csv", {"step": step, "epoch": epoch, **values})

    def edit_begins(self, recipe: Mapping[str, Any]) -> None:
        """Remember the name of the editor."""
        self.editor = recipe["plugin"]

    def edit_ends(self, image: np.ndarray, scalars: Mapping[str, float], folder: Path | None) -> None:
        """Write what the editor reported, if the edit wrote files."""
        if folder is not None:
            reported = " ".join(f"{name}={value:.6g}" for name, value in scalars.items())
            append(folder.parent / "edits.csv", {"edit": folder.name, "editor": self.editor, "reported": reported})


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a line to a CSV file, after a header if the file is new."""
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(row)
        writer.writerow(row.values())


@i2i.hookimpl
def register_callbacks(register: i2i.Register) -> None:
    """Register the callback."""
    register(CSV)
