"""A file with random weights under the names of torchvision's VGG16, for tests that need its shapes and no more."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

State = dict[str, torch.Tensor]
CONVOLUTIONS = {
    0: (64, 3),
    2: (64, 64),
    5: (128, 64),
    7: (128, 128),
    10: (256, 128),
    12: (256, 256),
    14: (256, 256),
    17: (512, 256),
    19: (512, 512),
    21: (512, 512),
    24: (512, 512),
    26: (512, 512),
    28: (512, 512),
}


def state(seed: int = 0) -> State:
    """Half precision; scaled so that the size of the maps stays about the same from layer to layer (He et al. 2015)."""
    random = torch.Generator().manual_seed(seed)
    found: State = {}
    for index, (outputs, inputs) in CONVOLUTIONS.items():
        scale = (2 / (9 * inputs)) ** 0.5
        found[f"features.{index}.weight"] = (torch.randn(outputs, inputs, 3, 3, generator=random) * scale).half()
        found[f"features.{index}.bias"] = (torch.randn(outputs, generator=random) * 0.1).half()
    return found


def write(folder: Path) -> Path:
    """The file, safetensors."""
    save_file(state(), folder / "vgg16.safetensors")
    return folder / "vgg16.safetensors"


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Even noise in [-1, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
