"""A baseline implementation of MobileStyleGAN: the published graph, operation by operation, on canonical tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F


def mapping(tensors: Mapping[str, Tensor], z: Tensor) -> Tensor:
    x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    index = 0
    while f"mapping.fc{index}.weight" in tensors:
        x = F.linear(x, tensors[f"mapping.fc{index}.weight"], tensors[f"mapping.fc{index}.bias"])
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        index += 1
    return x


def synthesis(tensors: Mapping[str, Tensor], rows: Tensor, noise: float = 1.0) -> tuple[Tensor, dict[int, Tensor]]:
    """Compute images and the feature maps of each resolution of w in the published form, ``(N, rows, w_dim)``."""
    part = {name.removeprefix("synthesis."): value for name, value in tensors.items()}

    def styled(x: Tensor, name: str, row: int, kernel: int | None) -> Tensor:
        styles = F.linear(rows[:, row], part[f"{name}.affine.weight"], part[f"{name}.affine.bias"])
        gain = 1.0 if kernel is None else 1 / math.sqrt(x.shape[1] * kernel**2)
        return x * styles[:, :, None, None] * gain

    def activated(x: Tensor, name: str) -> Tensor:
        return F.leaky_relu(x + noise * part[f"{name}.noise"] + part[f"{name}.bias"][:, None, None], 0.2)

    x = styled(part["block4.conv.const"][None].expand(len(rows), -1, -1, -1), "block4.conv", 0, 3)
    x = activated(F.conv2d(x, part["block4.conv.weight"], padding=1), "block4.conv")
    maps = {4: x}
    row, resolution = 1, 8
    while f"block{resolution}.up.affine.weight" in part:
        x = wavelet(styled(x, f"block{resolution}.up", row, None))
        for name, own in ((f"block{resolution}.conv1", row), (f"block{resolution}.conv2", row + 1)):
            depthwise = part[f"{name}.depthwise"]
            x = F.conv2d(styled(x, name, own, 3), depthwise, padding=1, groups=len(depthwise))
            x = activated(F.conv2d(x, part[f"{name}.pointwise"]), name)
        maps[resolution] = x
        row, resolution = row + 3, 2 * resolution
    x = F.conv2d(styled(x, "to_image", row, 1), part["to_image.pointwise"], part["to_image.bias"])
    return wavelet(x), maps


def wavelet(x: Tensor) -> Tensor:
    """The inverse Haar transform as transposed convolutions of rows, then of columns."""
    channels = x.shape[1] // 4
    low, high = x[:, :channels], x[:, channels:].unflatten(1, (channels, 3))
    one, other = torch.tensor([1.0, 1.0]) * math.sqrt(0.5), torch.tensor([1.0, -1.0]) * math.sqrt(0.5)

    def merged(first: Tensor, second: Tensor, stride: tuple[int, int]) -> Tensor:
        kernels = [taps.view(1, 1, *stride).repeat(channels, 1, 1, 1) for taps in (one, other)]
        parts = [
            F.conv_transpose2d(each, kernel, stride=stride, groups=channels)
            for each, kernel in zip((first, second), kernels, strict=True)
        ]
        return parts[0] + parts[1]

    rows = [merged(low, high[:, :, 0], (2, 1)), merged(high[:, :, 1], high[:, :, 2], (2, 1))]
    return merged(rows[0], rows[1], (1, 2))
