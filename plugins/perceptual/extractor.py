"""LPIPS 0.1 (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018).

The trunk, AlexNet's convolutions, lies beside this file in half precision; the linear layers on top of it are read from
the installed ``lpips`` package. That package is not imported: it would fetch a trunk of its own and print as it does.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import i2i

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TRUNK = Path(__file__).with_name("alexnet_features.safetensors")
STAGES = (("features.0", 4, 2), ("features.3", 1, 2), ("features.6", 1, 1), ("features.8", 1, 1), ("features.10", 1, 1))
"""AlexNet's convolutions: key, stride, padding. The second and third follow a max-pooling of 3 pixels, stride 2."""
POOLED = ("features.3", "features.6")
SMALLEST = 31
"""Pixels a side: below, nothing is left after the second pooling."""


class Lpips(i2i.Extractor):
    """Perceptual distance of pictures: 0 is identical, 0.1 is close, 0.7 is another picture."""

    name = "lpips"
    summary = "Perceptual distance LPIPS 0.1 on AlexNet."
    role: ClassVar[Literal["landmarks", "identity", "perceptual", "text"]] = "perceptual"

    def __init__(self, device: i2i.Device) -> None:
        import torch
        from safetensors.torch import load_file

        place = torch.device(device)
        self._trunk = {key: value.float().to(place) for key, value in load_file(TRUNK).items()}
        self._linear = [weight.to(place) for weight in _linear_layers()]
        self._shift = torch.tensor([-0.030, -0.088, -0.188], device=place).view(1, 3, 1, 1)
        self._scale = torch.tensor([0.458, 0.448, 0.450], device=place).view(1, 3, 1, 1)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Distances ``(N,)`` between pictures ``(N, 3, H, W)`` in [-1, 1] of at least 31 x 31 pixels; differentiable.

        The measure was fitted on patches of 64 x 64 pixels; on smaller ones it is computed all the same, as the
        authors' own code does. It is always computed in float32, also under autocast.

        Raises:
            ValueError: the shapes differ or hold no RGB pictures.
            i2i.I2IError: the pictures are too small for the network.
        """
        import torch

        _check(x, y)
        with torch.autocast(x.device.type, enabled=False):
            terms = [
                torch.nn.functional.conv2d((a - b).square(), weight).mean(dim=(1, 2, 3))
                for a, b, weight in zip(self._features(x), self._features(y), self._linear, strict=True)
            ]
        return torch.stack(terms).sum(dim=0)

    def _features(self, x: Tensor) -> list[Tensor]:
        """Activations after each convolution, every position's channels scaled to unit length."""
        import torch.nn.functional as F

        x = (x.float() - self._shift) / self._scale
        found = []
        for key, stride, padding in STAGES:
            if key in POOLED:
                x = F.max_pool2d(x, kernel_size=3, stride=2)
            x = F.relu(F.conv2d(x, self._trunk[f"{key}.weight"], self._trunk[f"{key}.bias"], stride, padding))
            # Added inside the root as well: where no channel answers, the root's slope is infinite.
            length = (x.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()
            found.append(x / (length + 1e-10))
        return found


def _check(x: Tensor, y: Tensor) -> None:
    if x.shape != y.shape or x.ndim != 4 or x.shape[1] != 3:
        raise ValueError(f"lpips compares (N, 3, H, W) with the same, got {tuple(x.shape)} and {tuple(y.shape)}")
    height, width = x.shape[2:]
    if min(height, width) < SMALLEST:
        raise i2i.I2IError(
            f"LPIPS needs pictures of at least {SMALLEST} x {SMALLEST} pixels, but these are {width} x {height}; "
            "leave lpips out of --metrics, or work at a larger --size."
        )


def _linear_layers() -> list[torch.Tensor]:
    """The five fitted layers of the ``lpips`` package, each ``(1, C, 1, 1)``."""
    import torch

    found = importlib.util.find_spec("lpips")
    if found is None or found.origin is None:
        raise i2i.I2IError(
            "The package lpips, which holds the fitted layers of LPIPS, is missing; run: pip install lpips"
        )
    path = Path(found.origin).parent / "weights" / "v0.1" / "alex.pth"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return [state[f"lin{stage}.model.1.weight"] for stage in range(len(STAGES))]
    except (OSError, KeyError) as error:
        raise i2i.I2IError(
            f"The layers of LPIPS 0.1 are not in the lpips package ({path}: {error}); "
            "run: pip install --force-reinstall lpips"
        ) from None
