"""LPIPS 0.1 (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018).

AlexNet's convolutions lie beside this file in half precision, VGG16's are fetched; the linear layers on top of them are
read from the installed ``lpips`` package. That package is not imported: it would fetch networks of its own and print.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import i2i

from .comparing import Features, Perceptual

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .trunks import Trunk


class Lpips(Perceptual):
    """Perceptual distance of pictures: 0 is identical, 0.1 is close, 0.7 is another picture.

    The measure was fitted on patches of 64 x 64 pixels; on smaller ones it is computed all the same, as the authors'
    own code does, down to 31 x 31, where the network ends.
    """

    name = "lpips"
    summary = "Perceptual distance LPIPS 0.1 on AlexNet."
    default = True
    advice = "leave lpips out of --metrics, or work at a larger --size"
    layers: ClassVar[tuple[str, ...]] = ("relu1", "relu2", "relu3", "relu4", "relu5")
    fitted: ClassVar[str] = "alex.pth"
    """The file of the ``lpips`` package with the weights of the layers' channels."""

    def __init__(self, device: i2i.Device) -> None:
        """Load the network and the fitted weights.

        Raises:
            i2i.I2IError: a file is not there, cannot be read, or holds something else.
        """
        from .trunks import open_alexnet

        self._build(open_alexnet(), device)

    def _build(self, trunk: Trunk, device: i2i.Device) -> None:
        self._take(trunk, device)
        weights = _fitted(self.fitted, len(self.layers))
        self._weights = {layer: each.to(self._shift.device) for layer, each in zip(self.layers, weights, strict=True)}

    def features(self, pictures: Tensor) -> dict[str, Tensor]:
        """Pictures ``(N, 3, H, W)`` in [-1, 1] -> the maps of five layers, every position's channels of unit length.

        Raises:
            ValueError: these are no RGB pictures.
            i2i.I2IError: they are too small for the network.
        """
        import torch

        with torch.autocast(pictures.device.type, enabled=False):
            return {layer: _unit(each) for layer, each in self._maps(pictures, self.layers).items()}

    def compare(self, features: Features, others: Features) -> Tensor:
        """The weighted squared difference, mean over positions and summed over layers: ``(N,)``."""
        import torch
        import torch.nn.functional as F

        with torch.autocast(self._shift.device.type, enabled=False):
            terms = [
                F.conv2d((features[layer] - others[layer]).square(), self._weights[layer]).mean(dim=(1, 2, 3))
                for layer in self.layers
            ]
            return torch.stack(terms).sum(dim=0)


class LpipsVgg(Lpips):
    """LPIPS on VGG16, which most methods that optimise pictures use; many times the work of AlexNet's."""

    name = "lpips-vgg"
    summary = "Perceptual distance LPIPS 0.1 on VGG16, to optimise pictures with."
    default = False
    advice = "leave lpips-vgg out of --metrics, or work at a larger --size"
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    fitted = "vgg.pth"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``vgg16``, or of another file with torchvision's names at ``path``.

        Raises:
            i2i.I2IError: a file is not there, cannot be read, or holds something else.
        """
        from .trunks import open_vgg16

        self._build(open_vgg16(path), device)


def _unit(maps: Tensor) -> Tensor:
    # Added inside the root as well: where no channel answers, the root's slope is infinite.
    length = (maps.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()
    return maps / (length + 1e-10)


def _fitted(name: str, count: int) -> list[torch.Tensor]:
    """The fitted layers of the ``lpips`` package, each ``(1, C, 1, 1)``."""
    import torch

    found = importlib.util.find_spec("lpips")
    if found is None or found.origin is None:
        raise i2i.I2IError(
            "The package lpips, which holds the fitted layers of LPIPS, is missing; run: pip install lpips"
        )
    path = Path(found.origin).parent / "weights" / "v0.1" / name
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return [state[f"lin{layer}.model.1.weight"] for layer in range(count)]
    except (OSError, KeyError) as error:
        raise i2i.I2IError(
            f"The layers of LPIPS 0.1 are not in the lpips package ({path}: {error}); "
            "run: pip install --force-reinstall lpips"
        ) from None
