"""Procedural drawing: shapes, noise and shading for the synthetic images of datasets.

Coordinates are in image units, x to the right and y down, both in [0, 1], so that the same numbers give the same
scene at any resolution. Colours are RGB in [0, 1]; heights are in image units towards the viewer.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from math import ceil, floor
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Points: TypeAlias = Sequence[tuple[float, float]] | npt.NDArray[Any]
Colour: TypeAlias = Sequence[float] | npt.NDArray[Any]
Where: TypeAlias = tuple[slice, slice]

_SHIFT = 4  # OpenCV draws at fractions of a pixel: 4 binary digits of them


def grid(size: int) -> tuple[Array, Array]:
    """Return the pixel centres in image units: x ``(1, size)`` and y ``(size, 1)``, float32."""
    line = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return line[None, :], line[:, None]


def step(edge: Any, value: Any, soft: Any) -> Any:
    """Return 0 below ``edge - soft/2``, 1 above ``edge + soft/2``, and a linear ramp in between."""
    share = (value - edge) / soft + 0.5
    return np.minimum(np.maximum(share, 0), 1)


def mix(a: Any, b: Any, share: Any) -> Any:
    """Interpolate linearly: ``a`` where ``share`` is 0, ``b`` where it is 1."""
    return a + (b - a) * share


def hsv(hue: float, saturation: float, value: float) -> Array:
    """Return an RGB colour ``(3,)`` from hue (in turns, any number), saturation and value in [0, 1]."""
    clipped = (min(max(number, 0.0), 1.0) for number in (saturation, value))
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, *clipped), np.float32)


def rgb(red: float, green: float, blue: float) -> Array:
    """Return a colour ``(3,)`` from red, green and blue, each in [0, 1]; larger values are clipped at the end."""
    return np.array((red, green, blue), np.float32)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number from the uniform distribution on [low, high)."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with this probability; always takes exactly one random number."""
    return bool(rng.random() < probability)


def noise(
    rng: np.random.Generator, size: int, cells: tuple[int, int] = (4, 4), octaves: int = 4, gain: float = 0.5
) -> Array:
    """Draw smooth value noise ``(size, size)`` in [0, 1] with mean 0.5.

    Args:
        cells: lattice cells across and down in the first octave; each further octave doubles them.
        gain: weight of an octave against the one before.
    """
    total = np.zeros((size, size), np.float32)
    weight = 1.0
    for octave in range(octaves):
        lattice = rng.random((cells[1] << octave, cells[0] << octave), dtype=np.float32) - 0.5
        shrinks = max(lattice.shape) > size
        total += weight * cv2.resize(
            lattice, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
        weight *= gain
    return np.asarray(np.clip(total / (1 + gain) + 0.5, 0, 1), np.float32)


def curve(points: Points, closed: bool = True, steps: int = 8) -> Array:
    """Return a Catmull-Rom spline through points ``(M, 2)`` as ``(N, 2)``, ``steps`` segments between two points."""
    knots = np.asarray(points, np.float32)
    ring = np.vstack([knots[-1:], knots, knots[:2]]) if closed else np.vstack([knots[:1], knots, knots[-1:]])
    a, b, c, d = ring[:-3, None], ring[1:-2, None], ring[2:-1, None], ring[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3)
    line = line.reshape(-1, 2)
    return line if closed else np.vstack([line, knots[-1:]])


def jittered_curve(rng: np.random.Generator, points: Points, jitter: float, closed: bool = True) -> Array:
    """Return ``curve`` through points ``(M, 2)``, each displaced in x and y by uniform noise of up to ``jitter``."""
    moved = np.asarray(points, np.float32) + rng.uniform(-jitter, jitter, (len(points), 2)).astype(np.float32)
    return curve(moved, closed)


def band(line: Points, width: float | Array) -> Array:
    """Return the outline ``(2N, 2)`` of a ribbon along an open line; one width, or one for each point."""
    points = np.asarray(line, np.float32)
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, :1], tangent[:, 1:]), 1e-6)
    side = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * np.reshape(np.asarray(width, np.float32) / 2, (-1, 1))
    return np.vstack([points + side, (points - side)[::-1]])


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Array:
    """Return the corners ``(4, 2)`` of a box."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def square_outline(x: float, y: float, half: float) -> Array:
    """Return a closed line ``(5, 2)`` around a square with its centre at (x, y) and sides of ``2 * half``."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], np.float32)
    return corners * half + np.array([x, y], np.float32)


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, count: int = 28) -> Array:
    """Return an ellipse as a polygon ``(count, 2)``, rotated by ``turn`` radians."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    px, py = rx * np.cos(angle), ry * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + c * px - s * py, y + s * px + c * py], axis=1).astype(np.float32)


def cover(points: Points, size: int) -> tuple[Where, Array]:
    """Compute the coverage of each pixel by a polygon ``(N, 2)``.

    Returns:
        The window (rows, columns) of an image of ``size`` px, and the coverage in it, float32 in [0, 1]; both are empty
        if the polygon is outside the image.
    """
    return cover_all([points], size)


def cover_all(shapes: Sequence[Points], size: int) -> tuple[Where, Array]:
    """Compute the coverage by several polygons at once, as ``cover``; the overlap of two polygons is a hole."""
    corners = [np.asarray(points, np.float32) * size for points in shapes]
    every = corners[0] if len(corners) == 1 else np.concatenate(corners)
    left, top = (min(max(floor(edge), 0), size) for edge in every.min(axis=0))
    right, bottom = (min(max(ceil(edge), 0), size) for edge in every.max(axis=0))
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
    fine = 4 if size <= 512 else 2
    mask = np.zeros((height * fine, width * fine), np.uint8)
    _fill(mask, [(line - np.array([left, top], np.float32)) * fine for line in corners], 255)
    share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) * np.float32(1 / 255)
    return (slice(top, bottom), slice(left, right)), share


def _fill(picture: Bytes, shapes: list[Array], colour: Any) -> None:
    fixed = [((line.clip(-2e4, 2e4) - 0.5) * (1 << _SHIFT)).round().astype(np.int32) for line in shapes]
    cv2.fillPoly(picture, fixed, colour, cv2.LINE_8, _SHIFT)


def label(picture: Bytes, points: Points, colour: tuple[int, int, int]) -> None:
    """Fill a polygon of a label map uint8 ``(size, size, 3)`` in place with one colour, without antialiasing."""
    _fill(picture, [np.asarray(points, np.float32) * len(picture)], colour)


def fill(picture: Array, points: Points, colour: Any, opacity: float = 1.0) -> None:
    """Fill a polygon of an image in place, antialiased.

    Args:
        picture: float32 ``(size, size, 3)`` in [0, 1].
        points: The polygon, ``(N, 2)``.
        colour: One colour ``(3,)``, or an image of the same size as ``picture`` as a texture.
        opacity: In [0, 1].
    """
    where, mask = cover(points, len(picture))
    if mask.size:
        paint = np.asarray(colour, np.float32)
        paint = paint[where] if paint.ndim == 3 else paint
        under = picture[where]
        under += (mask if opacity == 1 else mask * opacity)[..., None] * (paint - under)


def blur(picture: Array, sigma: float) -> Array:
    """Blur an image ``(size, size)`` or ``(size, size, 3)`` by a Gaussian of ``sigma`` image units."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma * len(picture), 0.05)), np.float32)


