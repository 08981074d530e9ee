"""What a public face detector makes of synthetic faces: dlib's own, as it comes.

The extractor ``dlib`` is stricter and enlarges what it searches; here the detector alone is asked, at its usual
threshold, about images of 256 x 256 pixels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import i2i
from i2i.assets.models import model_path
from i2i.toolkit.images import resize, to_array

from .samples import LARGE

if TYPE_CHECKING:
    import numpy as np

THRESHOLD = 0.0
"""Of the detector's score, which it uses where it is given none."""
MODEL = "dlib-landmarks68"


class Detector:
    """dlib's frontal face detector (Dalal and Triggs 2005, in dlib's training), and its 68 points on demand."""

    def __init__(self) -> None:
        """Open the detector, whose weights are within dlib.

        Raises:
            i2i.I2IError: dlib is not installed.
        """
        self._detector = _package().get_frontal_face_detector()

    def box(self, image: np.ndarray) -> Any | None:
        """The frame of the face that it is surest of, in an image uint8 ``(256, 256, 3)``; None where it sees none."""
        boxes, _, _ = self._detector.run(image, 0, THRESHOLD)
        return boxes[0] if boxes else None

    def share(self, images: Tensor) -> float:
        """In how many of the images ``(N, 3, H, W)`` in [-1, 1] it sees a face, once they are enlarged (bicubic)."""
        seen = [self.box(resize(to_array(image), LARGE, LARGE)) is not None for image in images]
        return sum(seen) / len(seen)


class Predictor:
    """dlib's 68 landmarks (Kazemi and Sullivan 2014)."""

    def __init__(self, registry: i2i.Registry) -> None:
        """Load its weights.

        Raises:
            i2i.I2IError: they, or dlib, are not there.
        """
        self._predict = _package().shape_predictor(str(model_path(MODEL, registry)))

    def __call__(self, image: np.ndarray, box: Any) -> Tensor:
        """The points ``(68, 2)`` of the face in a frame, whole pixels as float32."""
        parts = self._predict(image, box).parts()
        return torch.tensor([(part.x, part.y) for part in parts], dtype=torch.float32)


def _package() -> Any:
    try:
        return import_module("dlib")
    except ImportError as error:
        raise i2i.I2IError(
            f"What dlib sees cannot be measured, for it cannot be loaded ({error}); run: pip install 'i2i[dlib]'"
        ) from None
