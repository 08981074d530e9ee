"""Callbacks."""

from __future__ import annotations

from typing import Any

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Callback):
    """Follows everything."""

    name = "broken-callback"
    summary = "Misbehaves as its options say."

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, options: Any) -> None:
        self.options = options
        misbehave(options, "__init__", None)

    def run_begins(self, folder: Any, options: Any, step: int, total: int) -> None:
        misbehave(self.options, "run_begins", None)

    def losses(self, step: int, epoch: float, values: Any, images_per_second: float) -> None:
        misbehave(self.options, "losses", None)

    def samples(self, step: int, split: str, image: Any, path: Any) -> None:
        misbehave(self.options, "samples", None)

    def validation(self, step: int, epoch: float, values: Any) -> None:
        misbehave(self.options, "validation", None)

    def checkpoint(self, step: int, path: Any, best: bool) -> None:
        misbehave(self.options, "checkpoint", None)

    def run_ends(self, summary: Any) -> None:
        misbehave(self.options, "run_ends", None)

    def edit_begins(self, recipe: Any) -> None:
        misbehave(self.options, "edit_begins", None)

    def edit_ends(self, image: Any, scalars: Any, folder: Any) -> None:
        misbehave(self.options, "edit_ends", None)


@i2i.hookimpl
def register_callbacks(register: i2i.Register) -> None:
    """Register the callback."""
    register(Broken)