def normals(height: Array, strength: float = 1.0) -> tuple[Array, Array, Array]:
    """Return the unit normals (x, y, z) of a height map ``(size, size)``, z towards the viewer."""
    gy, gx = np.gradient(height)
    gx, gy = gx * (strength * len(height)), gy * (strength * len(height))
    z = 1 / np.sqrt(1 + gx * gx + gy * gy)
    return -gx * z, -gy * z, z


def shadow(height: Array, light: tuple[float, float], reach: float, steps: int = 8) -> Array:
    """Compute the cast shadows of a height map: the fraction of light ``(size, size)`` in [0, 1].

    Args:
        height: ``(size, size)`` in image units.
        light: Direction of the light, (x, y) in image units per unit of height.
        reach: Largest height difference that casts a shadow.
        steps: Number of samples along the direction of the light.
    """
    over = np.zeros_like(height)
    rows, columns = height.shape
    for index in range(1, steps + 1):
        drop = reach * index / steps
        dx, dy = (round(part * drop * len(height)) for part in light)
        moved = cv2.copyMakeBorder(height, max(-dy, 0), max(dy, 0), max(-dx, 0), max(dx, 0), cv2.BORDER_REPLICATE)
        moved = moved[max(dy, 0) :, max(dx, 0) :][:rows, :columns]
        np.maximum(over, moved - height - drop, out=over)
    return np.asarray(1 - blur(np.clip(over * (3 / reach), 0, 1), 0.003), np.float32)


def hollow(height: Array, radius: float, depth: float) -> Array:
    """Compute the ambient light ``(size, size)`` in [0, 1] that reaches the hollows of a height map."""
    return np.asarray(1 - np.clip((blur(height, radius) - height) / depth, 0, 1), np.float32)


def finish(picture: Array, size: int) -> Bytes:
    """Convert an image in [0, 1] to uint8 ``(size, size, 3)``; a larger one is downsampled by area."""
    if len(picture) != size:
        picture = np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))
