"""The judges: networks and detectors that no edit optimises or follows.

dlib finds the face anew in every image, so an edit after which it finds none has failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.runtime.device import TorchDevice

from .measures import measure_landmarks

COMPARED = 256
"""Resolution at which LPIPS compares images, pixels."""
POSE = ("yaw", "pitch", "roll")
"""Angles of ``faceplugin-pose``, degrees; yaw is positive to the left of the image."""


@dataclass(frozen=True)
class Seen:
    """What the judges see in one image of a face."""

    measures: Mapping[str, float]
    """Those of ``measures.MEASURES`` by dlib's landmarks, and the angles of ``POSE``."""
    descriptor: Tensor
    """dlib's 128 numbers of the person, ``(128,)``."""
    landmarks: Tensor
    """dlib's landmarks, ``(68, 2)``, pixels."""

    def as_json(self) -> dict[str, Any]:
        """Return the measures and the descriptor, which later comparisons need."""
        return {
            "measures": {name: round(value, 5) for name, value in self.measures.items()},
            "descriptor": [round(value, 5) for value in self.descriptor.tolist()],
        }


def descriptor_distance(one: Any, other: Any) -> float:
    """Return the distance of two of dlib's descriptors: dlib takes two faces for one person below 0.6."""
    return float((torch.as_tensor(one) - torch.as_tensor(other)).norm())


class Judges:
    """dlib's landmarks and identity, the head pose network, and LPIPS on two trunks; each is opened when asked."""

    def __init__(
        self, vgg16: Path | None = None, registry: i2i.Registry | None = None, measures_pose: bool = True
    ) -> None:
        """Store the settings.

        Args:
            vgg16: Weights of VGG16; None for the model ``vgg16`` of the user's folder.
            measures_pose: Whether the head pose network is asked; it knows photos.
        """
        self.measures_pose = measures_pose
        self.vgg16, self.registry, self.device = vgg16, registry or i2i.load_registry(), TorchDevice("cpu")

    def _open(self, name: str, *arguments: Any) -> Any:
        return self.registry.get("extractor", name)(self.device, *arguments)

    @cached_property
    def finder(self) -> Any:
        """dlib's face detector with its 68 landmarks."""
        return self._open("dlib")

    @cached_property
    def identity(self) -> Any:
        """dlib's identity network."""
        return self._open("dlib-identity")

    @cached_property
    def pose(self) -> Any:
        """The head pose network."""
        return self._open("faceplugin-pose")

    @cached_property
    def lpips(self) -> Mapping[str, Any]:
        """LPIPS by the name of its extractor."""
        return {"lpips": self.alexnet, "lpips-vgg": self._open("lpips-vgg", self.vgg16)}

    @cached_property
    def alexnet(self) -> Any:
        """LPIPS on AlexNet."""
        return self._open("lpips")

    def open_all(self, parts: Iterable[str]) -> None:
        """Open the judges of parts of the evaluation, so that a missing one is reported before any work.

        Raises:
            i2i.I2IError: says what to type.
        """
        _ = self.finder, self.identity
        if self.measures_pose:
            _ = self.pose
        if "inversion" in parts:
            _ = self.lpips["lpips-vgg"]

    @torch.no_grad()
    def look(self, image: Tensor) -> Seen | None:
        """Find the largest face of ``image (1, 3, H, W)`` in [-1, 1]; None where dlib finds none."""
        faces = self.finder.find(image)
        if not faces:
            return None
        landmarks = max(faces, key=lambda face: face.area).landmarks
        angles = self.pose(image, landmarks[None])[0].tolist() if self.measures_pose else []
        descriptor = self.identity.descriptors(self.identity.align(image, landmarks[None]))[0]
        return Seen({**measure_landmarks(landmarks), **dict(zip(POSE, angles, strict=False))}, descriptor, landmarks)

    @torch.no_grad()
    def distance(self, one: Tensor, other: Tensor, trunk: str = "lpips") -> float:
        """Return LPIPS of two images ``(1, 3, H, W)`` at ``COMPARED`` px."""
        network = self.alexnet if trunk == "lpips" else self.lpips[trunk]
        return float(network.distance(*(downsample(image) for image in (one, other)))[0])


def downsample(image: Tensor, side: int = COMPARED) -> Tensor:
    """Resize ``(1, 3, H, W)`` to ``side`` px with antialiasing; smaller images stay."""
    if image.shape[-1] <= side:
        return image
    return F.interpolate(image.float(), (side, side), mode="bicubic", antialias=True).clamp(-1, 1)
