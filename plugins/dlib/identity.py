"""dlib's face recognition network, a ResNet of 29 layers with 128 outputs, as an extractor that judges others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.images import to_array, to_tensor
from i2i.toolkit.images.network_inputs import check_rgb, resize_images

from .extractor import load_dlib
from .model_records import identity_record

SIZE = 150
"""Height and width of an aligned face, pixels."""


class DlibIdentity(i2i.Extractor):
    """Identity embeddings of aligned faces, without gradients: they cannot be optimised, so they can judge an edit.

    It runs on the CPU. The product of two embeddings is their identity similarity (cosine). dlib itself compares the
    ``descriptors`` by their distance; it takes two faces for the same person where it is below 0.6.
    """

    name = "dlib-identity"
    summary = "Identity embeddings by dlib's network of 128 numbers, to judge other networks; no gradients."
    role: ClassVar[Literal["identity"]] = "identity"
    domain = "faces"
    models = ("dlib-identity128",)
    packages = ("dlib",)
    automatic = False
    differentiable = False

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``dlib-identity128``, or another such file at ``path``.

        Raises:
            i2i.I2IError: dlib is not installed, or the weights are missing or cannot be read.
        """
        self._dlib = load_dlib(self.name)
        path = model_path(identity_record()) if path is None else path
        try:
            self._network = self._dlib.face_recognition_model_v1(str(path))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise i2i.I2IError(
                f"{path} holds no face recognition network of dlib's ({reason}); delete it, then install it again: "
                "pip install 'i2i[dlib]'."
            ) from None

    def __call__(self, images: Tensor) -> Tensor:
        """Embed aligned faces as unit vectors ``(N, 128)``; no gradients.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1], as ``align`` returns them; resized to 150 x 150 pixels.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        return F.normalize(self.descriptors(images))

    def descriptors(self, images: Tensor) -> Tensor:
        """Return the outputs of the network for aligned faces, ``(N, 128)``, which dlib compares by their distance.

        Args:
            images: as for a call.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        faces = resize_images(images.detach(), SIZE, SIZE)
        found = [np.array(self._network.compute_face_descriptor(to_array(face)), np.float32) for face in faces]
        return torch.from_numpy(np.stack(found) if found else np.empty((0, 128), np.float32)).to(images.device)

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Align faces as dlib does, by the 51 landmarks within the face: ``(N, 3, 150, 150)``, no gradients.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1].
            landmarks: ``(N, 68, 2)`` in pixels of ``images``; dlib rounds them.

        Raises:
            ValueError: the shape is not that of RGB images, or not that of 68 landmarks.
        """
        check_rgb(images, self.name)
        if landmarks.shape[1:] != (68, 2):
            raise ValueError(f"dlib-identity aligns faces by landmarks (N, 68, 2), got {tuple(landmarks.shape)}")
        chips = [self._chip(image, points) for image, points in zip(images.detach(), landmarks.detach(), strict=True)]
        aligned = torch.cat(chips) if chips else torch.empty(0, 3, SIZE, SIZE)
        return aligned.to(images.device)

    def _chip(self, image: Tensor, points: Tensor) -> Tensor:
        places = points.cpu().round().int()
        frame = self._dlib.rectangle(*places.amin(dim=0).tolist(), *places.amax(dim=0).tolist())
        shape = self._dlib.full_object_detection(frame, [self._dlib.point(x, y) for x, y in places.tolist()])
        return to_tensor(self._dlib.get_face_chip(to_array(image), shape, size=SIZE))
