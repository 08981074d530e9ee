"""Quality of a face in a photo: its size, sharpness, noise and yaw, and warnings about what hinders an inversion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .alignment import extract_crop

if TYPE_CHECKING:
    from ...api.placement import Placement

MEASURED = 256
"""Largest resolution of the crop in which sharpness and noise are measured, pixels; smaller faces keep their own."""
FACE = (slice(35, 85), slice(25, 75))
"""Rows and columns of the face in an FFHQ crop, percent."""
# The limits were set on 81 frames of video of 50 people: of these, a quarter is small for a generator of 1024 px, three
# are blurred, none is noisy and eight are turned. Blurring them by 2 of 256 px makes four of five of them count as
# blurred, and noise of 10 grey levels makes all of them count as noisy.
SMALL = 0.125
"""Fraction of the generator's resolution below which a crop counts as small: it is upsampled more than eight times."""
BLURRED = 0.6
"""Sharpness below which a face counts as blurred."""
NOISY = 3.5
"""Standard deviation of noise, of 255, above which a face counts as noisy."""
TURNED = 25.0
"""Absolute yaw above which a face counts as turned, degrees."""
DEGREES = 83.0
"""Yaw in degrees for one eye distance of the nose's tip from the middle of the outer eye corners: fitted to the network
``faceplugin-pose`` on these frames (correlation 0.95, mean difference 3.4 degrees)."""
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NOISE_GAIN = 6.0  # the root of the sum of its squares
_LAPLACIAN_GAIN = 20.0  # the sum of the squares of the Laplacian's kernel
_NORMAL_MEDIAN = 0.6745  # median of the absolute value of a standard normal number


@dataclass(frozen=True)
class FaceQuality:
    """Measures of one face in a photo."""

    side: float
    """Side of the FFHQ crop of the face, pixels of the photo."""
    sharpness: float
    """Energy of the Laplacian relative to that of the gradient, without the noise's part of both."""
    noise: float
    """Standard deviation of the noise of a channel, of 255."""
    yaw: float
    """Estimated yaw, degrees, positive to the left of the image."""

    def warnings(self, resolution: int) -> list[str]:
        """Return a sentence without a subject's name for each fault, such as ``the face is small: ...``.

        Args:
            resolution: That of the generator, pixels.
        """
        found = []
        if abs(self.yaw) > TURNED:
            side = "left" if self.yaw > 0 else "right"
            found.append(
                f"the face is turned to the {side} of the image by about {abs(self.yaw):.0f} degrees; generators know "
                "few such faces, so expect another outline and a less similar person"
            )
        if self.side < SMALL * resolution:
            found.append(
                f"the face is small: its crop has {self.side:.0f} px, and the generator renders {resolution} px, so "
                "expect invented details"
            )
        if self.sharpness < BLURRED:
            found.append("the face is blurred; expect a result that is blurred or has invented details")
        if self.noise > NOISY:
            found.append(
                f"the face is noisy (about {self.noise:.0f} of 255 grey levels); expect smooth skin, or artefacts "
                "where the noise is imitated"
            )
        return found


def measure_quality(photo: np.ndarray, placement: Placement, landmarks: Any) -> FaceQuality:
    """Measure a face in a photo.

    Args:
        photo: uint8 ``(H, W, 3)``.
        placement: FFHQ crop of the face.
        landmarks: ``(68, 2)`` x, y, pixels of the photo; an array or a tensor.
    """
    side = math.dist(*placement.quad[:2])
    size = max(32, min(MEASURED, round(side)))
    crop = extract_crop(photo, placement, size).astype(np.float32)
    rows, columns = (slice(part.start * size // 100, part.stop * size // 100) for part in FACE)
    face = crop[rows, columns]
    noise = estimate_noise(face)
    return FaceQuality(side, estimate_sharpness(face, noise), noise, estimate_yaw(landmarks))


def estimate_noise(image: np.ndarray) -> float:
    """Estimate the standard deviation of white noise in an image ``(H, W, C)``.

    The kernel of Immerkaer ("Fast Noise Variance Estimation", 1996) removes plane structures; the median of its
    response ignores edges.
    """
    response = cv2.filter2D(image.astype(np.float32), -1, _NOISE_KERNEL, borderType=cv2.BORDER_REFLECT)
    return float(np.median(np.abs(response))) / (_NORMAL_MEDIAN * _NOISE_GAIN)


def estimate_sharpness(image: np.ndarray, noise: float) -> float:
    """Return the energy of the Laplacian of an image ``(H, W, C)`` relative to that of its gradient, without noise.

    Args:
        noise: Standard deviation of the noise, whose part of both is subtracted.
    """
    image = image.astype(np.float32)
    laplacian = cv2.Laplacian(image, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)
    gradients = [
        cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT) for dx in (0, 1)
    ]
    slope = sum(float(np.square(each).mean()) for each in gradients)
    curvature = float(np.square(laplacian).mean()) - _LAPLACIAN_GAIN * noise**2
    return max(0.0, curvature) / max(1e-3, slope - noise**2)


def estimate_yaw(landmarks: Any) -> float:
    """Estimate the yaw of a head from its landmarks ``(68, 2)``, degrees, positive to the left of the image.

    The nose stands out of the face, so its tip moves sideways between the eyes as the head turns.
    """
    points = np.asarray(landmarks, np.float64)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    across = right - left
    offset = (points[30] - (points[36] + points[45]) / 2) @ across / max(1e-6, float(across @ across))
    return float(np.clip(-DEGREES * offset, -90, 90))
