"""StyleGAN2 pickled by NVlabs' TensorFlow code (StyleGAN2 configurations E and F, StyleGAN2-ADA).

Kernels have the axes height, width, in, out, and dense weights in, out. The bias of an affine layer lacks the 1 that is
added to styles. Kernels of the generator's upsampling convolutions are rotated by 180 degrees.
"""

from __future__ import annotations

import re
from typing import Any

import torch

import i2i
from i2i import Contents, Record

from .canonical_weights import weights
from .name_tables import NameRule, noise_map, translate
from .nvlabs_pytorch import LICENCE
from .stored_tensors import DEPTH, UnreadTensor, UnreadTensors, part, unread

NETWORK = "dnnlib.tflib.network.Network"
STYLEGAN_PREFIXES = ("synthesis/", "mapping/", "4x4/Dense0/")
"""Prefixes of variable names in a StyleGAN's generator or, the last one, in its discriminator."""
OLDEST_VERSION = 4
"""Oldest supported version of the pickle."""

SUPPORTED = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "resample_kernel": [1, 3, 3, 1],
}
"""Settings of which i2i supports one value, the default."""

STYLED = {
    "weight": ("weight", "kernel"),
    "bias": ("bias", "same"),
    "noise_strength": ("noise_strength", "same"),
    "mod_weight": ("affine.weight", "dense"),
    "mod_bias": ("affine.bias", "plus one"),
}


def _generator_table() -> list[NameRule]:
    rows: list[NameRule] = [
        (r"dlatent_avg", "mapping.w_avg", "same"),
        (r"mapping/LabelEmbed/weight", "mapping.embed.weight", "dense"),
        (r"mapping/LabelEmbed/bias", "mapping.embed.bias", "same"),
        (r"mapping/Dense(\d+)/weight", r"mapping.fc\1.weight", "dense"),
        (r"mapping/Dense(\d+)/bias", r"mapping.fc\1.bias", "same"),
        (r"synthesis/4x4/Const/const", "synthesis.b4.const", "first of four"),
        (r"synthesis/noise(\d{1,2})", noise_map, "map"),
        (r"synthesis/(\d+)x\1/Skip/weight", r"synthesis.b\1.skip.weight", "turned kernel"),
    ]
    layers = {r"4x4/Conv": "b4.conv1", r"(\d+)x\1/Conv0_up": r"b\1.conv0"}
    layers |= {r"(\d+)x\1/Conv1": r"b\1.conv1", r"(\d+)x\1/ToRGB": r"b\1.torgb"}
    for name, layer in layers.items():
        for variable, (target, how) in STYLED.items():
            turned = "turned kernel" if name.endswith("Conv0_up") and how == "kernel" else how
            rows.append((f"synthesis/{name}/{variable}", f"synthesis.{layer}.{target}", turned))
    return rows


DISCRIMINATOR: list[NameRule] = [
    (r"(\d+)x\1/FromRGB/weight", r"b\1.fromrgb.weight", "kernel"),
    (r"(\d+)x\1/FromRGB/bias", r"b\1.fromrgb.bias", "same"),
    (r"(\d+)x\1/Conv0/weight", r"b\1.conv0.weight", "kernel"),
    (r"(\d+)x\1/Conv0/bias", r"b\1.conv0.bias", "same"),
    (r"(\d+)x\1/Conv1_down/weight", r"b\1.conv1.weight", "kernel"),
    (r"(\d+)x\1/Conv1_down/bias", r"b\1.conv1.bias", "same"),
    (r"(\d+)x\1/Skip/weight", r"b\1.skip.weight", "kernel"),
    (r"4x4/Conv/weight", "b4.conv.weight", "kernel"),
    (r"4x4/Conv/bias", "b4.conv.bias", "same"),
    (r"4x4/Dense0/weight", "b4.fc.weight", "dense"),
    (r"4x4/Dense0/bias", "b4.fc.bias", "same"),
    (r"Output/weight", "b4.out.weight", "dense"),
    (r"Output/bias", "b4.out.bias", "same"),
    (r"LabelEmbed/weight", "mapping.embed.weight", "dense"),
    (r"LabelEmbed/bias", "mapping.embed.bias", "same"),
    (r"Mapping(\d+)/weight", r"mapping.fc\1.weight", "dense"),
    (r"Mapping(\d+)/bias", r"mapping.fc\1.bias", "same"),
]


def _networks(tree: Any) -> list[Record]:
    networks = [tree] if isinstance(tree, Record) else list(tree) if isinstance(tree, (tuple, list)) else []
    valid = len(networks) in (1, 3) and all(isinstance(net, Record) and net.class_name == NETWORK for net in networks)
    return networks if valid else []


