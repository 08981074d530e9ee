"""The state-dict keys of the common reimplementation, in terms of ours: what its files would hold."""

from __future__ import annotations

import re

from torch import Tensor, nn


def unet_keys(network: nn.Module, levels: int) -> dict[str, Tensor]:
    """Our U-Net's tensors under the nested names ``model.model.1.model.3...``."""
    renamed = {}
    for key, value in network.state_dict().items():
        side, level, place, leaf = re.fullmatch(r"(down|up)\.(\d+)\.(\d)\.(\w+)", key).groups()
        level, place = int(level), int(place)
        if level == 0:
            last = 0 if side == "down" else 3
        elif level == levels - 1:
            last = place if side == "down" else place + 2
        else:
            last = place if side == "down" else place + 4
        path = "".join(".model.1" if above == 0 else ".model.3" for above in range(level))
        renamed[f"model{path}.model.{last}.{leaf}"] = value
    return renamed


def flat_keys(network: nn.Module) -> dict[str, Tensor]:
    """Our ResNet's or PatchGAN's tensors under the names ``model.N...``."""
    return {
        re.sub(r"\.layers\.", ".conv_block.", re.sub(r"^layers\.", "model.", key)): value
        for key, value in network.state_dict().items()
    }
