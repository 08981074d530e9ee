"""State dicts under NVlabs' names, whatever they are wrapped in: ``G_ema.``, ``module.``, a dict within a dict.

They carry no arguments, so NVlabs' defaults hold; a StyleGAN2 is taken not to clamp.
"""

from __future__ import annotations

import re

import i2i
from i2i import Contents

from .canonical import weights
from .trees import Leaves, flatten, prefix_of, under

LICENCE = "unknown: the file names no author and no licence"
GENERATOR = r"synthesis\.(b\d+\.conv1\.affine\.weight|input\.affine\.weight)"
DISCRIMINATOR = r"b\d+\.fromrgb\.weight"


def holds(contents: Contents) -> bool:
    """Whether the file holds tensors under NVlabs' names."""
    names = flatten(contents.tree)
    return prefix_of(names, GENERATOR) is not None or prefix_of(names, DISCRIMINATOR) is not None


def generator(contents: Contents) -> i2i.Weights | None:
    """The generator, an averaged one first."""
    leaves = _network(contents, GENERATOR, r"(mapping|synthesis)\..*")
    if leaves is None:
        return None
    family = "stylegan3" if any(name.startswith("synthesis.input.") for name in leaves) else "stylegan2"
    return weights(family, leaves, {})


def discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator, where the file has one."""
    leaves = _network(contents, DISCRIMINATOR, r"(mapping|b\d+)\..*")
    return None if leaves is None else weights("stylegan2-discriminator", leaves, {})


def _network(contents: Contents, marker: str, names: str) -> Leaves | None:
    """The tensors of one network without their prefix, or None where there is none."""
    leaves = flatten(contents.tree)
    prefix = prefix_of(leaves, marker)
    if prefix is None:
        return None
    return {name: stored for name, stored in under(leaves, prefix).items() if re.fullmatch(names, name)}
