"""The cache of inversions, when two edits want the same photo at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.editing.pipeline import edit
from tests.helpers.toy_faces import photo
from tests.helpers.toy_latents import Bandwise, latent_registry


def test_a_photo_is_inverted_once_for_two_edits_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for processes here: each has a lock of its own."""
    Bandwise.asked.clear()
    registry, picture = latent_registry(), photo(tmp_path / "me.png", (10, 10, 30), size=(60, 60))
    waits, invert = threading.Event(), Bandwise.invert

    def slow(self: Bandwise, scene: i2i.Scene, images: Any, options: Any) -> list[i2i.Inversion]:
        assert waits.wait(30), "the other edit waits"
        return invert(self, scene, images, options)

    def note(text: str) -> None:
        if text == "Waiting for another process that inverts the same photo.":
            waits.set()

    def run(number: int) -> None:
        shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "note": note}
        edit("brighten", [picture], out=tmp_path / str(number), **shared)

    monkeypatch.setattr(Bandwise, "invert", slow)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Bandwise.asked == [1]
    first, second = ((tmp_path / str(number) / "photo.png").read_bytes() for number in range(2))
    assert first == second
