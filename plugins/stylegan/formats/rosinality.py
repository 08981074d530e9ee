"""Checkpoints of rosinality/stylegan2-pytorch and of what was built on it: e4e, pSp and others keep its names.

A file holds ``g_ema`` (and ``g``, ``d``, ``latent_avg``), or the state dict itself, or ``decoder.*`` beside an encoder.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import i2i
from i2i import Contents

from .canonical import weights
from .plain import LICENCE as LICENCE
from .translation import Row, noise_map, translate
from .trees import Leaf, Leaves, flatten, prefix_of, under

GENERATOR = r"(to_rgb1|convs\.\d+)\.conv\.modulation\.weight"
DISCRIMINATOR = r"final_linear\.1\.weight"

LAYER = {
    r"conv\.weight": ("weight", "first of five"),
    r"conv\.modulation\.weight": ("affine.weight", "same"),
    r"conv\.modulation\.bias": ("affine.bias", "same"),
}
STYLED = LAYER | {
    r"activate\.bias": ("bias", "same"),
    r"noise\.weight": ("noise_strength", "scalar"),
    r"conv\.blur\.kernel": ("resample_filter", "quarter"),
}
COLOURED = LAYER | {r"bias": ("bias", "channels")}


def _conv(match: re.Match[str]) -> str:
    """Which convolution of which level ``convs.N`` is: two a level, from 8 px on."""
    return f"synthesis.b{8 << int(match[1]) // 2}.conv{int(match[1]) % 2}"


def _level(match: re.Match[str]) -> str:
    """Which level ``to_rgbs.N`` is, from 8 px on."""
    return f"synthesis.b{8 << int(match[1])}"


def _of(layer: Callable[[re.Match[str]], str], leaf: str) -> Callable[[re.Match[str]], str]:
    """The name of a leaf of the layer that a match names."""
    return lambda match: f"{layer(match)}.{leaf}"


def _generator_table() -> list[Row]:
    rows: list[Row] = [
        (r"style\.(\d{1,2})\.(weight|bias)", lambda match: f"mapping.fc{int(match[1]) - 1}.{match[2]}", "same"),
        (r"input\.input", "synthesis.b4.const", "first of four"),
        (r"noises\.noise_(\d{1,2})", noise_map, "map"),
        (r"to_rgbs\.(\d{1,2})\.upsample\.kernel", _of(_level, "resample_filter"), "quarter"),
    ]
    for leaf, (target, how) in STYLED.items():
        rows.append((rf"conv1\.{leaf}", f"synthesis.b4.conv1.{target}", how))
        rows.append((rf"convs\.(\d{{1,2}})\.{leaf}", _of(_conv, target), how))
    for leaf, (target, how) in COLOURED.items():
        rows.append((rf"to_rgb1\.{leaf}", f"synthesis.b4.torgb.{target}", how))
        rows.append((rf"to_rgbs\.(\d{{1,2}})\.{leaf}", _of(_level, f"torgb.{target}"), how))
    return rows


def _discriminator_table(resolution: int) -> list[Row]:
    """``convs.0`` takes the picture in, ``convs.1`` works at its full height, and each next one at half of it."""
    rows: list[Row] = [
        (r"convs\.0\.0\.weight", f"b{resolution}.fromrgb.weight", "same"),
        (r"convs\.0\.1\.bias", f"b{resolution}.fromrgb.bias", "same"),
        (r"final_conv\.0\.weight", "b4.conv.weight", "same"),
        (r"final_conv\.1\.bias", "b4.conv.bias", "same"),
        (r"final_linear\.0\.(weight|bias)", r"b4.fc.\1", "same"),
        (r"final_linear\.1\.(weight|bias)", r"b4.out.\1", "same"),
    ]
    leaves = {
        r"conv1\.0\.weight": "conv0.weight",
        r"conv1\.1\.bias": "conv0.bias",
        r"conv2\.0\.kernel": "conv1.resample_filter",
        r"conv2\.1\.weight": "conv1.weight",
        r"conv2\.2\.bias": "conv1.bias",
        r"skip\.0\.kernel": "skip.resample_filter",
        r"skip\.1\.weight": "skip.weight",
    }

    def level(match: re.Match[str]) -> str:
        return f"b{2 * resolution >> int(match[1])}"

    return rows + [(rf"convs\.(\d{{1,2}})\.{leaf}", _of(level, target), "same") for leaf, target in leaves.items()]


def holds(contents: Contents) -> bool:
    """Whether the file holds tensors under rosinality's names."""
    names = flatten(contents.tree)
    return prefix_of(names, GENERATOR) is not None or _discriminator_prefix(names) is not None


def generator(contents: Contents) -> i2i.Weights | None:
    """The generator, the averaged one first; the mean of w from ``latent_avg`` beside it, where there is one."""
    leaves = flatten(contents.tree)
    prefix = prefix_of(leaves, GENERATOR)
    if prefix is None:
        return None
    found = translate(_without(under(leaves, prefix), "latent_avg"), _generator_table())
    mean = _mean_of_w(leaves, prefix)
    return weights("stylegan2", found if mean is None else found | {"mapping.w_avg": mean}, {})


def discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator, where the file has one."""
    leaves = flatten(contents.tree)
    prefix = _discriminator_prefix(leaves)
    if prefix is None:
        return None
    found = under(leaves, prefix)
    blocks = {match[1] for match in (re.match(r"convs\.([1-9]\d?)\.", name) for name in found) if match}
    return weights("stylegan2-discriminator", translate(found, _discriminator_table(4 << len(blocks))), {})


def _discriminator_prefix(leaves: Leaves) -> str | None:
    """Where the discriminator lies; other networks end in a ``final_linear`` too, so more than that must be there."""
    prefix = prefix_of(leaves, DISCRIMINATOR)
    return prefix if prefix is not None and f"{prefix}convs.0.0.weight" in leaves else None


def _without(leaves: Leaves, *names: str) -> Leaves:
    return {name: stored for name, stored in leaves.items() if name not in names}


def _mean_of_w(leaves: Leaves, prefix: str) -> Leaf | None:
    """``latent_avg`` from the level of the generator or one further out: ``(w,)``, or ``(rows, w)`` of equal rows."""
    parts = prefix.split(".")[:-1]
    homes = [".".join((*parts[:count], "latent_avg")) for count in range(len(parts), -1, -1)]
    stored = next((leaves[name] for name in homes if name in leaves), None)
    if stored is None or len(stored.shape) != 2:
        return stored
    return stored.changed(
        stored.shape[1:], lambda rows: rows[0] if bool((rows == rows[0]).all()) else rows.float().mean(0)
    )
