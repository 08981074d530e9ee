"""The guide to the synthetic faces: its tables match the code, and its Python code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from i2i_datasets.faces.parameters import GROUPS, Parameter

PAGE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "synthetic-faces.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+), (.+), (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_tables_list_every_parameter_in_order(page: str) -> None:
    sections = page.partition("## Parameters")[2].split("\n### ")[1:]
    assert [section.split()[0].strip(":").lower() for section in sections] == list(GROUPS)
    for section, group in zip(sections, GROUPS.values(), strict=True):
        assert [row[0] for row in ROW.findall(section)] == [parameter.name for parameter in group]


@pytest.mark.parametrize("parameter", [each for group in GROUPS.values() for each in group], ids=lambda each: each.name)
def test_levels_equal_those_of_the_code(parameter: Parameter, page: str) -> None:
    rows = {name: levels for name, _, _, *levels in ROW.findall(page)}
    stated = [float(level) for level in rows[parameter.name]]
    assert stated == pytest.approx([parameter.level(value) for value in (-2, 0, 2)], abs=0.00051)  # three digits


def test_python_examples_run(page: str) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known: dict[str, Any] = {}
    exec(block, known)
    faces, face = known["faces"], known["face"]
    assert face.image.shape == (128, 128, 3) and face.landmarks.shape == (68, 2)
    assert f'"{faces.caption(faces.values(7))}"' in block
    told = faces.describe(known["values"])
    assert told["smile"] == pytest.approx(1.15, abs=0.005) and told["yaw"] == told["pitch"] == told["roll"] == 0
    who = faces.groups["identity"]
    assert (known["same"][who] == faces.values(7)[who]).all()
