"""The extractor ``faceplugin-landmarks``: ``fr_detect`` finds faces, ``fr_landmark`` computes 68 landmarks."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.faces.crops import aligned_squares, extract_crops, map_points, square_matrices
from i2i.toolkit.faces.landmarks import EYES, MIRRORED
from i2i.toolkit.images.network_inputs import check_rgb

from .detection import FaceDetector
from .model_records import DETECTION_MODEL, LANDMARKS_MODEL
from .network import load_onnx_network

SIZE = 64
"""Height and width of the network's input, pixels."""
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey input."""
MARGIN = 1.2
"""Side of a crop relative to the larger of width and height of the landmarks in it."""
ALIGNED = (0.5, 0.648, 0.697)
"""Square of a face in an FFHQ crop: x, y of its centre and its side, as fractions of the crop; means of 161 faces."""
REFINEMENTS = 2
"""Number of times that the crop of a face in an aligned image is placed anew by the landmarks in it. The square in FFHQ
crops may then be wrong by a third of its side: the median error stays the same within 2 %."""
BATCH = 64
"""Largest number of faces in a batch."""


class FaceLandmarks(i2i.Extractor):
    """68 landmarks of faces in photographs, with their detection; differentiable for crops."""

    name = "faceplugin-landmarks"
    summary = "Faces and their 68 landmarks in photographs, by two small networks of Faceplugin."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "faces"
    models = ("faceplugin-landmarks", "faceplugin-detection")

    def __init__(self, device: i2i.Device, path: Path | None = None, detector: Path | None = None) -> None:
        """Load the weights of the models ``faceplugin-landmarks`` and ``faceplugin-detection``, or of other files.

        Args:
            path: ``fr_landmark.onnx``.
            detector: ``fr_detect.onnx``, which is read at the first ``find``.

        Raises:
            i2i.I2IError: the file is missing, damaged, or holds another network.
        """
        self._device = device
        self._detector_path = detector
        path = model_path(LANDMARKS_MODEL) if path is None else path
        self._network = load_onnx_network(path, (1, 1, SIZE, SIZE), 1).to(torch.device(device))

    @cached_property
    def _detector(self) -> FaceDetector:
        path = model_path(DETECTION_MODEL) if self._detector_path is None else self._detector_path
        return FaceDetector(path, self._device)

    def __call__(self, images: Tensor) -> Tensor:
        """Compute landmarks ``(N, 68, 2)`` of crops of one face each: x, y pixels in iBUG order.

        Differentiable in the images, and computed in float32 even under autocast. The face is expected where FFHQ crops
        have it, within a tenth of the crop and a third of the size; the network's own crop follows the landmarks.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1].

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        squares = aligned_squares(images, ALIGNED)
        with torch.autocast(images.device.type, enabled=False):
            return self._measure(images.float(), square_matrices(squares, SIZE), REFINEMENTS)

    def find(self, image: Tensor) -> list[i2i.Face]:
        """Find the faces in a photo with boxes and landmarks, by falling score; empty where there is none.

        Args:
            image: ``(1, 3, H, W)`` RGB in [-1, 1], any size.

        Raises:
            ValueError: the shape is not that of one RGB image.
            i2i.I2IError: the detector's weights are missing, damaged, or those of another network.
        """
        check_rgb(image, self.name)
        if len(image) != 1:
            raise ValueError(f"faceplugin-landmarks finds faces in one image at a time, got {len(image)}")
        image = image.to(torch.device(self._device), torch.float32)
        faces = self._detector(image)
        boxes, scores = faces[:, :4], faces[:, 4].tolist()
        squares = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 3:] - boxes[:, 1:2]], dim=1).to(image.device)
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            points = [
                each
                for part in squares.split(BATCH)
                for each in self._measure(image.expand(len(part), -1, -1, -1), square_matrices(part, SIZE), 1).cpu()
            ]
        return [
            i2i.Face((x0, y0, x1, y1), landmarks.clone(), score)
            for (x0, y0, x1, y1), landmarks, score in zip(boxes.tolist(), points, scores, strict=True)
        ]

    def _measure(self, images: Tensor, matrices: Tensor, refinements: int) -> Tensor:
        """Compute landmarks in crops that are placed anew ``refinements`` times, the last ones with gradients.

        The last result is the mean over a crop and its mirror image.

        Args:
            images: ``(N, 3, H, W)`` float32.
            matrices: ``(N, 2, 3)``: from pixels of the first crops to pixels of the images.
        """
        with torch.no_grad():
            for _ in range(refinements):
                crops = extract_crops(images, matrices, SIZE)
                matrices = level_crops(_to_image(self._positions(crops), matrices))
        crops = extract_crops(images, matrices, SIZE)
        mirrored = self._positions(crops.flip(3))[:, list(MIRRORED)]
        mirrored = torch.stack([1 - mirrored[..., 0], mirrored[..., 1]], dim=-1)
        return _to_image((self._positions(crops) + mirrored) / 2, matrices)

    def _positions(self, crops: Tensor) -> Tensor:
        """Compute landmarks ``(N, 68, 2)`` of crops ``(N, 3, 64, 64)``, as fractions of the crop from its edge."""
        weights = crops.new_tensor(GREY).view(1, 3, 1, 1)
        grey = ((crops + 1) * 127.5 * weights).sum(dim=1, keepdim=True) / 256
        positions: Tensor = self._network(grey)[0]
        return positions.view(-1, 68, 2)


def level_crops(landmarks: Tensor) -> Tensor:
    """Place the crops of faces: square, with level eyes, ``MARGIN`` times as large as the landmarks.

    Args:
        landmarks: ``(N, 68, 2)``.

    Returns:
        Matrices ``(N, 2, 3)``: from pixels of the crops to pixels of the image.
    """
    left, right = (landmarks[:, part].mean(dim=1) for part in EYES)
    across = right - left
    angle = torch.atan2(across[:, 1], across[:, 0])
    cosine, sine = angle.cos(), angle.sin()
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)  # from the crop to the image
    levelled = landmarks @ rotation
    low, high = levelled.amin(dim=1), levelled.amax(dim=1)
    side = MARGIN * (high - low).amax(dim=1).clamp_min(1.0)
    centre = (rotation @ ((low + high) / 2)[..., None])[..., 0]
    rotation = rotation * (side / SIZE)[:, None, None]
    middle = rotation.sum(dim=2) * ((SIZE - 1) / 2)
    return torch.cat([rotation, (centre - middle)[..., None]], dim=2)


def _to_image(positions: Tensor, matrices: Tensor) -> Tensor:
    """Map positions ``(N, 68, 2)``, fractions of the crops from their edges, to pixels of the images."""
    return map_points(positions * SIZE - 0.5, matrices)
