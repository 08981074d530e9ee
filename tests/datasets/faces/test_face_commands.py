"""The set on the command line: previewed, refused where too small, and trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from i2i.testing import CommandOutcome, registry_of, run_command
from i2i.toolkit.images import read_image


def command(*arguments: str | Path) -> CommandOutcome:
    """Run ``i2i ARGUMENTS`` with the plugins ``faces`` and ``pix2pix``."""
    return run_command(*arguments, registry=registry_of(plugins=["faces", "pix2pix"]))


def test_datasets_preview(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = command("datasets", "preview", "faces", "--count", "2", "--size", "64", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "2 synthetic pairs of faces" in result.stdout
    sheet = read_image(out)
    assert sheet.shape[0] >= 64 and sheet.shape[1] >= 4 * 64
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 500


def test_datasets_preview_refuses_small_size(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    result = command("datasets", "preview", "faces", "--size", "16", "--out", out)
    assert result.exit_code == 2 and not out.exists()
    assert "type --size 32" in result.stderr and "Traceback" not in result.stderr


def test_datasets_show_synthetic_only() -> None:
    result = command("datasets", "show", "faces", "--json")
    told = json.loads(result.stdout)
    assert told["sides"] == ["landmarks", "face"] and told["drawn"] == {"train": 2000, "val": 200}
    assert told["state"] == "drawn only" and told["archive"] is None


def test_train_pix2pix_dry_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "pix2pix", "--dataset", "faces", "--size", "64", "--device", "cpu", "--precision", "fp32"]
    result = command(*words, "--out", run, "--dry-run")
    assert result.exit_code == 0, result.stderr
    resolved = json.loads(result.stdout)
    assert resolved["run"]["dataset"] == "faces" and resolved["run"]["direction"] == "AtoB" and not run.exists()
