"""The extractor ``faceplugin-pose``: yaw, pitch and roll of heads by ``fr_pose``.

The network classifies each angle into bins of 3 degrees; the angle is the expectation over them (Ruiz et al.,
"Fine-Grained Head Pose Estimation Without Keypoints", 2018).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.faces.crops import aligned_squares, extract_crops, square_matrices
from i2i.toolkit.images.network_inputs import check_rgb

from .model_records import POSE_MODEL
from .network import load_onnx_network

SIZE = 224
"""Height and width of the network's input, pixels."""
BINS, BIN_DEGREES, FIRST_DEGREES = 66, 3.0, -99.0
"""Number of bins of each angle, the width of one, and the angle of the first, degrees."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Means and standard deviations of the channels of the input, images in [0, 1]."""
ALIGNED = (0.5, 0.648, 0.73)
"""Square of a face in an FFHQ crop: x, y of its centre and its side, as fractions of the crop. On 81 faces yaw and
pitch agreed best with the landmarks for sides of 0.7 to 0.8, and depended least on the place of the square."""
MARGIN = 1.25
"""Side of the square around landmarks, relative to the larger of their width and height: the same square."""


class HeadPose(i2i.Extractor):
    """Yaw, pitch and roll of heads, ``(N, 3)`` degrees; differentiable.

    Yaw is positive where the head turns to the left of the image, pitch where it looks up, roll where it is tilted
    clockwise. The mirror image of a head has the opposite yaw and roll and the same pitch, exactly.
    """

    name = "faceplugin-pose"
    summary = "Yaw, pitch and roll of heads in degrees, by a small network of Faceplugin."
    role: ClassVar[str] = "pose"
    domain = "faces"
    models = ("faceplugin-pose",)

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``faceplugin-pose``, or another ``fr_pose.onnx`` at ``path``.

        Raises:
            i2i.I2IError: the file is missing, damaged, or holds another network.
        """
        path = model_path(POSE_MODEL) if path is None else path
        self._network = load_onnx_network(path, (1, 3, SIZE, SIZE), 3).to(torch.device(device))

    def __call__(self, images: Tensor, landmarks: Tensor | None = None) -> Tensor:
        """Measure yaw, pitch and roll, ``(N, 3)`` degrees, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1], one face each.
            landmarks: ``(N, 68, 2)``, pixels, which say where the faces are; None where they are FFHQ crops.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        if landmarks is None:
            squares = aligned_squares(images, ALIGNED)
        else:  # coordinates do not fit half precision
            squares = _squares_around(landmarks.detach().to(images.device, torch.float32))
        with torch.autocast(images.device.type, enabled=False):
            crops = extract_crops(images, square_matrices(squares, SIZE), SIZE)
            mirrored = self._angles(crops.flip(3)) * crops.new_tensor([-1.0, 1.0, -1.0])
            return (self._angles(crops) + mirrored) / 2

    def _angles(self, crops: Tensor) -> Tensor:
        mean, deviation = (crops.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
        degrees = FIRST_DEGREES + BIN_DEGREES * torch.arange(BINS, device=crops.device)
        outputs = self._network(((crops + 1) / 2 - mean) / deviation)
        return torch.stack([(scores.softmax(dim=1) * degrees).sum(dim=1) for scores in outputs], dim=1)


def _squares_around(landmarks: Tensor) -> Tensor:
    """Return the squares ``(N, 3)`` of faces around their landmarks."""
    low, high = landmarks.amin(dim=1), landmarks.amax(dim=1)
    side = MARGIN * (high - low).amax(dim=1, keepdim=True).clamp_min(1.0)
    return torch.cat([(low + high) / 2, side], dim=1)
