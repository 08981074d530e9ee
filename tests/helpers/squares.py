"""Squares and pictures that the tests of aligning and pasting share."""

from __future__ import annotations

import math

import cv2
import numpy as np

from i2i.api.placement import Placement


def square(x: float, y: float, side: float, degrees: float = 0.0) -> Placement:
    """A square about a middle, turned clockwise as the photo is seen."""
    turn = math.radians(degrees)
    across = np.array([math.cos(turn), math.sin(turn)]) * side / 2
    down, middle = np.array([-across[1], across[0]]), np.array([x, y])
    corners = (middle - across - down, middle - across + down, middle + across + down, middle + across - down)
    return Placement.of_plain([corner.tolist() for corner in corners])


def clouds(height: int, width: int, seed: int = 0, finest: float = 2.0) -> np.ndarray:
    """A colour picture with detail of every size down to ``finest`` pixels, uint8 ``(height, width, 3)``, 40 to 215."""
    draw = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for blur in (finest, 4 * finest, 16 * finest):
        noise = cv2.GaussianBlur(draw.standard_normal((height, width, 3)).astype(np.float32), (0, 0), blur)
        total += noise / noise.std()
    return (127.5 + 87.5 * np.tanh(total / 2)).round().astype(np.uint8)


def inside(placement: Placement, height: int, width: int) -> np.ndarray:
    """Which pixels of a photo have their centre in the square: bool ``(height, width)``, by its sides alone."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    within = np.ones((height, width), bool)
    for (x0, y0), (x1, y1) in zip(placement.quad, (*placement.quad[1:], placement.quad[0]), strict=True):
        within &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) <= 1e-6
    return within
