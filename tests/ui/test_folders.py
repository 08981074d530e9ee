"""Folders of this machine to choose from."""

from __future__ import annotations

from pathlib import Path

import pytest

import i2i
from i2i.ui.folders import list_folders, nearest_folder


def test_list_folders_tells_runs_and_datasets(tmp_path: Path) -> None:
    for name in ("b/train", "a", "c", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "c" / "options.json").touch()
    (tmp_path / "file").touch()
    found = [(each.path.name, each.kind) for each in list_folders(tmp_path)]
    assert found == [("a", "folder"), ("b", "dataset"), ("c", "run")]
    with pytest.raises(i2i.UsageError, match="cannot be read"):
        list_folders(tmp_path / "file")


def test_nearest_folder_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert nearest_folder("") == tmp_path
    assert nearest_folder(str(tmp_path / "missing" / "more")) == tmp_path
