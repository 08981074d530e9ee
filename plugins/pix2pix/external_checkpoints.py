"""Checkpoints of pytorch-CycleGAN-and-pix2pix, read as our networks by translating their keys.

https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
"""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor, nn

import i2i

from .networks import Norm, PatchGAN, ResNet, UNet

State = dict[str, Tensor]


def read_unet(state: State, levels: int) -> nn.Module:
    """Read a U-Net, whose blocks are nested: ``model.model.1.model.3.model. ...``.

    Raises:
        I2IError: the keys or shapes are not those of a U-Net with ``levels`` levels.
    """
    width = _shape(state, "model.model.0.weight")[0]
    norm: Norm = "batch" if any(key.endswith("running_mean") for key in state) else "plain"
    renamed = {_unet_key(key, levels, norm): value for key, value in state.items()}
    return _load_all(UNet(levels, width, norm, dropout="common"), renamed, f"unet{2**levels}")


def _unet_key(key: str, levels: int, norm: Norm) -> str:
    """Translate one key; the outermost block is [conv, block, relu, upconv], the next [act, conv, norm, block, ...]."""
    match = re.fullmatch(r"model((?:\.model\.\d+)+)\.(\w+)", key)
    path = [int(number) for number in re.findall(r"\d+", match.group(1))] if match else []
    level = len(path) - 1
    if not match or not 0 <= level < levels:
        raise i2i.I2IError(f"{key!r} is no key of a U-Net with {levels} levels; check the kind.")
    last, leaf = path[-1], match.group(2)
    if level == 0:
        names = {0: "down.0.0", 3: "up.0.1"}
    elif level == levels - 1:
        names = {1: f"down.{level}.1", 3: f"up.{level}.1", 4: f"up.{level}.2"}
    else:
        names = {1: f"down.{level}.1", 2: f"down.{level}.2", 5: f"up.{level}.1", 6: f"up.{level}.2"}
    if last not in names:
        raise i2i.I2IError(f"{key!r} is no key of a U-Net with {levels} levels; check the kind.")
    return f"{names[last]}.{leaf}"


def read_resnet9(state: State) -> nn.Module:
    """Read a ResNet generator with nine blocks: ``model.0`` to ``model.26``, blocks ``model.N.conv_block.M``.

    Raises:
        I2IError: the keys or shapes are not those of this network.
    """
    width = _shape(state, "model.1.weight")[0]
    norm: Norm = "batch" if any(key.endswith("running_mean") for key in state) else "plain"
    renamed = {
        re.sub(r"^model\.", "layers.", key).replace("conv_block", "layers"): value for key, value in state.items()
    }
    return _load_all(ResNet(9, width, norm), _without_dropout(renamed), "resnet9")


def _without_dropout(state: State) -> State:
    """Rename the keys of blocks with dropout, where the second convolution has an index one higher."""
    if not any(".layers.6." in key for key in state):
        return state
    return {
        re.sub(r"\.layers\.([67])\.", lambda m: f".layers.{int(m[1]) - 1}.", key): value for key, value in state.items()
    }


def read_patchgan(state: State) -> nn.Module:
    """Read a PatchGAN discriminator: ``model.0``, ``model.2``, ``model.3``, ...

    Raises:
        I2IError: the keys or shapes are not those of this network.
    """
    first = _shape(state, "model.0.weight")
    norm: Norm = "batch" if any(key.endswith("running_mean") for key in state) else "plain"
    layers = sum(key.endswith("weight") and value.dim() == 4 for key, value in state.items()) - 2
    renamed = {re.sub(r"^model\.", "layers.", key): value for key, value in state.items()}
    return _load_all(PatchGAN(layers, first[0], norm, channels=first[1]), renamed, "patchgan")


def _shape(state: State, key: str) -> tuple[int, ...]:
    if key not in state or state[key].dim() != 4:
        raise i2i.I2IError(f"the file has no convolution weight {key!r}, so it is not of this kind; check the kind.")
    return tuple(state[key].shape)


def _load_all(network: nn.Module, state: State, kind: str) -> nn.Module:
    """Load a state dict and refuse missing and unknown keys, except those of running statistics."""
    own = network.state_dict()
    state = {
        key: value for key, value in state.items() if key in own or not key.endswith(("running_mean", "running_var"))
    }
    wrong = sorted(own.keys() ^ state.keys()) or [key for key in own if own[key].shape != state[key].shape]
    wrong = [key for key in wrong if not key.endswith("num_batches_tracked")]
    if wrong:
        raise i2i.I2IError(
            f"the file does not fit the kind {kind!r} ({len(wrong)} keys, such as {wrong[0]!r}); check the kind."
        )
    network.load_state_dict(state, strict=False)
    return network.eval()


KINDS: dict[str, Callable[[State], nn.Module]] = {
    "unet256": lambda state: read_unet(state, 8),
    "unet128": lambda state: read_unet(state, 7),
    "resnet9": read_resnet9,
    "patchgan": read_patchgan,
}
