"""StyleGAN2 pickled by NVlabs' TensorFlow code (StyleGAN2 configurations E and F, StyleGAN2-ADA).

Kernels lie as height, width, in, out; dense weights as in, out; the one that styles are moved by is not in the bias;
and the kernels of the generator's up-sampling convolutions are turned by 180 degrees.
"""

from __future__ import annotations

import re
from typing import Any

import i2i
from i2i import Contents, Record

from .canonical import weights
from .nvlabs import LICENCE as LICENCE
from .translation import Row, noise_map, translate
from .trees import DEPTH, Leaf, Leaves, leaf, part

NETWORK = "dnnlib.tflib.network.Network"
OURS = ("synthesis/", "mapping/", "4x4/Dense0/")
"""How names of variables begin in a StyleGAN's generator or, the last, in its discriminator."""
OLDEST = 4
"""The oldest version of the pickle whose networks are known."""

USUAL = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "resample_kernel": [1, 3, 3, 1],
}
"""Settings that i2i builds with one value alone, which is the default."""

STYLED = {
    "weight": ("weight", "kernel"),
    "bias": ("bias", "same"),
    "noise_strength": ("noise_strength", "same"),
    "mod_weight": ("affine.weight", "dense"),
    "mod_bias": ("affine.bias", "plus one"),
}


def _generator_table() -> list[Row]:
    rows: list[Row] = [
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


DISCRIMINATOR: list[Row] = [
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


def holds(contents: Contents) -> bool:
    """Whether the file holds networks of TensorFlow's days: generator, discriminator, averaged generator; or one."""
    networks = _networks(contents.tree)
    return bool(networks) and any(name.startswith(OURS) for name in _variables(networks[-1]))


def generator(contents: Contents) -> i2i.Weights | None:
    """The averaged generator.

    Raises:
        I2IError: it is a StyleGAN1, or a StyleGAN2 of another build than configurations E and F.
    """
    networks = _networks(contents.tree)
    network = networks[-1] if networks else None
    variables = _variables(network)
    if network is None or not any(name.startswith(OURS[:2]) for name in variables):
        return None
    _check(network, variables)
    settings = part(network.state, "static_kwargs")
    given = {"conv_clamp": settings.get("conv_clamp"), "lr_multiplier": settings.get("mapping_lrmul", 0.01)}
    return weights("stylegan2", translate(variables, _generator_table()), given)


def discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator, where the file has one."""
    networks = _networks(contents.tree)
    network = networks[min(1, len(networks) - 1)] if networks else None
    variables = _variables(network)
    if network is None or "Output/weight" not in variables:
        return None
    _check(network, variables)
    settings = part(network.state, "static_kwargs")
    # StyleGAN2's own code counts in fours, StyleGAN2-ADA's takes the whole batch, where nothing is said
    group = 4 if network.state.get("build_func_name") == "D_stylegan2" else None
    given = {
        "conv_clamp": settings.get("conv_clamp"),
        "mbstd_group_size": settings.get("mbstd_group_size", group),
        "lr_multiplier": settings.get("mapping_lrmul", 0.1),
    }
    return weights("stylegan2-discriminator", translate(variables, DISCRIMINATOR), given)


def _networks(tree: Any) -> list[Record]:
    networks = [tree] if isinstance(tree, Record) else list(tree) if isinstance(tree, (tuple, list)) else []
    sound = len(networks) in (1, 3) and all(isinstance(net, Record) and net.class_name == NETWORK for net in networks)
    return networks if sound else []


def _variables(network: Record | None, prefix: str = "", depth: int = 0) -> Leaves:
    """The variables of a network and of its components, by path; ``lod``, which only training uses, is left out."""
    found: Leaves = {}
    stored = network.state.get("variables") if network else None
    for item in stored if isinstance(stored, (list, tuple)) else ():
        name, value = item if isinstance(item, (list, tuple)) and len(item) == 2 else ("", None)
        one = _number(value) if isinstance(value, (int, float)) else leaf(value)
        if isinstance(name, str) and one and name != "lod":
            found[prefix + name] = one
    for name, component in part(network.state, "components").items() if network and depth < DEPTH else ():
        if isinstance(component, Record):
            found |= _variables(component, f"{prefix}{name}/", depth + 1)
    return found


def _number(value: float) -> Leaf:
    """TensorFlow's variables of no dimension lie in the file as numbers."""
    import torch

    return Leaf((), lambda: torch.tensor(float(value)))


def _check(network: Record, variables: Leaves) -> None:
    """Refuse what looks like StyleGAN2 and would be drawn wrongly."""
    instead = "use a StyleGAN2 of configuration E or F, or a StyleGAN2-ADA."
    if any("/StyleMod/" in name for name in variables):
        raise i2i.I2IError(f"it holds a StyleGAN1 (or configuration A of StyleGAN2), which i2i cannot build; {instead}")
    version = network.state.get("version")
    if not isinstance(version, int) or version < OLDEST:
        raise i2i.I2IError(
            f"it is a TensorFlow pickle of version {version!r}, and i2i reads {OLDEST} and up; {instead}"
        )
    if any(re.search(r"(^|/)(To|From)RGB_lod\d", name) for name in variables):
        raise i2i.I2IError(f"it holds a StyleGAN2 of configuration B, C or D, which i2i cannot build; {instead}")
    settings = part(network.state, "static_kwargs")
    if "mapping/LabelConcat/weight" in variables or (
        settings.get("label_size") and "Output/weight" in variables and "LabelEmbed/weight" not in variables
    ):
        raise i2i.I2IError(
            "it was trained on classes by StyleGAN2's first code, whose way of joining them i2i cannot build; "
            "use a StyleGAN2-ADA trained on classes."
        )
    for name, usual in USUAL.items():
        value = settings.get(name, usual)
        if (list(value) if isinstance(value, (list, tuple)) else value) != usual:
            raise i2i.I2IError(
                f"its network was built with {name}={str(value)[:30]}; i2i builds {usual} alone: {instead}"
            )