def _variables(network: Record | None, prefix: str = "", depth: int = 0) -> UnreadTensors:
    """The variables of a network and of its components, by path; ``lod``, which only training uses, is left out."""
    variables: UnreadTensors = {}
    stored = network.state.get("variables") if network else None
    for item in stored if isinstance(stored, (list, tuple)) else ():
        name, value = item if isinstance(item, (list, tuple)) and len(item) == 2 else ("", None)
        tensor = _scalar(value) if isinstance(value, (int, float)) else unread(value)
        if isinstance(name, str) and tensor and name != "lod":
            variables[prefix + name] = tensor
    for name, component in part(network.state, "components").items() if network and depth < DEPTH else ():
        if isinstance(component, Record):
            variables |= _variables(component, f"{prefix}{name}/", depth + 1)
    return variables


def _scalar(value: float) -> UnreadTensor:
    """Create a scalar tensor; TensorFlow stores such variables as plain numbers."""
    return UnreadTensor((), lambda: torch.tensor(float(value)))


def _check(network: Record, variables: UnreadTensors) -> None:
    """Refuse networks that look like StyleGAN2 but would render wrong images.

    Raises:
        I2IError: StyleGAN1, configurations A to D, an old pickle, or a setting that is not supported.
    """
    instead = "use a StyleGAN2 of configuration E or F, or a StyleGAN2-ADA."
    if any("/StyleMod/" in name for name in variables):
        raise i2i.I2IError(
            f"it holds a StyleGAN1 (or configuration A of StyleGAN2), which i2i does not support; {instead}"
        )
    version = network.state.get("version")
    if not isinstance(version, int) or version < OLDEST_VERSION:
        raise i2i.I2IError(
            f"it is a TensorFlow pickle of version {version!r}, and i2i reads {OLDEST_VERSION} and up; {instead}"
        )
    if any(re.search(r"(^|/)(To|From)RGB_lod\d", name) for name in variables):
        raise i2i.I2IError(f"it holds a StyleGAN2 of configuration B, C or D, which i2i does not support; {instead}")
    settings = part(network.state, "static_kwargs")
    if "mapping/LabelConcat/weight" in variables or (
        settings.get("label_size") and "Output/weight" in variables and "LabelEmbed/weight" not in variables
    ):
        raise i2i.I2IError(
            "it was trained on classes by StyleGAN2's first code, whose input of classes i2i does not support; "
            "use a StyleGAN2-ADA trained on classes."
        )
    for name, supported in SUPPORTED.items():
        value = settings.get(name, supported)
        if (list(value) if isinstance(value, (list, tuple)) else value) != supported:
            raise i2i.I2IError(
                f"its network was built with {name}={str(value)[:30]}; i2i supports {supported} only: {instead}"
            )


class NvlabsTensorFlowFormat:
    """Pickles of NVlabs' TensorFlow code."""

    licence = LICENCE

    def holds(self, contents: Contents) -> bool:
        """Return whether the file holds TensorFlow networks of a StyleGAN: all three, or one."""
        networks = _networks(contents.tree)
        return bool(networks) and any(name.startswith(STYLEGAN_PREFIXES) for name in _variables(networks[-1]))

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the averaged generator; None where there is none.

        Raises:
            I2IError: it is a StyleGAN1, or a StyleGAN2 of another build than configurations E and F.
        """
        networks = _networks(contents.tree)
        network = networks[-1] if networks else None
        variables = _variables(network)
        if network is None or not any(name.startswith(STYLEGAN_PREFIXES[:2]) for name in variables):
            return None
        _check(network, variables)
        settings = part(network.state, "static_kwargs")
        given = {"conv_clamp": settings.get("conv_clamp"), "lr_multiplier": settings.get("mapping_lrmul", 0.01)}
        return weights("stylegan2", translate(variables, _generator_table()), given)

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None where there is none."""
        networks = _networks(contents.tree)
        network = networks[min(1, len(networks) - 1)] if networks else None
        variables = _variables(network)
        if network is None or "Output/weight" not in variables:
            return None
        _check(network, variables)
        settings = part(network.state, "static_kwargs")
        # Default group size: 4 in StyleGAN2's code, the whole batch in StyleGAN2-ADA's.
        group = 4 if network.state.get("build_func_name") == "D_stylegan2" else None
        given = {
            "conv_clamp": settings.get("conv_clamp"),
            "mbstd_group_size": settings.get("mbstd_group_size", group),
            "lr_multiplier": settings.get("mapping_lrmul", 0.1),
        }
        return weights("stylegan2-discriminator", translate(variables, DISCRIMINATOR), given)
