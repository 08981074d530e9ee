"""The files in which other code bases would keep a network: from NVlabs' names to theirs.

Trees hold tensors, arrays and ``Record``, as ``stored`` takes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from i2i import Record
from tests.plugins.stylegan.small_networks import Tensors

NETWORK = "dnnlib.tflib.network.Network"
BUFFERS = {"resample_filter", "noise_const", "w_avg", "freqs", "phases", "transform", "magnitude_ema"}
BUFFERS |= {"up_filter", "down_filter"}


def record(tensors: Tensors, name: str = "Generator", **attributes: Any) -> Record:
    """A module as NVlabs' code pickles it; ``attributes`` are those of the network itself."""
    root = _module(name, **attributes)
    for path, value in tensors.items():
        *modules, leaf = path.split(".")
        node = root
        for module in modules:
            node = node.state["_modules"].setdefault(module, _module("Layer"))
        node.state["_buffers" if leaf in BUFFERS else "_parameters"][leaf] = value
    return root


def _module(name: str, **attributes: Any) -> Record:
    return Record(name, {"training": False, "_parameters": {}, "_buffers": {}, "_modules": {}, **attributes})


def attribute(root: Record, pattern_end: tuple[str, ...], **values: Any) -> Record:
    """Give attributes to every module whose name ends so."""
    for name, child in root.state["_modules"].items():
        if name.endswith(pattern_end):
            child.state.update(values)
        attribute(child, pattern_end, **values)
    return root


def nvlabs(generator: Tensors, critic: Tensors | None = None) -> dict[str, Any]:
    """The dict of a training run, whose ``G`` is another network than its average."""
    tree: dict[str, Any] = {
        "G": record({name: value * 2 for name, value in generator.items()}),
        "training_set_kwargs": None,
    }
    tree |= {"D": record(critic, "Discriminator")} if critic else {}
    return tree | {"G_ema": record(generator), "augment_pipe": None}


def tensorflow(generator: Tensors, critic: Tensors, version: int = 4, **settings: Any) -> tuple[Record, Record, Record]:
    """``(G, D, Gs)``; G is Gs times two, so that the wrong one is noticed."""
    other = {name: value * 2 for name, value in generator.items()}
    return (
        _network(_generator_variables(other), version, settings),
        _network({"": _discriminator_variables(critic)}, version, settings, "D_main"),
        _network(_generator_variables(generator), version, settings),
    )


def _network(
    variables: dict[str, dict[str, Any]], version: int, settings: dict[str, Any], func: str = "G_main"
) -> Record:
    parts = {name: _network({"": values}, version, {}, f"G_{name}") for name, values in variables.items() if name}
    state = {"version": version, "name": func, "static_kwargs": dict(settings), "components": parts}
    state |= {"build_func_name": func, "build_module_src": "raise SystemExit"}
    return Record(NETWORK, state | {"variables": list(variables[""].items())})


def _hwio(kernel: Tensor, turned: bool = False) -> np.ndarray:
    lying = np.transpose(kernel.numpy(), (2, 3, 1, 0))
    return np.ascontiguousarray(lying[::-1, ::-1] if turned else lying)


def _generator_variables(tensors: Tensors) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"": {"lod": np.float32(0)}, "mapping": {}, "synthesis": {}}
    for name, value in tensors.items():
        part, layer, *_, leaf = *name.split(".")[:2], name.split(".")[-1]
        if name == "mapping.w_avg":
            found[""]["dlatent_avg"] = value.numpy()
        elif part == "mapping":
            place = "LabelEmbed" if layer == "embed" else f"Dense{layer[2:]}"
            found["mapping"][f"{place}/{leaf}"] = np.ascontiguousarray(value.numpy().T)
        elif leaf == "const":
            found["synthesis"]["4x4/Const/const"] = value.numpy()[None]
        elif leaf == "noise_const":
            exponent = len(value).bit_length() - 1
            number = 0 if exponent == 2 else 2 * exponent - (5 if ".conv0." in name else 4)
            found["synthesis"][f"noise{number}"] = value.numpy()[None, None]
        elif leaf != "resample_filter":
            size, sub = layer[1:], name.split(".")[2]
            scope = {"conv0": "Conv0_up", "conv1": "Conv" if size == "4" else "Conv1", "torgb": "ToRGB", "skip": "Skip"}
            if ".affine." in name:
                variable, stored = f"mod_{leaf}", value.numpy().T if leaf == "weight" else value.numpy() - 1
            elif leaf == "weight":
                variable, stored = leaf, _hwio(value, turned=sub in ("conv0", "skip"))
            else:
                variable, stored = leaf, value.numpy() if value.dim() else np.float32(value.item())
            found["synthesis"][f"{size}x{size}/{scope[sub]}/{variable}"] = stored
    return found


