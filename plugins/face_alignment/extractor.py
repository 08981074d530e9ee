"""The extractor ``face-alignment``: S3FD detects faces, FAN computes 68 landmarks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import torch
from torch import Tensor, nn

import i2i
from i2i import model_path
from i2i.toolkit.faces.crops import aligned_squares, extract_crops, map_points, square_matrices
from i2i.toolkit.images.network_inputs import check_rgb
from i2i.toolkit.weights.state_dicts import read_state_dict

from .crops import squares_of
from .detection import detect
from .fan import CELL, FAN, NEEDED, SIZE
from .heatmaps import mirror, points_of
from .model_records import FAN_MODEL, S3FD_MODEL
from .s3fd import S3FD

POINTS = 68
WHOLE = (0.5, 0.5, 1.0)
"""The square around a whole image: x and y of its centre and its side, as fractions of its side."""
BATCH = 4
"""Faces in a batch, each with its mirror image: about 400 MB."""
NetworkT = TypeVar("NetworkT", bound="nn.Module")


def read_fan(state: dict[str, Tensor]) -> nn.Module:
    """Build the network of a state dict with the keys of face-alignment's FAN, of any number of hourglasses."""
    return FAN.from_state(state)


def read_s3fd(state: dict[str, Tensor]) -> nn.Module:
    """Build the network of a state dict with the keys of face-alignment's S3FD."""
    return S3FD.from_state(state)


class FaceAlignment(i2i.Extractor):
    """68 landmarks of faces in photographs (Bulat and Tzimiropoulos 2017); differentiable for crops."""

    name = "face-alignment"
    summary = "Faces and their 68 landmarks in photographs, by S3FD and 2D-FAN."
    role: ClassVar[Literal["landmarks"]] = "landmarks"
    domain = "faces"
    default = True
    models = ("face-alignment-2dfan4", "s3fd")
    kinds = {"fan": read_fan, "s3fd": read_s3fd}

    def __init__(self, device: i2i.Device, path: Path | None = None, detector: Path | None = None) -> None:
        """Load the weights of the models ``face-alignment-2dfan4`` and ``s3fd``, or of other files.

        Args:
            path: Weights of FAN: a state dict, or the TorchScript program that was published earlier.
            detector: Weights of S3FD, which are read at the first ``find``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        self._device = device
        self._detector_path = detector
        path = _locate(FAN_MODEL, path)
        network = _load(path, FAN.from_state)
        if network.points != POINTS:
            raise i2i.I2IError(f"{path} finds {network.points} points of a face and not {POINTS}; {NEEDED}.")
        self._network: FAN = _place(network.fold(), device)

    @cached_property
    def _detector(self) -> S3FD:
        return _place(_load(_locate(S3FD_MODEL, self._detector_path), S3FD.from_state), self._device)

    def __call__(self, images: Tensor) -> Tensor:
        """Compute landmarks ``(N, 68, 2)`` of crops of faces: x, y pixels, (0, 0) the centre of the upper left one.

        Differentiable in the images, and computed in float32 even under autocast. The network was trained on faces
        that take about half of the image's height, from brows to chin, as in FFHQ, within about 20 %.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 256 x 256 pixels, padded with black to a square.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        with torch.autocast(images.device.type, enabled=False):
            matrices = square_matrices(aligned_squares(images, WHOLE), SIZE)
            maps = self._maps(extract_crops(images, matrices, SIZE))
            return map_points(_pixels(points_of(maps)), matrices)

    def find(self, image: Tensor) -> list[i2i.Face]:
        """Find the faces in a photo with boxes and landmarks, by falling score; empty where there is none.

        Scores are S3FD's, at least 0.5. Photos are downsampled to 640 pixels for the detection; landmarks are computed
        at full resolution. Heat maps are averaged over each crop and its mirror image. The soft arg-max has less than
        half of the error of the published rule, a quarter of a cell.

        Args:
            image: ``(1, 3, H, W)`` RGB in [-1, 1], any size.

        Raises:
            ValueError: the shape is not that of one RGB image.
            i2i.I2IError: the detector's weights are missing, cannot be read, or are those of another network.
        """
        check_rgb(image, self.name)
        if len(image) != 1:
            raise ValueError(f"face-alignment finds faces in one image at a time, got {len(image)}")
        with torch.inference_mode():
            image = image.to(torch.device(self._device), torch.float32)
            faces = self._detect(image)
            squares = squares_of(faces[:, :4])
            landmarks = [each for part in squares.split(BATCH) if len(part) for each in self._landmarks(image, part)]
        return [
            # A clone outside inference mode may be used with autograd.
            i2i.Face((x0, y0, x1, y1), points.clone(), score)
            for (x0, y0, x1, y1, score), points in zip(faces.tolist(), landmarks, strict=True)
        ]

    def _detect(self, image: Tensor) -> Tensor:
        """``detection.detect`` in bfloat16 at that precision; VGG's features are too large for float16."""
        half = self._device.precision == "bf16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            return detect(self._detector, image)

    def _landmarks(self, image: Tensor, squares: Tensor) -> Tensor:
        """Compute the landmarks ``(N, 68, 2)`` of the faces in squares ``(N, 3)``, on the CPU."""
        matrices = square_matrices(squares, SIZE)
        with torch.autocast(self._device.type, enabled=False):
            crops = extract_crops(image.expand(len(squares), -1, -1, -1), matrices, SIZE)
            straight, mirrored = self._maps(torch.cat([crops, crops.flip(3)])).chunk(2)
            points = _pixels(points_of(straight + mirror(mirrored)))
        return map_points(points, matrices.to(points)).cpu()

    def _maps(self, crops: Tensor) -> Tensor:
        maps: Tensor = self._network(((crops + 1) / 2).contiguous(memory_format=torch.channels_last))
        return maps


def _pixels(cells: Tensor) -> Tensor:
    """Convert positions in heat maps to pixels of the crops."""
    return (cells + 0.5) * CELL - 0.5


def _locate(model: i2i.Model, path: Path | None) -> Path:
    return model_path(model) if path is None else path


def _load(path: Path, build: Callable[[dict[str, Tensor]], NetworkT]) -> NetworkT:
    state = read_state_dict(path)
    try:
        return build(state)
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None


def _place(network: NetworkT, device: i2i.Device) -> NetworkT:
    network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
