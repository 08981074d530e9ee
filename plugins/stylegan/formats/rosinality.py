"""Checkpoints of rosinality/stylegan2-pytorch and of projects that use its names, such as e4e and pSp.

A file holds ``g_ema`` (and ``g``, ``d``, ``latent_avg``), or the state dict itself, or ``decoder.*`` beside an encoder.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import i2i
from i2i import Contents

from .canonical_weights import weights
from .name_tables import NameRule, noise_map, translate
from .state_dicts import LICENCE
from .stored_tensors import UnreadTensor, UnreadTensors, flatten, prefix_of, under

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
    """Return the canonical name of ``convs.N``: two for each resolution, from 8 px on."""
    return f"synthesis.b{8 << int(match[1]) // 2}.conv{int(match[1]) % 2}"


def _level(match: re.Match[str]) -> str:
    """Return the canonical name of the block of ``to_rgbs.N``, from 8 px on."""
    return f"synthesis.b{8 << int(match[1])}"


def _of(layer: Callable[[re.Match[str]], str], leaf: str) -> Callable[[re.Match[str]], str]:
    """Return a function from a match to the name of a tensor of the layer that it names."""
    return lambda match: f"{layer(match)}.{leaf}"


def _generator_table() -> list[NameRule]:
    rows: list[NameRule] = [
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


def _discriminator_table(resolution: int) -> list[NameRule]:
    """Return the table; ``convs.0`` is fromRGB, ``convs.1`` has the full resolution, each next one half of it."""
    rows: list[NameRule] = [
        (r"convs\.0\.0\.weight", f"b{resolution}.fromrgb.weight", "same"),
        (r"convs\.0\.1\.bias", f"b{resolution}.fromrgb.bias", "same"),
        (r"final_conv\.0\.weight", "b4.conv.weight", "same"),
        (r"final_conv\.1\.bias", "b4.conv.bias", "same"),
        (r"final_linear\.0\.(weight|bias)", r"b4.fc.\1", "same"),
        (r"final_linear\.1\.(weight|bias)", r"b4.out.\1", "same"),
    ]
    tensors = {
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

    return rows + [(rf"convs\.(\d{{1,2}})\.{leaf}", _of(level, target), "same") for leaf, target in tensors.items()]


def _discriminator_prefix(tensors: UnreadTensors) -> str | None:
    """Return the prefix of the discriminator; other networks have a ``final_linear`` too, so ``convs.0`` must exist."""
    prefix = prefix_of(tensors, DISCRIMINATOR)
    return prefix if prefix is not None and f"{prefix}convs.0.0.weight" in tensors else None


def _without(tensors: UnreadTensors, *names: str) -> UnreadTensors:
    return {name: stored for name, stored in tensors.items() if name not in names}


def _mean_of_w(tensors: UnreadTensors, prefix: str) -> UnreadTensor | None:
    """Return ``latent_avg`` beside the generator or further out: ``(w_dim,)``, also from ``(num_ws, w_dim)``."""
    parts = prefix.split(".")[:-1]
    candidates = [".".join((*parts[:count], "latent_avg")) for count in range(len(parts), -1, -1)]
    stored = next((tensors[name] for name in candidates if name in tensors), None)
    if stored is None or len(stored.shape) != 2:
        return stored
    return stored.converted(
        stored.shape[1:], lambda layers: layers[0] if bool((layers == layers[0]).all()) else layers.float().mean(0)
    )


class RosinalityFormat:
    """Checkpoints of rosinality/stylegan2-pytorch and of the projects built on it."""

    licence = LICENCE

    def holds(self, contents: Contents) -> bool:
        """Return whether the file holds tensors under rosinality's names."""
        names = flatten(contents.tree)
        return prefix_of(names, GENERATOR) is not None or _discriminator_prefix(names) is not None

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the generator, an averaged one first, with the mean of w from ``latent_avg``; or None."""
        tensors = flatten(contents.tree)
        prefix = prefix_of(tensors, GENERATOR)
        if prefix is None:
            return None
        translated = translate(_without(under(tensors, prefix), "latent_avg"), _generator_table())
        mean = _mean_of_w(tensors, prefix)
        return weights("stylegan2", translated if mean is None else translated | {"mapping.w_avg": mean}, {})

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None where there is none."""
        tensors = flatten(contents.tree)
        prefix = _discriminator_prefix(tensors)
        if prefix is None:
            return None
        own = under(tensors, prefix)
        blocks = {match[1] for match in (re.match(r"convs\.([1-9]\d?)\.", name) for name in own) if match}
        return weights("stylegan2-discriminator", translate(own, _discriminator_table(4 << len(blocks))), {})
