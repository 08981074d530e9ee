"""dlib's frontal face detector (HOG) and its 68 landmarks (Kazemi and Sullivan, "One Millisecond Face Alignment with an
Ensemble of Regression Trees", 2014), as one extractor.

The predictor reads single pixels, answers in whole ones, and was trained on upright faces as that detector frames them.
So every face is measured in a window of its own, as large and as upright as the predictor likes it.
"""

from __future__ import annotations

from importlib import import_module
from math import atan2, cos, hypot, sin
from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.images import resize, to_array

from .model_records import record

SURE = 0.2
"""Score below which a find is none: on group photos at many sizes a round badge scored up to 0.13, faces from 0.28."""
SEARCHED, SEARCHED_CROP = 800, 300
"""Longer side, pixels, from which a photo and the crop of a face are searched as they are; what is smaller is doubled,
since the detector sees no face under 80 pixels."""
DOUBLINGS = 2
"""How often at most; faces of 20 pixels are found then, and smaller ones have nothing to read."""
FINE = 240
"""Width of a face's box while it is read, pixels. Small faces gain: their mean distance to what is read from the same
faces in full size falls from 4.7 to 2.4 % of the eye distance for boxes of 30 pixels, from 3.3 to 1.8 % for 60."""
ALIGNED = (0.2, 0.28, 0.8, 0.88)
"""Where the detector frames the face in a crop as FFHQ's are aligned; x0, y0, x1, y1 as shares of the crop."""
LEVELLINGS, LEVEL = 3, 0.05
"""How often a face is turned upright at most, and the tilt, radians, at which it counts as upright."""

Box = tuple[float, float, float, float]


