"""Networks pickled by NVlabs' PyTorch code, StyleGAN2-ADA and StyleGAN3, and single modules such as PTI's tuned ones.

Each module of such a network carries its own attributes. They are what it was built with, so they are believed before
the arguments of the whole, whose layout and defaults differ between the two generations of the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import i2i
from i2i import Contents, Record

from .arguments import DEFAULTS, ONLY_STORED
from .canonical import weights
from .trees import Leaves, modules, parameters, part

LICENCE = (
    "NVIDIA Source Code License (non-commercial) if NVIDIA published these weights; "
    "the file, written by NVIDIA's code, does not say who trained them"
)
GENERATORS = ("G_ema", "G")
"""The average first: it makes the better pictures."""

States = Mapping[str, Mapping[str, Any]]
Network = tuple[States, Leaves]


def holds(contents: Contents) -> bool:
    """Whether the file holds a pickled generator of StyleGAN's, or its discriminator alone."""
    tree = contents.tree
    other = isinstance(tree, Mapping) and any(isinstance(tree.get(name), Record) for name in GENERATORS)
    return _generator(tree) is not None or (not other and _discriminator(tree) is not None)


def generator(contents: Contents) -> i2i.Weights | None:
    """The averaged generator, or the other where there is no average."""
    network = _generator(contents.tree)
    if network is None:
        return None
    states, leaves = network
    _check_activations(states)
    if "synthesis.input" in states:
        return weights("stylegan3", leaves, _stylegan3_arguments(states))
    return weights("stylegan2", leaves, _stylegan2_arguments(states))


def discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator, where the file has one."""
    network = _discriminator(contents.tree)
    if network is None:
        return None
    states, leaves = network
    _check_activations(states)
    return weights("stylegan2-discriminator", leaves, _discriminator_arguments(states))


def _networks(tree: Any, names: tuple[str, ...]) -> list[Network]:
    """The pickled networks under the names, or the one that the file is."""
    if isinstance(tree, Record):
        records = [tree]
    else:
        records = [tree[name] for name in names if isinstance(tree, Mapping) and isinstance(tree.get(name), Record)]
    return [(states, parameters(states)) for states in map(modules, records)]


def _generator(tree: Any) -> Network | None:
    """The first network that has a synthesis such as StyleGAN's."""
    found = (net for net in _networks(tree, GENERATORS) if {"synthesis.b4.conv1", "synthesis.input"} & net[0].keys())
    return next(found, None)


def _discriminator(tree: Any) -> Network | None:
    return next((net for net in _networks(tree, ("D",)) if {"b4.conv", "b4.out"} <= net[0].keys()), None)


def _check_activations(states: States) -> None:
    used = {str(state["activation"]) for state in states.values() if "activation" in state} - {"lrelu", "linear"}
    if used:
        raise i2i.I2IError(
            f"its network uses the activation {min(used)[:20]!r}; i2i builds StyleGAN with 'lrelu' alone."
        )


def _attribute(states: States, pattern: str, name: str) -> dict[str, Any]:
    """``{name: value}`` where the modules whose paths match carry an attribute, which must be the same in all."""
    values = [state[name] for path, state in states.items() if re.fullmatch(pattern, path) and name in state]
    if any(value != values[0] for value in values):
        raise i2i.I2IError(f"the layers of its network differ in {name!r}; i2i builds StyleGAN with one for all.")
    return {name: values[0]} if values else {}


def _keywords(states: States, names: tuple[str, ...]) -> dict[str, Any]:
    """What the network was built with: arguments by position under their names, then those by keyword."""
    positional = states[""].get("_init_args")
    return dict(zip(names, positional if isinstance(positional, (tuple, list)) else (), strict=False)) | dict(
        part(states[""], "_init_kwargs")
    )


def _mapping_arguments(states: States, keywords: Mapping[str, Any]) -> dict[str, Any]:
    gains = _attribute(states, r"mapping\.fc\d+", "bias_gain")
    if gains:
        return {"lr_multiplier": gains["bias_gain"]}
    stored = part(keywords, "mapping_kwargs")
    return {"lr_multiplier": stored["lr_multiplier"]} if "lr_multiplier" in stored else {}


GENERATOR = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs", "synthesis_kwargs")
DISCRIMINATOR = (
    *("c_dim", "img_resolution", "img_channels", "architecture", "channel_base", "channel_max", "num_fp16_res"),
    *("conv_clamp", "cmap_dim", "block_kwargs", "mapping_kwargs", "epilogue_kwargs"),
)
"""The parameters of NVlabs' classes, in order."""


def _stylegan2_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, GENERATOR)
    if "synthesis_kwargs" in keywords:  # StyleGAN2-ADA nests them, and clamps nothing unless told to
        clamp = part(keywords, "synthesis_kwargs").get("conv_clamp")
    else:
        clamp = keywords.get("conv_clamp", 256)
    layers = _attribute(states, r"synthesis\.b\d+\.(conv[01]|torgb)", "conv_clamp")
    return {"conv_clamp": clamp} | layers | _mapping_arguments(states, keywords)


def _discriminator_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, DISCRIMINATOR)
    stored = part(keywords, "epilogue_kwargs")
    later = "in_features" in states.get("b4.fc", {})  # StyleGAN3's code notes it, StyleGAN2-ADA's does not
    found = {"conv_clamp": keywords.get("conv_clamp", 256 if later else None)}
    found |= {"mbstd_group_size": stored["mbstd_group_size"]} if "mbstd_group_size" in stored else {}
    found |= _attribute(states, r"b\d+\.conv[01]?", "conv_clamp")
    group = _attribute(states, r"b4\.mbstd", "group_size")
    found |= {"mbstd_group_size": group["group_size"]} if group else {}
    return found | _mapping_arguments(states, keywords)


def _stylegan3_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, GENERATOR)
    known = (*DEFAULTS["stylegan3"], *ONLY_STORED["stylegan3"])
    found = {name: keywords[name] for name in known if name in keywords}
    for name in ("num_critical", "margin_size", "output_scale"):
        found |= _attribute(states, r"synthesis", name)
    bandwidth = _attribute(states, r"synthesis\.input", "bandwidth")
    found |= {"first_cutoff": bandwidth["bandwidth"]} if bandwidth else {}
    found |= _attribute(states, r"synthesis\.L\d+_\d+_\d+", "conv_clamp")
    return found | _mapping_arguments(states, keywords)
