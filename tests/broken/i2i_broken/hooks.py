"""Hooks that fail, or register what is none of their kind."""

from __future__ import annotations

from typing import Any

import i2i


class Named:
    """Has a name and a summary, and is nothing else."""

    name = "broken-named"
    summary = "No plugin class."


class Untyped(i2i.Metric):
    """Options that are no options."""

    name = "broken-untyped"
    summary = "Its Options are a dict."
    better = "lower"
    Options = dict  # type: ignore[assignment]

    def __init__(self, device: Any) -> None: ...

    def update(self, output: Any, target: Any) -> None: ...

    def compute(self) -> float:
        return 0.5


class Clash(i2i.Editor):
    """An option that the command has itself."""

    name = "broken-clash"
    summary = "Has the option --out."

    class Options(i2i.Options):
        out: str = ""

    def edit(self, scene: Any, options: Any) -> Any:
        raise AssertionError


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Raise."""
    raise RuntimeError("broken on purpose")


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register an instance of nothing."""
    register(None)


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register options that clash."""
    register(Clash)


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register options that are none."""
    register(Untyped)


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register what is no record."""
    register(Named())


@i2i.hookimpl
def register_generators(register: i2i.Register) -> None:
    """Register a name with dots for a target."""
    register("broken-target", ".generators", summary="Relative.")


@i2i.hookimpl
def register_inverters(register: i2i.Register) -> None:
    """Register a class of another kind."""
    register(Clash)


@i2i.hookimpl
def register_callbacks(register: i2i.Register) -> None:
    """End the program."""
    raise SystemExit(0)


@i2i.hookimpl
def register_panels(register: i2i.Register) -> None:
    """Register a class of no kind."""
    register(Named)


@i2i.hookimpl
def register_presets(register: i2i.Register) -> None:
    """Register one preset twice."""
    for _ in range(2):
        register(i2i.Preset("twice", "Twice.", "drag", {}))


@i2i.hookimpl
def register_commands(cli: Any, registry: Any) -> None:
    """Add what is no command."""
    cli.add_command("text")
