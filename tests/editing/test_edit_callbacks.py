"""Callbacks of an edit: what they receive, and that a failing one does not end the edit."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.registry import Plugin
from i2i.testing import registry_of
from tests.helpers.toy_editors import Shift


class Recorder(i2i.Callback):
    name = "recorder"
    summary = "Keeps what it receives."
    default = True
    events: ClassVar[list[tuple[Any, ...]]] = []

    def edit_begins(self, recipe: Any) -> None:
        self.events.append(("begins", recipe["plugin"], recipe["options"]["amount"]))

    def edit_ends(self, image: np.ndarray, scalars: Any, folder: Path | None) -> None:
        assert folder is not None and (folder / "recipe.json").is_file()
        self.events.append(("ends", image.shape, image.dtype, sorted(scalars)))


class Failing(i2i.Callback):
    name = "failing"
    summary = "Fails when an edit begins."
    default = True

    def edit_begins(self, recipe: Any) -> None:
        raise SystemExit("no")


def registry() -> i2i.Registry:
    @i2i.hookimpl
    def register_callbacks(register: Any) -> None:
        register(Failing)
        register(Recorder)

    module = ModuleType("tests_callbacks")
    module.register_callbacks = register_callbacks  # type: ignore[attr-defined]
    found = registry_of(Shift)
    found.add(Plugin("callbacks", "i2i-callbacks", "1.0", module))
    return found


def test_callbacks_follow_an_edit_and_a_failing_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Recorder.events.clear()
    Image.new("RGB", (8, 6), "grey").save(tmp_path / "photo.png")
    i2i.edit("shift", [tmp_path / "photo.png"], out=tmp_path / "out", registry=registry(), device="cpu", amount=0.5)
    assert Recorder.events == [
        ("begins", "shift", 0.5),
        ("ends", (6, 8, 3), np.dtype(np.uint8), ["mean"]),
    ]
    assert "failing" in (told := capsys.readouterr().err) and "i2i-callbacks 1.0" in told and "edit_begins" in told
