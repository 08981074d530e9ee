"""The extractors ``patch-identity``, ``palette-segmentation`` and ``floor-depth``; none has a network or weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

import i2i
from i2i.toolkit.faces.landmarks import EYES, eye_distance


class PatchIdentity(i2i.Extractor):
    """Identity embeddings from the grey levels of an aligned face."""

    name = "patch-identity"
    summary = "Grey patches of a face as its identity: a baseline without a network."
    role = "identity"

    def __init__(self, device: i2i.Device) -> None:
        self.device = device

    def __call__(self, images: Tensor) -> Tensor:
        """Return unit vectors ``(N, 64)`` of aligned faces ``(N, 3, h, w)``: 8 x 8 grey levels without their mean."""
        grey = F.adaptive_avg_pool2d(images.mean(dim=1, keepdim=True), 8).flatten(1)
        return F.normalize(grey - grey.mean(dim=1, keepdim=True), dim=1)

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Return squares ``(N, 3, 32, 32)`` whose centre lies between the eyes and whose side is 3 eye distances.

        Args:
            images: ``(N, 3, H, W)``.
            landmarks: ``(N, 68, 2)``, pixels of the images.
        """
        points = landmarks.to(images)
        centre = torch.stack([points[:, eye].mean(dim=1) for eye in EYES]).mean(dim=0)  # (N, 2)
        extent = images.new_tensor([images.shape[3], images.shape[2]])
        scale = 3 * eye_distance(points)[:, None] / extent
        shift = (2 * centre + 1) / extent - 1
        matrix = torch.cat([torch.diag_embed(scale), shift[:, :, None]], dim=2)
        grid = F.affine_grid(matrix, [len(images), 3, 32, 32], align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


class SegmentationOptions(i2i.Options):
    """Options of ``palette-segmentation``."""

    sharpness: float = Field(10.0, gt=0, description="Factor of the scores")


class PaletteSegmentation(i2i.Extractor):
    """Scores of classes by the colour of each pixel alone; the classes are those of the dataset ``streets``."""

    name = "palette-segmentation"
    summary = "The class whose colour is nearest."
    role = "segmentation"
    classes = ("sky", "building", "road", "car")
    colours = ((70, 130, 180), (70, 70, 70), (128, 64, 128), (0, 0, 142))
    Options = SegmentationOptions

    def __init__(self, device: i2i.Device, options: SegmentationOptions) -> None:
        self.options = options
        self.palette = torch.tensor(self.colours, device=device) / 127.5 - 1

    def __call__(self, images: Tensor) -> Tensor:
        """Return class scores ``(N, 4, H, W)`` of ``(N, 3, H, W)``: minus the squared distance of the colours."""
        distances = (images[:, None] - self.palette[None, :, :, None, None]).square().sum(dim=2)
        return -self.options.sharpness * distances


class DepthOptions(i2i.Options):
    """Options of ``floor-depth``."""

    horizon: float = Field(
        0.3, ge=0, lt=1, description="Height of the horizon, as a fraction of the image from its top"
    )


class FloorDepth(i2i.Extractor):
    """An extractor of the role ``depth``, which this package introduces.

    The contract of the role: ``(N, 3, H, W)`` -> relative depth ``(N, 1, H, W)``, 0 at the camera and 1 far away.
    """

    name = "floor-depth"
    summary = "Depth of a photo that stands on a floor: the higher in the image, the farther."
    role = "depth"
    Options = DepthOptions

    def __init__(self, device: i2i.Device, options: DepthOptions) -> None:
        self.options = options

    def __call__(self, images: Tensor) -> Tensor:
        """Return 1 at the horizon and above, falling linearly to 0 at the lower border of the image."""
        count, _, height, width = images.shape
        rows = (torch.arange(height).to(images) + 0.5) / height
        depth = ((1 - rows) / (1 - self.options.horizon)).clamp(0, 1)
        return depth[None, None, :, None].expand(count, 1, height, width)
