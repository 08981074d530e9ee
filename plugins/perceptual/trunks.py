"""The convolutions of AlexNet and VGG16: torchvision's models, with weights from files with torchvision's names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models

import i2i
from i2i import StoredTensor, model_path
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights.state_dicts import load_frozen_network

from .model_records import VGG16

ALEXNET_FILE = Path(__file__).with_name("alexnet_features.safetensors")
ALEXNET_LAYERS = (
    *("conv1", "relu1", "pool1", "conv2", "relu2", "pool2"),
    *("conv3", "relu3", "conv4", "relu4", "conv5", "relu5"),
)
VGG16_BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions of each block, which ends in a pooling."""
PREFIX = "features."


class FeatureNetwork(nn.Module):
    """A sequence of named layers: normalised images ``(N, 3, H, W)`` -> feature maps of any of the layers, by name."""

    def __init__(self, names: Sequence[str], features: nn.Sequential) -> None:
        """Name the layers of ``features`` in their order; layers beyond the last name are left out."""
        super().__init__()
        self.names = tuple(names)
        self.features = features[: len(self.names)]

    def forward(self, x: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Compute the feature maps of the wanted layers, in the order of the network, up to the deepest."""
        maps: dict[str, Tensor] = {}
        missing = set(wanted)
        x = x.contiguous(memory_format=torch.channels_last)
        kept = True
        for name, module in zip(self.names, self.features, strict=True):
            if not missing:
                break
            # torchvision's ReLUs overwrite their input, which must not happen to a wanted feature map.
            x = F.relu(x, inplace=not kept) if isinstance(module, nn.ReLU) else module(x)
            kept = name in missing
            if kept:
                maps[name] = x
                missing.remove(name)
        return maps

    def min_side(self, wanted: Collection[str]) -> int:
        """Return the smallest side of an image, pixels, for which the deepest of the wanted layers has a pixel."""
        deepest = max((self.names.index(name) for name in wanted), default=-1)
        size = 1
        for module in reversed(self.features[: deepest + 1]):
            if not isinstance(module, nn.ReLU):
                kernel, stride, padding = (_side(module, key) for key in ("kernel_size", "stride", "padding"))
                size = max(1, (size - 1) * stride + kernel - 2 * padding)
        return size


def open_alexnet() -> FeatureNetwork:
    """Load AlexNet (Krizhevsky 2014) with the weights of the package: conv1, relu1, pool1, ..., relu5.

    Raises:
        i2i.I2IError: the package's file is missing or damaged.
    """
    with torch.device("meta"):  # saves the memory and time of random weights
        network = FeatureNetwork(ALEXNET_LAYERS, models.alexnet(weights=None).features)
    return _load_frozen(network, ALEXNET_FILE, "AlexNet", "install i2i again")


def open_vgg16(path: Path | None = None) -> FeatureNetwork:
    """Load VGG16 (Simonyan and Zisserman 2014, configuration D): conv1_1, relu1_1, conv1_2, ..., relu5_3, pool5.

    Args:
        path: A file with torchvision's names, of the whole network or of its convolutions; None for the model
            ``vgg16`` in the user's folder.

    Raises:
        i2i.I2IError: the file is missing, cannot be read, or holds another network.
    """
    path = model_path(VGG16) if path is None else path
    names: list[str] = []
    for block, count in enumerate(VGG16_BLOCKS, start=1):
        for number in range(1, count + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    with torch.device("meta"):
        network = FeatureNetwork(names, models.vgg16(weights=None, init_weights=False).features)
    return _load_frozen(
        network, path, "VGG16", "type 'i2i models fetch vgg16', or take torchvision's vgg16-397923af.pth"
    )


def _load_frozen(network: FeatureNetwork, path: Path, what: str, needed: str) -> FeatureNetwork:
    """Load the convolutions of a file into the network, frozen, in float32."""
    tree = read_weights(path).tree
    tree = tree if isinstance(tree, dict) else {}
    named = tree["state_dict"] if isinstance(tree.get("state_dict"), dict) else tree
    # The classifier, nine tenths of torchvision's file, is never read from the disk.
    state = {
        key: value.tensor()
        for key, value in named.items()
        if isinstance(key, str) and key.startswith(PREFIX) and isinstance(value, StoredTensor)
    }
    try:
        load_frozen_network(network, state, what, needed)
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    return network.requires_grad_(False).eval()


def _side(module: nn.Module, key: str) -> int:
    """Return a setting of a square convolution or pooling, which is stored as a pair or one number."""
    value: Any = getattr(module, key)
    return int(value[0] if isinstance(value, tuple) else value)
