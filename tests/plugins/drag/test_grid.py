"""Pictures and presets as a table."""

from __future__ import annotations

from typing import Any

import torch

from i2i_plugins.drag.presets import PRESETS
from tests.plugins.drag.scenes import drag, scene

FAST: dict[str, Any] = {"rate": 0.2, "frames": 0, "steps": 4}


def test_grid_shows_every_image_with_every_preset() -> None:
    w, told = torch.zeros(2, 6, 4), []
    made, notes = scene(w=w, progress=lambda done, total, **scalars: told.append((done, total)))
    result = drag(made, preset="open_mouth=0.5,slim_face", grid=True, **FAST)
    assert result.table is not None and len(result.others) == 1
    assert result.table.columns == ["original", "open_mouth=0.5", "slim_face"]
    assert result.table.labels == ["blobs 0", "blobs 1"]
    for number, strength in enumerate(("open_mouth=0.5", "slim_face"), start=1):
        alone = drag(scene(w=w)[0], preset=strength, **FAST)
        for row, each in enumerate((alone, *alone.others)):
            cell = result.table.cells[row][number]
            assert cell is not None and torch.allclose(cell, each.image, atol=1e-4)
    image = result.table.cells[0][1]
    assert image is not None and torch.equal(image, result.image)
    assert result.table.notes[0][1].startswith("mouth_opening +") and result.table.notes[0][0] == ""
    assert told == sorted(told) and told[-1] == (16, 16)  # two presets, two pictures, four steps
    assert {note.split(":")[0] for note in notes} <= {"open_mouth=0.5", "slim_face"}


def test_grid_default_shows_all_presets() -> None:
    table = drag(scene()[0], grid=True, **FAST | {"steps": 1}).table
    assert table is not None and table.columns == ["original", *(each.name for each in PRESETS)]


def test_cancelled_grid_shows_presets_so_far() -> None:
    seen: list[int] = []
    made, notes = scene(
        progress=lambda done, total, **scalars: seen.append(done), stop=lambda: max(seen, default=0) > 5
    )
    table = drag(made, preset="open_mouth,slim_face,smile", grid=True, **FAST).table
    assert table is not None and table.columns == ["original", "open_mouth", "slim_face"]
    assert len(table.cells[0]) == 3
    assert notes[-1] == "Stopped before smile; the table shows the presets before it."
