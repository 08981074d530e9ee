"""A figure: what was measured, what it means, and the target that it has to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number of a network's card, with at most one of the two targets."""

    name: str
    value: float
    meaning: str
    """What was measured, in which unit."""
    under: float | None = None
    """The target: the value lies below this."""
    least: float | None = None
    """The target: the value is this or more."""

    @property
    def aim(self) -> str:
        """The target in words, ``aim`` in the JSON of cards; empty where there is none."""
        if self.under is not None:
            return f"under {self.under:.4g}"
        return f"at least {self.least:.4g}" if self.least is not None else ""

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None where there is none. NaN reaches no target."""
        if self.under is not None:
            return self.value < self.under
        return self.value >= self.least if self.least is not None else None

    def as_json(self) -> dict[str, Any]:
        """Return the entry of a model card: four significant digits; NaN is null."""
        entry: dict[str, Any] = {"value": float(f"{self.value:.4g}") if isfinite(self.value) else None}
        if self.aim:
            entry |= {"aim": self.aim, "holds": self.holds}
        return entry | {"meaning": self.meaning}


@dataclass
class Measured:
    """The figures of one network, or of the dataset."""

    figures: list[Figure] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """For what could not be measured on this machine, what is missing and what to type."""

    @property
    def missed(self) -> list[str]:
        """The names of the figures that miss their targets."""
        return [figure.name for figure in self.figures if figure.holds is False]


def create_figures(
    found: Mapping[str, float],
    meanings: Mapping[str, str],
    prefix: str = "",
    under: Mapping[str, float] = MappingProxyType({}),
    least: Mapping[str, float] = MappingProxyType({}),
) -> list[Figure]:
    """Create figures from the results of an ``evaluate()``, each with its meaning.

    Args:
        meanings: By name, or by what a name begins with; then the rest of the name takes the place of ``{}``.
        prefix: Put before the names.
        under, least: Targets by name, without the prefix.
    """
    return [
        Figure(prefix + name, value, _meaning(name, meanings), under.get(name), least.get(name))
        for name, value in found.items()
    ]


def _meaning(name: str, meanings: Mapping[str, str]) -> str:
    begins = max((key for key in meanings if name.startswith(key)), key=len)
    return meanings[begins].format(name.removeprefix(begins))
