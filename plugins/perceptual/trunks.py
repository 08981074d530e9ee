"""The convolutions of AlexNet and VGG16, under the names that torchvision's files give them, and how they are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.models import locate
from i2i.reading import StoredTensor, read
from i2i.weights import fill

from .models import VGG16

ALEXNET_FILE = Path(__file__).with_name("alexnet_features.safetensors")
PREFIX = "features."


class Trunk(nn.Module):
    """Layers in a row, of which any can be looked at: ``(N, 3, H, W)``, normalised -> maps by the layers' names."""

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.names = tuple(layers)
        self.features = nn.Sequential(*layers.values())

    def forward(self, x: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """The maps of the wanted layers, in the order of the network, computed no further than the deepest of them."""
        found: dict[str, Tensor] = {}
        missing = set(wanted)
        x = x.contiguous(memory_format=torch.channels_last)
        kept = True
        for name, module in zip(self.names, self.features, strict=True):
            if not missing:
                break
            # A convolution's own output may be overwritten unless it is wanted, which would give its ReLU instead.
            x = F.relu(x, inplace=not kept) if isinstance(module, nn.ReLU) else module(x)
            kept = name in missing
            if kept:
                found[name] = x
                missing.remove(name)
        return found

    def smallest(self, wanted: Collection[str]) -> int:
        """Pixels that a side must have at least, for the deepest of the wanted layers to have one."""
        deepest = max((self.names.index(name) for name in wanted), default=-1)
        size = 1
        for module in reversed(self.features[: deepest + 1]):
            if not isinstance(module, nn.ReLU):
                kernel, stride, padding = (_side(module, key) for key in ("kernel_size", "stride", "padding"))
                size = max(1, (size - 1) * stride + kernel - 2 * padding)
        return size


def open_alexnet() -> Trunk:
    """AlexNet (Krizhevsky 2014, as in torchvision) from the package: conv1, relu1, pool1, ..., relu5.

    Raises:
        i2i.I2IError: the package's file is missing or damaged.
    """
    pool = nn.MaxPool2d(3, 2)
    with torch.device("meta"):  # no memory, and no time spent on random weights
        network = Trunk(
            {
                "conv1": nn.Conv2d(3, 64, 11, stride=4, padding=2),
                "relu1": nn.ReLU(),
                "pool1": pool,
                "conv2": nn.Conv2d(64, 192, 5, padding=2),
                "relu2": nn.ReLU(),
                "pool2": pool,
                "conv3": nn.Conv2d(192, 384, 3, padding=1),
                "relu3": nn.ReLU(),
                "conv4": nn.Conv2d(384, 256, 3, padding=1),
                "relu4": nn.ReLU(),
                "conv5": nn.Conv2d(256, 256, 3, padding=1),
                "relu5": nn.ReLU(),
            }
        )
    return _filled(network, ALEXNET_FILE, "AlexNet", "install i2i again")


def open_vgg16(path: Path | None = None) -> Trunk:
    """VGG16 (Simonyan and Zisserman 2014, configuration D): conv1_1, relu1_1, conv1_2, relu1_2, pool1, ..., relu5_3.

    Args:
        path: A file with torchvision's names, of the whole network or of its convolutions; None for the model
            ``vgg16`` in the user's folder.

    Raises:
        i2i.I2IError: the file is not there, cannot be read, or holds something else.
    """
    path = locate(VGG16) if path is None else path
    layers: dict[str, nn.Module] = {}
    channels = 3
    with torch.device("meta"):
        for block, (width, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
            for number in range(1, count + 1):
                layers[f"conv{block}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
                layers[f"relu{block}_{number}"] = nn.ReLU()
                channels = width
            layers[f"pool{block}"] = nn.MaxPool2d(2)
        network = Trunk(layers)
    return _filled(network, path, "VGG16", "take torchvision's vgg16-397923af.pth")


def _filled(network: Trunk, path: Path, what: str, needed: str) -> Trunk:
    """The network with the convolutions of a file, frozen, in float32."""
    tree = read(path).tree
    tree = tree if isinstance(tree, dict) else {}
    named = tree["state_dict"] if isinstance(tree.get("state_dict"), dict) else tree
    # The classifier, nine tenths of torchvision's file, is never read from the disk.
    state = {
        key: value.tensor()
        for key, value in named.items()
        if isinstance(key, str) and key.startswith(PREFIX) and isinstance(value, StoredTensor)
    }
    try:
        fill(network, state, what, needed)
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    return network.requires_grad_(False).eval()


def _side(module: nn.Module, key: str) -> int:
    """A setting of a square convolution or pooling, which keep it as a pair or as one number."""
    value: Any = getattr(module, key)
    return int(value[0] if isinstance(value, tuple) else value)
