"""Names that others have."""

from __future__ import annotations

from typing import Any

import i2i


class Pix2Pix(i2i.Metric):
    """Takes the name of a metric."""

    name = "l1"
    summary = "Not the l1 that everybody means."
    better = "lower"

    def __init__(self, device: Any) -> None:
        raise AssertionError

    def update(self, output: Any, target: Any) -> None:
        raise AssertionError

    def compute(self) -> float:
        raise AssertionError


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register the metric."""
    register(Pix2Pix)


@i2i.hookimpl
def register_commands(cli: Any, registry: Any) -> None:
    """Take the name of a command."""
    import click

    cli.add_command(click.Command("train"))