def _discriminator_variables(tensors: Tensors) -> dict[str, Any]:
    places = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv"}
    found = {}
    for name, value in tensors.items():
        top, *middle, leaf = name.split(".")
        if leaf == "resample_filter":
            continue
        layer = middle[0]
        if top == "mapping":
            place = "LabelEmbed" if layer == "embed" else f"Mapping{layer[2:]}"
        elif layer in ("fc", "out"):
            place = {"fc": "4x4/Dense0", "out": "Output"}[layer]
        else:
            place = f"{top[1:]}x{top[1:]}/{places[layer]}"
        found[f"{place}/{leaf}"] = _hwio(value) if value.dim() == 4 else np.ascontiguousarray(value.numpy().T)
    return found


def rosinality(tensors: Tensors) -> Tensors:
    """The state dict of rosinality's generator; the mean of w is not in it."""
    leaves = {"weight": "conv.weight", "bias": "activate.bias", "noise_strength": "noise.weight"}
    leaves |= {"affine.weight": "conv.modulation.weight", "affine.bias": "conv.modulation.bias"}
    found = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if parts[0] == "mapping":
            if parts[1] != "w_avg":
                found[f"style.{int(parts[1][2:]) + 1}.{parts[2]}"] = value
        elif parts[2] == "const":
            found["input.input"] = value[None]
        elif parts[2] != "resample_filter":
            level, layer, leaf = int(parts[1][1:]).bit_length() - 3, parts[2], ".".join(parts[3:])
            place = "conv1" if level == 0 else f"convs.{2 * level - 2 + int(layer == 'conv1')}"
            if layer == "torgb":
                place = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
            if leaf == "noise_const":
                found[f"noises.noise_{2 * level - int(layer == 'conv0')}"] = value[None, None]
            elif leaf == "resample_filter":
                found |= {f"{place}.conv.blur.kernel": value * 4} if layer == "conv0" else {}
            elif layer == "torgb" and leaf == "bias":
                found[f"{place}.bias"] = value[None, :, None, None]
            else:
                one = value[None] if leaf in ("weight", "noise_strength") else value
                found[f"{place}.{leaves[leaf]}"] = one
        elif parts[1] != "b4":
            found[f"to_rgbs.{int(parts[1][1:]).bit_length() - 4}.upsample.kernel"] = value * 4
    return found


def rosinality_discriminator(tensors: Tensors) -> Tensors:
    """The state dict of rosinality's discriminator."""
    largest = max(int(name.split(".")[0][1:]) for name in tensors)
    leaves = {"conv0.weight": "conv1.0.weight", "conv0.bias": "conv1.1.bias", "conv1.weight": "conv2.1.weight"}
    leaves |= {"conv1.bias": "conv2.2.bias", "skip.weight": "skip.1.weight"}
    leaves |= {"conv1.resample_filter": "conv2.0.kernel", "skip.resample_filter": "skip.0.kernel"}
    tops = {f"b{largest}.fromrgb.weight": "convs.0.0.weight", f"b{largest}.fromrgb.bias": "convs.0.1.bias"}
    tops |= {"b4.conv.weight": "final_conv.0.weight", "b4.conv.bias": "final_conv.1.bias"}
    tops |= {f"b4.fc.{leaf}": f"final_linear.0.{leaf}" for leaf in ("weight", "bias")}
    tops |= {f"b4.out.{leaf}": f"final_linear.1.{leaf}" for leaf in ("weight", "bias")}
    found = {}
    for name, value in tensors.items():
        level, _, leaf = name.partition(".")
        if name in tops:
            found[tops[name]] = value
        elif leaf in leaves:
            place = (largest // int(level[1:])).bit_length()
            found[f"convs.{place}.{leaves[leaf]}"] = value
    return found
