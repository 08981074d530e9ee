"""The renderer of synthetic faces: from parameters to an image and its landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from i2i.toolkit.memory import keep_freed_memory

from . import eyes, hair, lighting, mouth, projection, skin, skull, surroundings
from .canvas import Canvas, Floats
from .landmarks import landmarks
from .parameters import FaceParameters


@dataclass(frozen=True)
class RenderedFace:
    """A synthetic face: the image and its landmarks."""

    image: npt.NDArray[np.uint8]
    """``(size, size, 3)`` RGB."""
    landmarks: Floats
    """``(68, 2)`` pixels in the iBUG order; (0, 0) is the centre of the upper left pixel."""

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """The image, by its name in version 0.1."""
        return self.image


SMALLEST = 32
"""Height and width of the smallest image: in smaller ones an eye is no wider than a pixel or two."""


def draw(face: FaceParameters, size: int) -> RenderedFace:
    """Draw a face, ``size`` pixels high and wide.

    Raises:
        ValueError: the size is below ``SMALLEST``.
    """
    if size < SMALLEST:
        raise ValueError(f"a face has at least {SMALLEST} x {SMALLEST} pixels, not {size}")
    # A canvas of 1.5 times as many pixels is somewhat larger than the image: its pixels are 3/4 as wide.
    keep_freed_memory()
    canvas = Canvas(face, 3 * size // 2)
    turn = projection.turn_of(face)
    _model(canvas)
    points = landmarks(canvas, turn, size)
    bridge = float(canvas.depth([(0.0, 0.06)])[0])
    hair.model(canvas)
    _paint(canvas)
    image = surroundings.background(face, size)
    surroundings.body(face, image, turn)
    *seen, share = projection.look(canvas, lighting.light(canvas, turn), turn, size)
    for plane, light in zip(image, seen, strict=True):
        plane *= 1 - share
        plane += light
    surroundings.glasses(face, image, turn, bridge)
    return RenderedFace(_develop(image), points)


def _model(canvas: Canvas) -> None:
    skull.model(canvas)
    eyes.model(canvas)
    mouth.model(canvas)
    skin.model_ears(canvas)


def _paint(canvas: Canvas) -> None:
    skin.paint(canvas)
    mouth.paint(canvas, skin.colour(canvas.face))
    hair.beard(canvas)
    eyes.paint(canvas, hair.brow_colour(canvas.face))
    hair.paint(canvas)


def _develop(light: Floats) -> npt.NDArray[np.uint8]:
    """Linear light ``(3, size, size)`` -> what a screen counts; the brightest is rolled off, not cut."""
    exposed = np.maximum(light, 0) * 1.12
    rolled = np.minimum(exposed, 0.75) + 0.25 * (1 - np.exp(-4 * np.maximum(exposed - 0.75, 0)))
    counted = np.rint(255 * rolled ** (1 / 2.2)).astype(np.uint8)
    return np.ascontiguousarray(counted.transpose(1, 2, 0))
