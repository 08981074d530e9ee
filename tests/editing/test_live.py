"""Watching an edit: images arrive while it runs, in the order of the edit, and change nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import i2i


class Watcher(i2i.LiveView):
    """Keeps what it is shown."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self.seen: list[tuple[int, Tensor, Tensor | None]] = []

    def show(self, number: int, image: Tensor, points: Tensor | None = None) -> None:
        self.seen.append((number, image, points))


EDITS: dict[str, dict[str, Any]] = {
    "drag": {"preset": "smile", "images": ["seed:1", "seed:2"], "steps": 3, "frames": 0},
    "text": {"images": ["seed:1"], "steps": 3},
    "swap": {"images": ["target=seed:1", "source=seed:2"], "steps": 3, "frames": 0},
    "invert": {"images": ["seed:1"], "steps": 3, "frames": 0},
}


@pytest.mark.parametrize("editor", EDITS)
def test_watching_shows_every_step_and_changes_nothing(editor: str) -> None:
    watcher, options = Watcher(), EDITS[editor]
    watched = i2i.edit(editor, device="cpu", keep=False, watch=watcher, **options)
    alone = i2i.edit(editor, device="cpu", keep=False, **options)
    assert torch.equal(watched.image, alone.image)
    numbers = [number for number, _, _ in watcher.seen]
    assert set(numbers) == set(range(len(options["images"]) if editor == "drag" else 1))
    assert numbers.count(0) >= 4  # the initial state and three steps
    for _, image, points in watcher.seen:
        assert image.shape[:2] == (1, 3) and float(image.abs().amax()) <= 1.01 and not image.requires_grad
        assert (points is not None) == (editor == "drag") and (points is None or points.shape[1] == 2)


def test_images_come_no_more_often_than_asked() -> None:
    watcher = Watcher(seconds=3600)
    i2i.edit("drag", device="cpu", watch=watcher, **EDITS["drag"])
    assert [number for number, _, _ in watcher.seen] == [0, 1]  # of the first step


def test_view_without_show_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"LiveView .*show"):
        i2i.LiveView()  # type: ignore[abstract]
