"""LPIPS 0.1 (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018).

The linear layers and their weights are those of the ``lpips`` package; the trunks are torchvision's networks with
weights that i2i ships (AlexNet) or downloads (VGG16). ``lpips.LPIPS`` itself is not built: it would download its trunk,
it computes the features of both images at each call, and its gradient is infinite where all channels are zero.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.state_dicts import load_frozen_network, read_state_dict

from .feature_distance import FeatureDistance, Features
from .trunks import FeatureNetwork, open_alexnet, open_vgg16


class Lpips(FeatureDistance):
    """LPIPS on AlexNet: 0 is identical, 0.1 is similar, 0.7 is unrelated.

    LPIPS was fitted on patches of 64 x 64 pixels; smaller images are allowed down to 31 x 31, as in the authors'
    code.
    """

    name = "lpips"
    summary = "Perceptual distance LPIPS 0.1 on AlexNet."
    default = True
    advice = "leave lpips out of --metrics, or work at a larger --size"
    layers: ClassVar[tuple[str, ...]] = ("relu1", "relu2", "relu3", "relu4", "relu5")
    channels: ClassVar[tuple[int, ...]] = (64, 192, 384, 256, 256)
    """Channels of the feature maps of each layer."""
    linear_file: ClassVar[str] = "alex.pth"
    """The file of the ``lpips`` package with the weights of its linear layers for this trunk."""

    def __init__(self, device: i2i.Device) -> None:
        """Load the trunk and the linear layers.

        Raises:
            i2i.I2IError: a file is missing, cannot be read, or holds another network.
        """
        self._build(open_alexnet(), device)

    def _build(self, trunk: FeatureNetwork, device: i2i.Device) -> None:
        self._set_network(trunk, device)
        linear = _load_linear_layers(self.linear_file, self.channels).to(self._shift.device)
        # Only the convolutions are called: the layers' dropout does nothing in evaluation but takes 3 % of the time.
        self._weights: dict[str, Tensor] = dict(zip(self.layers, linear.parameters(), strict=True))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Images ``(N, 3, H, W)`` in [-1, 1] -> feature maps of five layers, normalised over channels.

        Raises:
            ValueError: the shape is not that of RGB images.
            i2i.I2IError: the images are too small for the network.
        """
        with torch.autocast(images.device.type, enabled=False):
            return {layer: _unit(each) for layer, each in self._maps(images, self.layers).items()}

    def compare(self, features: Features, others: Features) -> Tensor:
        """Compute the weighted squared difference, mean over positions, summed over layers: ``(N,)``."""
        with torch.autocast(self._shift.device.type, enabled=False):
            terms = [
                F.conv2d((features[layer] - others[layer]).square(), weight).mean(dim=(1, 2, 3))
                for layer, weight in self._weights.items()
            ]
            return torch.stack(terms).sum(dim=0)


class LpipsVgg(Lpips):
    """LPIPS on VGG16, which most methods that optimise images use; it takes many times as long as AlexNet."""

    name = "lpips-vgg"
    summary = "Perceptual distance LPIPS 0.1 on VGG16, to optimise images with."
    default = False
    advice = "leave lpips-vgg out of --metrics, or work at a larger --size"
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    channels = (64, 128, 256, 512, 512)
    linear_file = "vgg.pth"

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights of the model ``vgg16``, or of another file with torchvision's names at ``path``.

        Raises:
            i2i.I2IError: a file is missing, cannot be read, or holds another network.
        """
        self._build(open_vgg16(path), device)


def _unit(maps: Tensor) -> Tensor:
    # Added inside the root as well, whose gradient is infinite where all channels are zero.
    length = (maps.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()
    return maps / (length + 1e-10)


def _load_linear_layers(name: str, channels: tuple[int, ...]) -> nn.ModuleList:
    """Load linear layers of LPIPS 0.1, each ``(N, C, h, w)`` -> ``(N, 1, h, w)``, frozen, from the ``lpips`` package.

    Raises:
        i2i.I2IError: the package is missing, or its file does not hold these layers.
    """
    try:
        import lpips
    except ImportError as error:
        raise i2i.I2IError(
            f"The package lpips, which LPIPS needs, cannot be imported ({error}); run: pip install lpips"
        ) from None
    with torch.device("meta"):  # saves the time of random weights
        layers = nn.ModuleList(lpips.NetLinLayer(width, use_dropout=True) for width in channels)
    path = Path(lpips.__file__).parent / "weights" / "v0.1" / name
    state = {key.removeprefix("lin"): value for key, value in read_state_dict(path).items()}
    try:
        load_frozen_network(
            layers, state, f"set of linear layers {name} of LPIPS 0.1", "run: pip install --force-reinstall lpips"
        )
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    return layers.requires_grad_(False).eval()
