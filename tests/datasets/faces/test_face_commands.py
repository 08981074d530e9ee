"""The set on the command line: previewed, refused where too small, and trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from i2i.cli import build
from i2i.registry import Registry, find_plugins
from i2i.toolkit.images import read_image


@pytest.fixture(scope="module")
def root() -> Any:
    return build(Registry(find_plugins(["faces", "pix2pix"])))


def test_preview_shows_pairs(root: Any, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = CliRunner().invoke(
        root, ["datasets", "preview", "faces", "--count", "2", "--size", "64", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "2 synthetic pairs of faces" in result.output
    sheet = read_image(out)
    assert sheet.shape[0] >= 64 and sheet.shape[1] >= 4 * 64
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 500


def test_too_small_is_one_sentence(root: Any, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = CliRunner().invoke(root, ["datasets", "preview", "faces", "--size", "16", "--out", str(out)])
    assert result.exit_code == 2 and not out.exists()
    assert "type --size 32" in result.output and "Traceback" not in result.output


def test_listed_as_drawn_alone(root: Any) -> None:
    result = CliRunner().invoke(root, ["datasets", "show", "faces", "--json"])
    told = json.loads(result.output)
    assert told["sides"] == ["landmarks", "face"] and told["drawn"] == {"train": 2000, "val": 200}
    assert told["state"] == "drawn only" and told["archive"] is None


def test_pix2pix_takes_it(root: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "pix2pix", "--dataset", "faces", "--size", "64", "--device", "cpu", "--precision", "fp32"]
    result = CliRunner().invoke(root, [*words, "--out", str(run), "--dry-run"])
    assert result.exit_code == 0, result.output
    resolved = json.loads(result.stdout)
    assert resolved["run"]["dataset"] == "faces" and resolved["run"]["direction"] == "AtoB" and not run.exists()
