"""The layout of a synthetic facade: a list of boxes with the classes of the label map."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from i2i.toolkit.drawing import between, chance

Span: TypeAlias = tuple[float, float]
"""Where something begins and ends, in image units."""

_ORDER = ("wall", "cornice", "column", "trim", "door", "entrance", "window", "head", "shutter", "sill", "balcony")
"""Kinds from the wall outwards: later ones cover earlier ones."""


@dataclass(frozen=True)
class Part:
    """One box of the facade, in image units; ``form`` chooses among the looks of its kind."""

    kind: str
    x0: float
    y0: float
    x1: float
    y1: float
    form: str = ""


@dataclass
class Facade:
    """The layout of a facade: its wall from ``left``, ``top`` to ``right``, ``bottom``, and the boxes on it."""

    left: float
    top: float
    right: float
    bottom: float
    parts: list[Part] = field(default_factory=list)

    def add(self, kind: str, x0: float, y0: float, x1: float, y1: float, form: str = "") -> None:
        """Put a box on the wall, cut to it; what falls outside is left away."""
        x0, x1 = max(x0, self.left), min(x1, self.right)
        y0, y1 = max(y0, self.top), min(y1, self.bottom)
        if x1 - x0 > 0.004 and y1 - y0 > 0.004:
            self.parts.append(Part(kind, x0, y0, x1, y1, form))


@dataclass(frozen=True)
class _Habit:
    """What the windows of one facade, or of one storey that differs, have in common."""

    width: float
    """Share of the bay."""
    height: float
    """Share of the storey."""
    form: str
    head: str
    sill: bool
    shutters: float
    """Probability at a window."""
    balcony: str
    pair: bool


def plan_facade(rng: np.random.Generator) -> Facade:
    """Draw a facade: two to six storeys, two to eight bays, one habit and its exceptions."""
    facade = _outline(rng)
    storeys = int(rng.choice([2, 3, 4, 5, 6], p=[0.14, 0.28, 0.3, 0.18, 0.1]))
    rows = _rows(rng, facade, storeys)
    storey = (facade.bottom - facade.top) / storeys
    bays = int(np.clip(round((facade.right - facade.left) / (storey * between(rng, 0.5, 1.15))), 2, 8))
    columns = _columns(rng, facade, bays)
    habit = _habit(rng)
    for index, (top, bottom) in enumerate(rows[:-1]):
        own = _habit(rng) if chance(rng, 0.22) else habit
        _storey(rng, facade, columns, (top, bottom), own, first=index == 0)
    _ground(rng, facade, columns, rows[-1], habit)
    _bands(rng, facade, rows)
    if chance(rng, 0.24):
        _pillars(rng, facade, columns, rows)
    facade.parts.sort(key=lambda part: _ORDER.index(part.kind))
    return facade


def _outline(rng: np.random.Generator) -> Facade:
    top = between(rng, 0.05, 0.24) if chance(rng, 0.6) else between(rng, 0, 0.03)
    bottom = between(rng, 0.9, 0.97) if chance(rng, 0.65) else 1.0
    left = between(rng, 0.02, 0.14) if chance(rng, 0.28) else 0.0
    right = 1 - between(rng, 0.02, 0.14) if chance(rng, 0.28) else 1.0
    facade = Facade(left, top, right, bottom)
    facade.add("wall", left, top, right, bottom)
    return facade


def _rows(rng: np.random.Generator, facade: Facade, storeys: int) -> list[Span]:
    """Top and bottom of each storey, from the uppermost down to the ground floor."""
    shares = rng.uniform(0.93, 1.07, storeys) * np.linspace(between(rng, 0.82, 1), 1, storeys)
    shares[-1] *= between(rng, 1.0, 1.4)
    lid = between(rng, 0.02, 0.06)
    downwards = np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    lines = facade.top + lid + downwards * (facade.bottom - facade.top - lid)
    return [(float(a), float(b)) for a, b in pairwise(lines)]


def _columns(rng: np.random.Generator, facade: Facade, bays: int) -> list[Span]:
    """Left and right of each bay; now and then the middle one is wider."""
    shares = np.ones(bays)
    if bays % 2 and bays > 2 and chance(rng, 0.35):
        shares[bays // 2] = between(rng, 1.15, 1.6)
    margin = between(rng, 0, 0.045)
    lines = np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    lines = facade.left + margin + lines * (facade.right - facade.left - 2 * margin)
    return [(float(a), float(b)) for a, b in pairwise(lines)]


def _habit(rng: np.random.Generator) -> _Habit:
    return _Habit(
        width=between(rng, 0.34, 0.64),
        height=between(rng, 0.48, 0.76),
        form=str(rng.choice(["plain", "arch", "grid"], p=[0.56, 0.16, 0.28])),
        head=str(rng.choice(["", "lintel", "gable", "keystone"], p=[0.36, 0.34, 0.16, 0.14])),
        sill=chance(rng, 0.68),
        shutters=between(rng, 0.6, 1) if chance(rng, 0.27) else 0.0,
        balcony=str(rng.choice(["", "each", "some", "whole"], p=[0.56, 0.13, 0.2, 0.11])),
        pair=chance(rng, 0.13),
    )


def _storey(
    rng: np.random.Generator, facade: Facade, columns: list[Span], row: Span, habit: _Habit, first: bool
) -> None:
    tall = row[1] - row[0]
    lowest = row[1] - tall * between(rng, 0.1, 0.2)
    highest = max(lowest - tall * habit.height, row[0] + 0.1 * tall)
    for left, right in columns:
        if chance(rng, 0.03):
            continue
        half = (right - left) * habit.width / 2
        middle = (left + right) / 2 + between(rng, -0.003, 0.003)
        if habit.pair:
            gap = half * 0.12
            _window(rng, facade, (middle - half * 1.3, highest, middle - gap, lowest), habit)
            _window(rng, facade, (middle + gap, highest, middle + half * 1.3, lowest), habit)
        else:
            _window(rng, facade, (middle - half, highest, middle + half, lowest), habit)
    if habit.balcony == "whole" and not first:
        slack = 0.09 * (columns[0][1] - columns[0][0])
        left, right = columns[0][0] + slack, columns[-1][1] - slack
        facade.add("balcony", left, lowest - tall * 0.26, right, lowest + tall * 0.04, "railing")


def _window(rng: np.random.Generator, facade: Facade, box: tuple[float, float, float, float], habit: _Habit) -> None:
    jitter = rng.uniform(-0.0025, 0.0025, 4)
    x0, y0, x1, y1 = (float(v) for v in np.asarray(box) + jitter)
    wide, tall = x1 - x0, y1 - y0
    facade.add("window", x0, y0, x1, y1, habit.form)
    if habit.head:
        facade.add("head", x0 - wide * 0.1, y0 - tall * 0.17, x1 + wide * 0.1, y0 - tall * 0.02, habit.head)
    if chance(rng, habit.shutters):
        leaf = wide * between(rng, 0.36, 0.48)
        facade.add("shutter", x0 - leaf, y0, x0, y1)
        facade.add("shutter", x1, y0, x1 + leaf, y1)
    elif chance(rng, 0.05):
        facade.add("shutter", x0, y0, x1, y0 + tall * between(rng, 0.3, 0.9), "roller")
    if habit.balcony == "each" or (habit.balcony == "some" and chance(rng, 0.4)):
        form = "railing" if chance(rng, 0.75) else "solid"
        facade.add("balcony", x0 - wide * 0.16, y1 - tall * 0.36, x1 + wide * 0.16, y1 + tall * 0.05, form)
    elif habit.sill:
        facade.add("sill", x0 - wide * 0.08, y1, x1 + wide * 0.08, y1 + max(tall * 0.08, 0.009))
    if chance(rng, 0.07):
        facade.add("trim", x0 + wide * 0.1, y1 + tall * 0.13, x1 - wide * 0.1, y1 + tall * 0.3, "panel")


def _ground(rng: np.random.Generator, facade: Facade, columns: list[Span], row: Span, habit: _Habit) -> None:
    """The ground floor: one entrance, and either shops or windows beside it."""
    top, bottom = row
    tall = bottom - top
    entrance = int(rng.integers(len(columns))) if chance(rng, 0.85) else -1
    shops = chance(rng, 0.42)
    bay = 0
    while bay < len(columns):
        left, right = columns[bay]
        wide = right - left
        if bay == entrance:
            half = min(wide * between(rng, 0.24, 0.36), 0.09)
            middle = (left + right) / 2
            form = "arch" if chance(rng, 0.35) else ""
            lintel = bottom - tall * between(rng, 0.66, 0.84)
            facade.add("entrance", middle - half, lintel, middle + half, bottom, form)
            if chance(rng, 0.3):
                facade.add(
                    "trim", middle - half * 1.25, top + tall * 0.04, middle + half * 1.25, top + tall * 0.14, "panel"
                )
        elif shops or chance(rng, 0.06):
            last = bay + 1 if shops and bay + 1 < len(columns) and bay + 1 != entrance and chance(rng, 0.5) else bay
            form = str(rng.choice(["shop", "awning", "gate"], p=[0.6, 0.25, 0.15]))
            facade.add("door", left + wide * 0.07, top + tall * 0.1, columns[last][1] - wide * 0.07, bottom, form)
            bay = last
        else:
            half = wide * habit.width / 2
            middle = (left + right) / 2
            calm = replace(habit, balcony="", pair=False)
            _window(rng, facade, (middle - half, top + tall * 0.2, middle + half, bottom - tall * 0.26), calm)
        bay += 1


def _bands(rng: np.random.Generator, facade: Facade, rows: list[Span]) -> None:
    """Cornices: one under the roof, often one above the ground floor, now and then one at every floor."""
    left, right = facade.left, facade.right
    if chance(rng, 0.8):
        facade.add("cornice", left, facade.top, right, facade.top + between(rng, 0.016, 0.045), "roof")
    every = chance(rng, 0.22)
    for index, (top, _) in enumerate(rows[1:], start=1):
        ground = index == len(rows) - 1
        if every or (ground and chance(rng, 0.5)):
            facade.add("cornice", left, top - 0.006, right, top + between(rng, 0.006, 0.014))


def _pillars(rng: np.random.Generator, facade: Facade, columns: list[Span], rows: list[Span]) -> None:
    """Pilasters between the bays with capitals of trim, over all storeys or all but the ground floor."""
    half = min((columns[0][1] - columns[0][0]) * between(rng, 0.06, 0.11), 0.02)
    top = rows[0][0] + 0.006
    bottom = rows[-1][0] - 0.008 if chance(rng, 0.7) else facade.bottom
    inner = [left for left, _ in columns[1:]]
    for x in [columns[0][0] + half, *(inner if chance(rng, 0.6) else []), columns[-1][1] - half]:
        facade.add("column", x - half, top, x + half, bottom)
        facade.add("trim", x - half * 1.4, top, x + half * 1.4, top + 0.024, "capital")
