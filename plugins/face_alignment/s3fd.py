"""The single shot scale-invariant face detector: VGG16 with six outputs, one for each size of faces.

Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector" (2017), figure 2 and table 1. Tensors have the names of
the file that face-alignment publishes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.state_dicts import load_frozen_network

STAGES = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3"),
    ("conv4_1", "conv4_2", "conv4_3"),
    ("conv5_1", "conv5_2", "conv5_3"),
    ("fc6", "fc7"),
    ("conv6_1", "conv6_2"),
    ("conv7_1", "conv7_2"),
)
"""The convolutions in their order, each followed by ReLU; between the first six stages there is a max pooling."""
POOLED = 6
_POINTWISE = ("fc7", "conv6_1", "conv7_1")
_STRIDED = ("conv6_2", "conv7_2")
_PADDING = {"fc6": 3}  # as published: the padding of a dilated layer, and no dilation
SOURCES = {"conv3_3": 10.0, "conv4_3": 8.0, "conv5_3": 5.0, "fc7": None, "conv6_2": None, "conv7_2": None}
"""The layers with an output, from the smallest faces to the largest, and the length of normalised features."""
STRIDES = tuple(4 << place for place in range(len(SOURCES)))
"""Stride of each output, pixels; an anchor is a square of four times that side (table 1)."""
MIN_SIDE = 32
"""Smallest side of an image, pixels: below, nothing is left after the last pooling."""
MEAN = (104.0, 117.0, 123.0)
"""Mean of blue, green and red, in this order, in [0, 255]; subtracted from the images."""
NEEDED = "take the weights 's3fd' (i2i models fetch s3fd)"

WIDTHS: Mapping[str, int] = {
    name: width for stage, width in zip(STAGES, (64, 128, 256, 512, 512, 1024, 256, 128), strict=True) for name in stage
} | {"conv6_2": 512, "conv7_2": 256}
"""Channels after each convolution of the published network."""


class L2Norm(nn.Module):
    """L2 normalisation over channels, times a trained weight for each (Liu et al., "ParseNet", 2015)."""

    def __init__(self, channels: int, length: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), length))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()  # the squares of VGG's features do not fit into half precision
        return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) * self.weight.view(1, -1, 1, 1)


class S3FD(nn.Module):
    """Images -> score and box of a face at every position, for each of six sizes of faces.

    Args:
        widths: Channels after each convolution.
    """

    def __init__(self, widths: Mapping[str, int] = WIDTHS) -> None:
        super().__init__()
        before = 3
        for name in (name for stage in STAGES for name in stage):
            size = 1 if name in _POINTWISE else 3
            padding, stride = _PADDING.get(name, size // 2), 2 if name in _STRIDED else 1
            self.add_module(name, nn.Conv2d(before, widths[name], size, stride, padding))
            before = widths[name]
        for name, length in SOURCES.items():
            if length is not None:
                self.add_module(f"{name}_norm", L2Norm(widths[name], length))
            # The smallest faces have three background classes, of which the maximum counts (section 3.3).
            self.add_module(f"{_head(name)}_conf", nn.Conv2d(widths[name], 4 if name == "conv3_3" else 2, 3, padding=1))
            self.add_module(f"{_head(name)}_loc", nn.Conv2d(widths[name], 4, 3, padding=1))

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> S3FD:
        """Build the network of a state dict, frozen, in evaluation mode, float32; it may share the state's memory.

        Raises:
            i2i.I2IError: keys are missing or unknown, or tensors have other shapes; names them.
        """
        weights = {name: state.get(f"{name}.weight") for name in WIDTHS}
        widths = {name: len(weight) for name, weight in weights.items() if weight is not None and weight.dim() == 4}
        if missing := [name for name in WIDTHS if name not in widths]:
            raise i2i.I2IError(f"the file is no S3FD, which has convolutions such as '{missing[0]}.weight'; {NEEDED}.")
        with torch.device("meta"):
            network = cls(widths)
        load_frozen_network(network, state, "S3FD", NEEDED)
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Compute scores and box offsets of each output, from the smallest faces to the largest.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1], at least 32 x 32 pixels.

        Returns:
            Six pairs of scores ``(N, h, w)`` in [0, 1] and offsets ``(N, 4, h, w)`` for ``boxes_of``, float32.
        """
        mean = images.new_tensor(MEAN).view(1, 3, 1, 1)
        x = (images.flip(1) + 1) * 127.5 - mean
        outputs = []
        for place, stage in enumerate(STAGES):
            if 0 < place < POOLED:
                x = F.max_pool2d(x, 2)
            for name in stage:
                x = F.relu(self.get_submodule(name)(x), inplace=True)
            if stage[-1] in SOURCES:
                outputs.append(self._output(stage[-1], x))
        return outputs

    def _output(self, name: str, features: Tensor) -> tuple[Tensor, Tensor]:
        if SOURCES[name] is not None:
            features = self.get_submodule(f"{name}_norm")(features)
        classes = self.get_submodule(f"{_head(name)}_conf")(features).float()
        background, face = classes[:, :-1].amax(dim=1), classes[:, -1]
        return torch.sigmoid(face - background), self.get_submodule(f"{_head(name)}_loc")(features).float()


def boxes_of(offsets: Tensor, stride: int) -> Tensor:
    """Convert offsets ``(N, 4, h, w)`` to boxes ``(N, h, w, 4)``: x0, y0, x1, y1 in pixels from the corner.

    Offsets are relative to an anchor, a square around the centre of each position (Liu et al., "SSD", 2016, section
    2.2): of the centre in tenths of its side, of width and height as logarithms, times five.
    """
    height, width = offsets.shape[2:]
    y = (torch.arange(height, device=offsets.device) + 0.5) * stride
    x = (torch.arange(width, device=offsets.device) + 0.5) * stride
    side = 4 * stride
    centre = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1) + offsets[:, :2].permute(0, 2, 3, 1) * 0.1 * side
    half = torch.exp(offsets[:, 2:].permute(0, 2, 3, 1) * 0.2) * (side / 2)
    return torch.cat([centre - half, centre + half], dim=-1)


def _head(name: str) -> str:
    return f"{name}_norm_mbox" if SOURCES[name] is not None else f"{name}_mbox"
