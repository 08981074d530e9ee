"""Networks pickled by NVlabs' PyTorch code, StyleGAN2-ADA and StyleGAN3, and single modules such as PTI's tuned ones.

Each module of such a network stores the attributes that it was built with. They take precedence over the arguments of
the whole network, whose layout and defaults differ between the two generations of the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import i2i
from i2i import Contents, Record

from .canonical_weights import weights
from .network_arguments import DEFAULTS, ONLY_STORED
from .stored_tensors import UnreadTensors, modules, parameters, part

GENERATORS = ("G_ema", "G")
"""Names of generators in a file; the averaged one first, as its images are better."""

LICENCE = (
    "NVIDIA Source Code License (non-commercial) if NVIDIA published these weights; "
    "the file, written by NVIDIA's code, does not say who trained them"
)
States = Mapping[str, Mapping[str, Any]]
Network = tuple[States, UnreadTensors]


def _networks(tree: Any, names: tuple[str, ...]) -> list[Network]:
    """Return the pickled networks under the names, or the network that is the whole file."""
    if isinstance(tree, Record):
        records = [tree]
    else:
        records = [tree[name] for name in names if isinstance(tree, Mapping) and isinstance(tree.get(name), Record)]
    return [(states, parameters(states)) for states in map(modules, records)]


def _generator(tree: Any) -> Network | None:
    """Return the first network with the synthesis network of a StyleGAN."""
    candidates = (
        net for net in _networks(tree, GENERATORS) if {"synthesis.b4.conv1", "synthesis.input"} & net[0].keys()
    )
    return next(candidates, None)


def _discriminator(tree: Any) -> Network | None:
    return next((net for net in _networks(tree, ("D",)) if {"b4.conv", "b4.out"} <= net[0].keys()), None)


def _check_activations(states: States) -> None:
    used = {str(state["activation"]) for state in states.values() if "activation" in state} - {"lrelu", "linear"}
    if used:
        raise i2i.I2IError(f"its network uses the activation {min(used)[:20]!r}; i2i supports 'lrelu' only.")


def _attribute(states: States, pattern: str, name: str) -> dict[str, Any]:
    """Return ``{name: value}`` of an attribute of the modules whose paths match; empty where none has it.

    Raises:
        I2IError: the modules have different values.
    """
    values = [state[name] for path, state in states.items() if re.fullmatch(pattern, path) and name in state]
    if any(value != values[0] for value in values):
        raise i2i.I2IError(f"the layers of its network differ in {name!r}; i2i supports one value for all layers.")
    return {name: values[0]} if values else {}


def _keywords(states: States, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the constructor's arguments by name: positional ones, then keywords."""
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
"""Parameters of the constructors of NVlabs' classes, in order."""


def _stylegan2_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, GENERATOR)
    if "synthesis_kwargs" in keywords:  # StyleGAN2-ADA nests them, and does not clamp by default
        clamp = part(keywords, "synthesis_kwargs").get("conv_clamp")
    else:
        clamp = keywords.get("conv_clamp", 256)
    layers = _attribute(states, r"synthesis\.b\d+\.(conv[01]|torgb)", "conv_clamp")
    return {"conv_clamp": clamp} | layers | _mapping_arguments(states, keywords)


def _discriminator_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, DISCRIMINATOR)
    stored = part(keywords, "epilogue_kwargs")
    stylegan3_code = "in_features" in states.get("b4.fc", {})  # StyleGAN2-ADA's code does not store it
    arguments = {"conv_clamp": keywords.get("conv_clamp", 256 if stylegan3_code else None)}
    arguments |= {"mbstd_group_size": stored["mbstd_group_size"]} if "mbstd_group_size" in stored else {}
    arguments |= _attribute(states, r"b\d+\.conv[01]?", "conv_clamp")
    group = _attribute(states, r"b4\.mbstd", "group_size")
    arguments |= {"mbstd_group_size": group["group_size"]} if group else {}
    return arguments | _mapping_arguments(states, keywords)


def _stylegan3_arguments(states: States) -> dict[str, Any]:
    keywords = _keywords(states, GENERATOR)
    names = (*DEFAULTS["stylegan3"], *ONLY_STORED["stylegan3"])
    arguments = {name: keywords[name] for name in names if name in keywords}
    for name in ("num_critical", "margin_size", "output_scale"):
        arguments |= _attribute(states, r"synthesis", name)
    bandwidth = _attribute(states, r"synthesis\.input", "bandwidth")
    arguments |= {"first_cutoff": bandwidth["bandwidth"]} if bandwidth else {}
    arguments |= _attribute(states, r"synthesis\.L\d+_\d+_\d+", "conv_clamp")
    return arguments | _mapping_arguments(states, keywords)


class NvlabsPyTorchFormat:
    """Pickles of NVlabs' PyTorch code, and of single modules."""

    licence = LICENCE

    def holds(self, contents: Contents) -> bool:
        """Return whether the file holds a pickled generator of a StyleGAN, or only its discriminator."""
        tree = contents.tree
        has_generator = isinstance(tree, Mapping) and any(isinstance(tree.get(name), Record) for name in GENERATORS)
        return _generator(tree) is not None or (not has_generator and _discriminator(tree) is not None)

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the averaged generator, or the trained one where there is no average."""
        network = _generator(contents.tree)
        if network is None:
            return None
        states, tensors = network
        _check_activations(states)
        if "synthesis.input" in states:
            return weights("stylegan3", tensors, _stylegan3_arguments(states))
        return weights("stylegan2", tensors, _stylegan2_arguments(states))

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None where there is none."""
        network = _discriminator(contents.tree)
        if network is None:
            return None
        states, tensors = network
        _check_activations(states)
        return weights("stylegan2-discriminator", tensors, _discriminator_arguments(states))
