"""Lighting of the canvas: key light, sky, ambient occlusion, shadows and gloss."""

from __future__ import annotations

from math import cos, radians, sin

import cv2
import numpy as np

from .canvas import Canvas, Floats, Window, ramp
from .parameters import FaceParameters

SHADOW_STEPS = 6
SKY = np.array([0.97, 1.0, 1.04])
"""Its colour, linear RGB."""
SHADOW_REACH = 0.34
"""How far along its surface a head throws a shadow."""


def direction(face: FaceParameters) -> Floats:
    """Towards the key light, in the room: x right, y down, z to the viewer; unit length."""
    side, height = radians(face.light_side), radians(face.light_height)
    return np.array([sin(side) * cos(height), -sin(height), cos(side) * cos(height)], np.float32)


def tint(face: FaceParameters) -> Floats:
    """Colour and strength of the key light, linear RGB."""
    warmth = face.light_warmth
    return np.asarray(face.light_strength * np.array([1 + 0.13 * warmth, 1, 1 - 0.26 * warmth]), np.float32)


def light(canvas: Canvas, turn: Floats) -> Floats:
    """Compute the light from the canvas to the viewer, linear RGB ``(3, size, size)``; 0 well away from the head.

    Args:
        turn: Matrix ``(3, 3)`` from the head's directions to the room's.
    """
    face, where = canvas.face, canvas.solid()
    towards, view = turn.T @ direction(face), turn[2]
    up = turn.T @ np.array([0, -1, 0], np.float32)
    height = np.maximum(canvas.front, -0.9)
    nx, ny, nz = _normals(canvas, height, where)
    facing = nx * towards[0] + ny * towards[1] + nz * towards[2]
    open_ = _openness(canvas, height, where) * _unshadowed(canvas, height, where, towards)
    hair, skin = canvas.hair[where], 1 - canvas.hair[where]
    sky = 0.5 + 0.5 * (nx * up[0] + ny * up[1] + nz * up[2])
    share = 0.3 + 0.5 * face.light_hardness
    ambient = (1.02 - share) * (0.55 + 0.45 * sky) * (0.35 + 0.65 * open_)
    half = towards + view
    half /= np.linalg.norm(half)
    shine = ramp(nx * half[0] + ny * half[1] + nz * half[2])
    strands = np.sqrt(ramp(1 - np.square(ny * half[2] - nz * half[1])))
    gloss = 0.16 * _power(shine, 24) * skin + 0.1 * hair * _power(strands, 28) * ramp(facing)
    rim = 0.08 * _power(1 - ramp(nx * view[0] + ny * view[1] + nz * view[2]), 3)
    colours = canvas.colour[:, where[0], where[1]]
    glow = canvas.gloss[where] * gloss * open_ + rim * skin * colours.mean(axis=0)
    key = tint(face)
    # Light enters skin and leaves it a little further on: the edge of the shade is soft, and softest in red.
    soft = np.array([0.34, 0.22, 0.17], np.float32) * (1.25 - face.light_hardness)
    lit = np.zeros_like(canvas.colour)
    for index, colour in enumerate(colours):
        wrap = soft[index] * skin + 0.12
        diffuse = ramp((facing + wrap) / (1 + wrap)) * key[index] * (share * 1.15 * open_)
        lit[(index, *where)] = colour * (diffuse + ambient * SKY[index]) + glow * key[index]
    return lit


def _power(base: Floats, exponent: int) -> Floats:
    """``base ** exponent`` by squaring: several times as fast as NumPy's own."""
    power = base if exponent % 2 else np.ones_like(base)
    while exponent := exponent // 2:
        base = base * base
        if exponent % 2:
            power = power * base
    return power


def _normals(canvas: Canvas, height: Floats, where: Window) -> tuple[Floats, Floats, Floats]:
    gx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125 / canvas.pixel)[where]
    gy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125 / canvas.pixel)[where]
    z = np.asarray(1 / np.sqrt(1 + gx * gx + gy * gy), np.float32)
    return -gx * z, -gy * z, z


def _openness(canvas: Canvas, height: Floats, where: Window) -> Floats:
    """The fraction of the sky that a point sees, by how deep it lies among what is around it."""
    near = cv2.GaussianBlur(height, (0, 0), 0.05 / canvas.pixel)[where]
    quarter = cv2.resize(height, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    far = cv2.GaussianBlur(quarter, (0, 0), 0.04 / canvas.pixel)
    far = cv2.resize(far, (canvas.size, canvas.size), interpolation=cv2.INTER_LINEAR)[where]
    hollow = 2.6 * ramp(near - height[where]) + 0.7 * ramp(far - height[where])
    return np.asarray(1 / (1 + 2.2 * hollow), np.float32)


def _unshadowed(canvas: Canvas, height: Floats, where: Window, towards: Floats) -> Floats:
    """The fraction of the key light that comes past the relief."""
    across = float(np.hypot(towards[0], towards[1]))
    rise, norm = towards[2] / max(across, 0.15), max(across, 1e-3)
    low = height[where]
    over = np.zeros_like(low)
    rows, columns = where
    for index in range(1, SHADOW_STEPS + 1):
        apart = SHADOW_REACH * (index / SHADOW_STEPS) ** 1.3
        dx, dy = (float(part) / norm * apart / canvas.pixel for part in towards[:2])
        shift = np.array([[1, 0, -dx - columns.start], [0, 1, -dy - rows.start]], np.float32)
        moved = cv2.warpAffine(height, shift, low.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        np.maximum(over, (moved - low - apart * rise) / (0.03 + 0.35 * apart), out=over)
    return np.asarray(1 - (0.35 + 0.4 * canvas.face.light_hardness) * ramp(over), np.float32)
