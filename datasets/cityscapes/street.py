"""The camera in the street, and the image and label map that are painted together."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np

from i2i.toolkit.drawing import Array, Bytes, Where, between, cover, fill, grid, label, mix, noise, rectangle, rgb

from .palette import PALETTE

Spots = Sequence[tuple[float, float, float]]
Outline = Sequence[tuple[float, float]] | Array


class Street:
    """An image and its label map in the making.

    The street is measured in metres: X to the right of the camera, Y up from the road, Z forward. The image is the
    set's usual 2:1 view squeezed into a square, hence a focal length for either direction.
    """

    focal = (1.1, 2.2)
    eye = 1.4

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng = rng
        self.size = size
        self.vanish = (between(rng, 0.42, 0.58), between(rng, 0.4, 0.47))
        self.x, self.y = grid(size)
        self.image = np.zeros((size, size, 3), np.float32)
        self.labels: Bytes = np.zeros((size, size, 3), np.uint8)
        self.labels[:] = PALETTE["sky"]
        self.sunny = between(rng, 0, 1)
        self.sun = 1 if rng.random() < 0.5 else -1
        """The side of the street that the sun shines on."""
        self.air = mix(rgb(0.8, 0.83, 0.84), rgb(0.84, 0.89, 0.95), self.sunny)
        self.reach = between(rng, 130, 380)
        """Metres after which haze hides two thirds of a thing."""
        self.leaves = noise(rng, size, (40, 40), 3, 0.8)
        self.broad = noise(rng, size, (6, 6), 5, 0.6)

    def at(self, spots: Spots | Array) -> Array:
        """Metres ``(N, 3)`` to image units ``(N, 2)``; every Z must be positive."""
        x, y, z = np.asarray(spots, np.float32).T
        points = np.empty((len(x), 2), np.float32)
        points[:, 0] = self.vanish[0] + self.focal[0] * x / z
        points[:, 1] = self.vanish[1] + self.focal[1] * (self.eye - y) / z
        return points

    def hazed(self, colour: Array, depth: float | Array) -> Array:
        """Return the colour as it looks through so many metres of air."""
        if isinstance(depth, float):
            return np.asarray(mix(colour, self.air, 1 - exp(-depth / self.reach)), np.float32)
        share = 1 - np.exp(depth * np.float32(-1 / self.reach))
        return np.asarray(mix(colour, self.air, share[..., None]), np.float32)

    def put(self, spots: Spots | Array, kind: str | None, colour: Array, opacity: float = 1.0) -> None:
        """Fill a polygon of metres in both images; without a kind, in the photograph alone."""
        metres = np.asarray(spots, np.float32)
        points = self.at(metres)
        if points[:, 0].max() < 0 or points[:, 0].min() > 1:
            return
        if kind is not None:
            label(self.labels, points, PALETTE[kind])
        depth = float(metres[:, 2].sum()) / len(metres)
        fill(self.image, points, self.hazed(colour, depth), opacity)

    def face(self, x: float, z: float, outline: Outline, kind: str | None, colour: Array, opacity: float = 1.0) -> None:
        """Fill an upright shape that looks at the camera: points (across from ``x``, up), all at depth ``z``."""
        self.put([(x + across, up, z) for across, up in outline], kind, colour, opacity)

    def flank(self, x: float, z: float, outline: Outline, kind: str | None, colour: Array) -> None:
        """Fill an upright shape that looks across the street: points (deeper than ``z``, up), all at ``X = x``."""
        self.put([(x, up, z + deeper) for deeper, up in outline], kind, colour)

    def floor(self, x: float, half: float, near: float, far: float, colour: Array, opacity: float) -> None:
        """Darken the road with a shadow ``2 * half`` metres wide about ``X = x``."""
        self.put([(x + u, 0, z) for u, z in rectangle(-half, near, half, far)], None, colour, opacity)

    def mask(self, where: Where, share: Array, kind: str, colour: Array) -> None:
        """Paint a window of both images by a mask ``(h, w)``, with a colour ``(3,)`` or ``(h, w, 3)``."""
        self.image[where] += share[..., None] * (colour - self.image[where])
        self.labels[where][share > 0.5] = PALETTE[kind]

    def plane(self, x: float, spots: Spots) -> tuple[Where, Array, Array, Array]:
        """Return a polygon in the plane at ``X = x``: window and mask, and Y and Z ``(h, w)`` of its pixels."""
        where, share = cover(self.at(spots), self.size)
        offset = self.x[:, where[1]] - self.vanish[0]
        near = self.focal[0] * abs(x) / 400
        z = self.focal[0] * x / np.where(x * offset > near * abs(x), offset, near * (1.0 if x > 0 else -1.0))
        y = self.eye - (self.y[where[0]] - self.vanish[1]) * z / self.focal[1]
        return where, share, y, z + 0 * y

    def wall_light(self, side: int) -> float:
        """Return how bright a wall on this side (-1 left, 1 right) of the street is."""
        return 1.0 + self.sunny * (0.22 if side == self.sun else -0.3)
