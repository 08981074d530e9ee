"""What a head stands on and before: neck, clothes, background; and the glasses it wears."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import hair, skin
from .canvas import Floats, bell, lay, linear, ramp, shaded, smooth
from .lighting import direction, tint
from .parameters import FaceParameters
from .projection import EXTENT, project, screen, shift_of
from .skull import chin_of, half_width

NECK = 0.43
"""Half its width."""


def _colour(level: float, red: float, yellow: float) -> Floats:
    """A colour by its lightness and its place between green and red, and between blue and yellow."""
    return linear(level + red + 0.45 * yellow, level - 0.7 * red + 0.3 * yellow, level + 0.15 * red - yellow)


def background(face: FaceParameters, size: int) -> Floats:
    """Return a wall out of focus, ``(3, size, size)`` linear RGB: brighter where the light comes from."""
    x, y = screen(size)
    colour = _colour(face.back_level, face.back_red, face.back_yellow)
    light = 1 + 0.28 * face.back_tilt * x - 0.12 * y - 0.1 * np.square(x) - 0.06 * np.square(y)
    glow = 0.22 * bell((x - 0.9 * direction(face)[0]) / 1.1) * bell((y + 0.35) / 1.0)
    lit = light + glow
    return shaded(colour * (0.6 + 0.4 * tint(face)), lit)


def body(face: FaceParameters, image: Floats, turn: Floats) -> None:
    """Paint neck and clothes into an image ``(3, size, size)``."""
    size = image.shape[1]
    x, y = screen(size)
    soft = EXTENT / size * 1.3
    shift = shift_of(turn)
    middle = shift[0] + float(turn[0, 2]) * -0.1
    jaw = chin_of(face) + float(shift[1]) + 0.12 * float(turn[1, 2])
    wide = NECK * (face.head_width / 0.715) + 0.05 * smooth(1.0, 1.5, y)
    _hair_behind(face, image, x - middle, y, soft)
    across = (x - middle) / wide
    share = ramp((wide - np.abs(x - middle)) / soft + 0.5) * smooth(0.35, 0.45, y)
    towards = direction(face)
    facing = across * towards[0] + np.sqrt(ramp(1 - across**2)) * towards[2]
    under_chin = 0.32 + 0.68 * smooth(0.0, 0.55, y - jaw + 0.22 * np.square(across))
    tone = (0.25 + 0.6 * ramp(facing)) * under_chin
    lay(image, share, shaded(skin.colour(face) * tint(face), tone))
    _clothes(face, image, x - 0.5 * middle, y, soft)


def _hair_behind(face: FaceParameters, image: Floats, x: Any, y: Any, soft: float) -> None:
    """Long hair that hangs behind the neck, in the shade of the head."""
    if face.hair_length <= 0.5:
        return
    end = -0.3 + 1.1 * face.hair_length
    wide = face.head_width * (0.96 - 0.3 * smooth(end - 0.5, end, y))
    share = ramp((wide - np.abs(x)) / (3 * soft) + 0.5) * smooth(end - 0.04, end - 0.3, y)
    share = share * smooth(0.0, 0.2, y) * smooth(0.5, 0.7, face.hair_length)
    lay(image, share, hair.colour(face) * 0.3 * tint(face))


def _clothes(face: FaceParameters, image: Floats, x: Any, y: Any, soft: float) -> None:
    """Shoulders under a round neckline."""
    towards = direction(face)
    shoulder = 1.16 + 0.2 * np.square(np.abs(x)) ** 0.9 - 0.22 * bell(x / 0.42)
    neckline = 1.36 - 0.5 * np.square(x / 0.6)
    share = ramp((y - np.maximum(shoulder, neckline)) / soft + 0.5)
    seam = bell((y - np.maximum(shoulder, neckline) - 0.045) / 0.014)
    fold = 0.82 + 0.13 * x * towards[0] + 0.07 * np.sin(9 * np.abs(x) + 2 * y) - 0.16 * seam
    colour = _colour(face.clothes_level, face.clothes_red, face.clothes_yellow)
    lay(image, share, shaded(colour * tint(face), fold))


def glasses(face: FaceParameters, image: Floats, turn: Floats, nose: float) -> None:
    """Paint glasses into an image ``(3, size, size)``; ``nose`` is z of the nose's root."""
    if face.glasses <= 0:
        return
    size = image.shape[1]
    shift = shift_of(turn)
    x, y = screen(size)
    plane = nose + 0.1
    # The point of the glasses' plane on each ray, by the head's directions.
    x, y = x - shift[0], y - shift[1]
    ahead = (plane + turn[2, 2] * shift[2] - turn[0, 2] * x - turn[1, 2] * y) / turn[2, 2]
    u = turn[0, 0] * x + turn[1, 0] * y + turn[2, 0] * (ahead - shift[2])
    v = turn[0, 1] * x + turn[1, 1] * y + turn[2, 1] * (ahead - shift[2])
    soft = EXTENT / size * 1.2
    colour = linear(0.1, 0.08, 0.07) * (1 - face.glasses_shade) + linear(0.5, 0.27, 0.12) * face.glasses_shade
    square = 2.2 + 3.5 * face.glasses_shape
    wide, tall = 0.235 + 0.015 * face.glasses_shape, 0.2 - 0.03 * face.glasses_shape
    lens = (np.abs(np.abs(u) - face.eye_spacing) / wide) ** square + (np.abs(v - 0.035) / tall) ** square
    apart = (lens ** (1 / square) - 1) * tall
    bar = 0.021 + 0.005 * face.glasses_shade
    frame = ramp((bar - np.abs(apart)) / soft + 0.5)
    gap = face.eye_spacing - wide
    bridge = ramp((bar * 0.9 - np.abs(v + 0.025 + 0.9 * (u * u - gap * gap))) / soft + 0.5) * (np.abs(u) < gap)
    pane = ramp(-apart / soft + 0.5) * (0.04 + 0.1 * smooth(0.045, 0.015, np.abs(v + 0.6 * np.abs(u) - 0.31)))
    lay(image, face.glasses * pane, (0.9, 0.9, 0.9))
    arms = np.maximum.reduce([_arm(face, turn, size, side, plane, bar, soft) for side in (-1, 1)])
    share = face.glasses * np.maximum(np.maximum(frame, bridge), arms)
    sheen = 0.8 + 0.5 * smooth(0.0, -0.25, v)
    lay(image, share, shaded(colour * tint(face), sheen))


def _arm(face: FaceParameters, turn: Floats, size: int, side: int, plane: float, bar: float, soft: float) -> Any:
    """The bow from the frame to the ear, where neither head nor hair hides it: on the side turned to the viewer."""
    reach = face.eye_spacing + 0.235
    ear = float(half_width(face, np.float32(0.0)))
    ends = np.array([(side * reach, -0.03, plane), (side * (ear + 0.02), -0.03, 0.0)], np.float32)
    seen = (project(ends, turn, size) + 0.5) * (EXTENT / size)
    outward = side * float(seen[1, 0] - seen[0, 0])
    line = (np.arange(size, dtype=np.float32) + 0.5) * (EXTENT / size)
    px, py = line[None, :] - seen[0, 0], line[:, None] - seen[0, 1]
    dx, dy = seen[1] - seen[0]
    along = ramp((px * dx + py * dy) / max(float(dx * dx + dy * dy), 1e-6))
    apart = np.hypot(px - along * dx, py - along * dy)
    bare = 1 - float(smooth(0.45, 0.6, face.hair_length))  # long hair lies over it
    return ramp((bar * 0.9 - apart) / soft + 0.5) * float(smooth(0.04, 0.14, outward)) * bare
