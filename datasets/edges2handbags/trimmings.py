"""Parts that several kinds of bags have: handles, creases, pockets, tassels, chains and quilting."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, band, between
from i2i.toolkit.drawing.relief import Material

from .canvas import HandbagCanvas


def arch(apart: float, low: float, high: float) -> list[tuple[float, float]]:
    """Return the line of a handle between two feet."""
    waist = low + (high - low) * 0.5
    return [(-apart, low), (-apart * 0.98, waist), (-apart * 0.62, high - 0.06), (0, high), (apart * 0.62, high - 0.06),
            (apart * 0.98, waist), (apart, low)]  # fmt: skip


def folds(canvas: HandbagCanvas) -> None:
    """Soft creases that hang from the mouth or the corners."""
    rng = canvas.rng
    for _ in range(int(rng.integers(0, 5))):
        u, v = between(rng, -0.75, 0.75), between(rng, 0.3, 0.9)
        lean = between(rng, -0.15, 0.15)
        path = canvas.shape(
            [(u, v), (u + lean * 0.4, v - 0.12), (u + lean, v - between(rng, 0.18, 0.3))], 0.01, closed=False
        )
        width = 0.022 * np.sin(np.linspace(0.05, np.pi - 0.05, len(path)))
        canvas.model.seam(path, width, depth=0.004, drawn=0.15, dark=0.08)


def pocket(canvas: HandbagCanvas, body: Array) -> None:
    """Draw a patch pocket on the front, within the body's mask."""
    rng, model = canvas.rng, canvas.model
    half, top = between(rng, 0.4, 0.65), between(rng, 0.5, 0.66)
    model.part(
        canvas.panel(-half, 0.1, half, top, 0.06), canvas.main, round=0.012, lift=0.002, within=body, outline=0.85
    )
    canvas.sew(canvas.shape([(-half + 0.04, top - 0.05), (half - 0.04, top - 0.05)], 0.002, closed=False), 0.2)


def tassel(canvas: HandbagCanvas, u: float) -> None:
    """Draw a tassel that hangs from a handle's ring."""
    rng, model = canvas.rng, canvas.model
    canvas.strap([(u, 0.76), (u + 0.03, 0.62)], 0.008, canvas.second, sewn=False)
    for lean in np.linspace(-0.05, 0.05, 6):
        line = canvas.shape(
            [(u + 0.03, 0.62), (u + 0.03 + lean * 0.7, 0.48), (u + 0.03 + lean, between(rng, 0.3, 0.36))],
            0.004,
            closed=False,
        )
        model.part(band(line, 0.009), canvas.second, round=0.005, outline=0.4)


def chain(canvas: HandbagCanvas, line: list[tuple[float, float]]) -> None:
    """Draw a chain along bag points, its links in the bag's metal."""
    path = canvas.shape(line, 0.01, closed=False)
    distance = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    canvas.model.part(
        band(path, 0.007), Material(np.asarray(canvas.metal.colour) * 0.55, "metal"), round=0.003, outline=0.9
    )
    canvas.model.stitches(path, canvas.metal.colour, pitch=float(distance[-1]) / 56, width=0.014)


def quilt(canvas: HandbagCanvas, body: Array) -> None:
    """Diamonds pressed into the hide."""
    pitch = between(canvas.rng, 0.18, 0.26)
    for lean in (-1, 1):
        for start in np.arange(-2.2, 2.2, pitch):
            ends = canvas.at([(start, 1.1), (start + lean * 1.2, -0.1)])
            path = np.linspace(ends[0], ends[1], 12)
            keep = [tuple(point) for point in path if _inside(body, point)]
            if len(keep) > 2:
                canvas.model.seam(np.array(keep, np.float32), width=0.006, depth=0.004, drawn=0.0, dark=0.2)


def _inside(mask: Array, point: Array) -> bool:
    x, y = (int(np.clip(v * len(mask), 0, len(mask) - 1)) for v in point)
    return bool(mask[y, x] > 0.5)
