"""The landmark network of the embedded world as an extractor."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i

from ..networks.landmarks import Landmarks, read_off
from ..networks.layers import SIZE, prepare
from ..networks.loading import load

SURE = 0.5
"""From this score on a picture counts as one of a face."""


class DemoLandmarks(i2i.Extractor):
    """Where the 68 points of a drawn face lie, and whether there is one."""

    name = "demo-landmarks"
    summary = "68 landmarks of drawn faces."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "drawn faces"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights that come with i2i, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is not there, cannot be read, or holds something else.
        """
        self._network = load(Landmarks, self.name, device, path)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures of one face each -> ``(N, 68, 2)`` x, y in their pixels, in the iBUG order, float32.

        Differentiable, and computed in float32 also under autocast. Points are always within the picture.

        Args:
            pictures: ``(N, 3, H, W)`` RGB in [-1, 1]; other sizes than 64 x 64 are resized, with antialiasing.

        Raises:
            ValueError: these are no RGB pictures.
        """
        return self._answer(pictures)[0]

    def find(self, picture: Tensor) -> list[i2i.Face]:
        """The face that fills a picture, or nothing where there is no whole, upright one.

        Args:
            picture: ``(1, 3, H, W)`` RGB in [-1, 1].

        Returns:
            At most one face; its box bounds its points, and its score is the network's chance of there being one.

        Raises:
            ValueError: this is not one RGB picture.
        """
        if len(picture) != 1:
            raise ValueError(f"{self.name} finds the face of one picture (1, 3, H, W), got {tuple(picture.shape)}")
        with torch.no_grad():
            points, scores = self._answer(picture)
        landmarks, score = points[0].cpu(), float(scores[0])
        if score < SURE:
            return []
        x0, y0, x1, y1 = (*landmarks.amin(dim=0).tolist(), *landmarks.amax(dim=0).tolist())
        return [i2i.Face((x0, y0, x1, y1), landmarks, score)]

    def _answer(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Points ``(N, 68, 2)`` in the pixels of the pictures, and scores ``(N,)`` from 0 to 1."""
        with torch.autocast(pictures.device.type, enabled=False):
            heat, face = self._network(prepare(pictures, self.name))
            points = read_off(heat)
            ratio = points.new_tensor([pictures.shape[3], pictures.shape[2]]) / SIZE
            return (points + 0.5) * ratio - 0.5, face.sigmoid()
