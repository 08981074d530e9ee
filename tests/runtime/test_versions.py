"""Versions in the records of runs and edits: of what is installed, and no failure where something is not."""

from __future__ import annotations

from importlib import metadata

import pytest

import i2i
from i2i.runtime.versions import installed_versions
from i2i.training.runs import versions


def test_versions_leave_out_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str | None:
        if name in ("torchvision", "albumentations"):
            raise metadata.PackageNotFoundError(name)
        return None if name == "safetensors" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert versions().keys() == {"i2i", "python", "torch", "numpy"}
    assert versions()["i2i"] == i2i.__version__
    assert installed_versions(["no-such-distribution"]).keys() == {"i2i", "python"}