class DlibLandmarks(i2i.Extractor):
    """68 landmarks of faces, and the faces of a photo; no network, so it runs on the CPU and no gradients pass."""

    name = "dlib"
    summary = "Faces in photos and their 68 landmarks, by dlib; no gradients."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "faces"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``dlib-landmarks68``, or of another 68-point predictor at ``path``.

        Raises:
            i2i.I2IError: dlib is not installed, or the weights are not there or cannot be read.
        """
        self._dlib = _package()
        path = model_path(record()) if path is None else path
        try:
            self._predictor = self._dlib.shape_predictor(str(path))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise i2i.I2IError(
                f"{path} holds no landmark predictor of dlib's ({reason}); delete it, then type "
                "'i2i models fetch dlib-landmarks68', or install it again: pip install 'i2i[dlib]'."
            ) from None
        self._detector = self._dlib.get_frontal_face_detector()

    def __call__(self, images: Tensor) -> Tensor:
        """Crops of one face each -> landmarks ``(N, 68, 2)``, x, y pixels in the iBUG order; no gradients pass.

        In each the largest face is taken; where the detector sees none, one that lies as in FFHQ's crops.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1].

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        arrays = _arrays(images)
        points = [self._measure(array, self._framed(array)) for array in arrays]
        found = torch.stack(points) if points else torch.empty(0, 68, 2)
        return found.to(images.device)

    def find(self, image: Tensor) -> list[i2i.Face]:
        """The faces of a photo ``(1, 3, H, W)``, RGB in [-1, 1], in the detector's order: the surest first.

        Faces narrower than some 80 pixels are seen in images under 800 pixels only, which are enlarged.

        Raises:
            ValueError: the shape is not that of one RGB image.
        """
        if image.ndim != 4 or len(image) != 1:
            raise ValueError(f"dlib finds faces in one image (1, 3, H, W), got {tuple(image.shape)}")
        (array,) = _arrays(image)
        return [i2i.Face(box, self._measure(array, box), score) for box, score in self._detect(array, SEARCHED)]

    def _detect(self, array: np.ndarray, searched: int) -> list[tuple[Box, float]]:
        """Boxes and scores, the surest first; an image of less than ``searched`` pixels is enlarged."""
        height, width = array.shape[:2]
        times = 1
        while times < 2**DOUBLINGS and times * max(height, width) < searched:
            times *= 2
        boxes, scores, _ = self._detector.run(resize(array, times * width, times * height), 0, SURE)
        return [(_shrunk(box, times), float(score)) for box, score in zip(boxes, scores, strict=True)]

    def _framed(self, array: np.ndarray) -> Box:
        """The box of the largest face, else where one lies in an aligned crop."""
        height, width = array.shape[:2]
        x0, y0, x1, y1 = ALIGNED
        usual = (x0 * width - 0.5, y0 * height - 0.5, x1 * width - 0.5, y1 * height - 0.5)
        found = [box for box, _ in self._detect(array, SEARCHED_CROP)]
        return max(found, key=lambda box: box[2] - box[0], default=usual)

    def _measure(self, array: np.ndarray, box: Box) -> Tensor:
        """The landmarks ``(68, 2)`` of the face in a box, read again with its eyes level.

        Of heads tilted by 25 and 45 degrees the first reading strays by 26 and 12 % of the eye distance as the box
        moves by 4 % of its width, the last one by 1.5 and 0.6 %.
        """
        points = self._read(array, box, angle=0.0)
        for _ in range(LEVELLINGS):
            angle = _tilt(points)
            points = self._read(array, box, angle)
            if abs(_tilt(points) - angle) < LEVEL:
                break
        return torch.from_numpy(points.astype(np.float32))

    def _read(self, array: np.ndarray, box: Box, angle: float) -> np.ndarray:
        """Landmarks ``(68, 2)``, from a window around the box, turned back by ``angle`` (radians, clockwise)."""
        window, matrix = _window(array, box, angle)
        edge = len(window) / 4
        place = self._dlib.rectangle(*(round(side) for side in (edge, edge, 3 * edge, 3 * edge)))
        if angle:  # the face stands otherwise in its frame now, so that the frame is looked for again
            boxes, _, _ = self._detector.run(window, 0, 0.0)
            place = min(boxes, key=lambda each: _off_centre(each, FINE), default=place)
        parts = self._predictor(window, place).parts()
        points = np.array([(part.x, part.y) for part in parts], np.float64)
        return np.asarray((points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def _package() -> Any:
    try:
        return import_module("dlib")
    except ImportError as error:
        raise i2i.I2IError(
            f"The extractor dlib needs the package dlib, which cannot be loaded here ({error}); "
            "run: pip install 'i2i[dlib]'"
        ) from None


def _arrays(images: Tensor) -> list[np.ndarray]:
    """``(N, 3, H, W)`` in [-1, 1] -> N uint8 ``(H, W, 3)``."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"dlib takes images (N, 3, H, W), got {tuple(images.shape)}")
    return [to_array(image) for image in images]


def _shrunk(box: Any, times: int) -> Box:
    """A box in an enlarged image as one of the image itself; (0, 0) is the centre of the upper left pixel."""
    x0, y0, x1, y1 = ((side + 0.5) / times - 0.5 for side in (box.left(), box.top(), box.right(), box.bottom()))
    return x0, y0, x1, y1


def _tilt(points: np.ndarray) -> float:
    """By how much the eyes of ``(68, 2)`` are turned from level: radians, clockwise."""
    across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    return atan2(across[1], across[0])


def _off_centre(box: Any, middle: float) -> float:
    """Pixels from the centre of a box to ``(middle, middle)``."""
    return hypot(box.center().x - middle, box.center().y - middle)


def _window(array: np.ndarray, box: Box, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """The surroundings of a box, twice its width, so that the box is ``FINE`` wide and upright after ``angle``.

    Returns:
        uint8 ``(2 FINE, 2 FINE, 3)``, black outside the image, and the matrix ``(2, 3)`` from pixels of the image
        to pixels of the window.
    """
    x0, y0, x1, y1 = box
    width = x1 - x0
    left, top = (max(0, int(edge - width)) for edge in (x0, y0))
    array = array[top : int(y1 + width) + 1, left : int(x1 + width) + 1]
    # What is much larger than the window is shrunk first, each pixel the mean of its area: warping takes single ones.
    less = max(1, round(width / FINE))
    rows, columns = (max(1, side // less) for side in array.shape[:2])
    array = cv2.resize(array[: rows * less, : columns * less], (columns, rows), interpolation=cv2.INTER_AREA)
    scale = FINE / width
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]]) * scale
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    matrix = np.hstack([turn, (FINE - 0.5 - turn @ centre)[:, None]])
    # From pixels of the shrunk cut: image = less * (cut + 0.5) - 0.5 + corner.
    corner = np.array([left, top]) + less / 2 - 0.5
    cut = np.hstack([turn * less, (matrix[:, 2] + turn @ corner)[:, None]])
    window = cv2.warpAffine(np.ascontiguousarray(array), cut, (2 * FINE, 2 * FINE), flags=cv2.INTER_CUBIC)
    return np.asarray(window), matrix
