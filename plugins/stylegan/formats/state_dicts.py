"""State dicts with NVlabs' names: files that i2i wrote, and those of others, in any wrapping.

Wrappings are ``G_ema.``, ``module.``, a dictionary within a dictionary. A file of i2i is a safetensors file with a JSON
header under the metadata key ``i2i``, which holds family and arguments. Other state dicts carry no arguments, so
NVlabs' defaults apply; a StyleGAN2 is assumed not to clamp its activations.
"""

from __future__ import annotations

import re
from typing import Any

import i2i
from i2i import Contents

from .canonical_weights import FAMILIES, weights
from .stored_tensors import UnreadTensors, flatten, prefix_of, under

LICENCE = "unknown: the file names no author and no licence"
GENERATOR = r"synthesis\.(b\d+\.conv1\.affine\.weight|input\.affine\.weight)"
DISCRIMINATOR = r"b\d+\.fromrgb\.weight"


class I2IFormat:
    """Files that ``i2i convert`` and training write."""

    licence = "unknown"

    def holds(self, contents: Contents) -> bool:
        """Return whether i2i wrote the file, with a StyleGAN in it."""
        return header_of(contents) is not None

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the generator; None for a discriminator."""
        stored = self._read(contents)
        return None if stored is None or stored.family.endswith("discriminator") else stored

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None for a generator."""
        stored = self._read(contents)
        return stored if stored is not None and stored.family.endswith("discriminator") else None

    def _read(self, contents: Contents) -> i2i.Weights | None:
        header = header_of(contents)
        if header is None:
            return None
        arguments = header.get("arguments")
        return weights(header["family"], flatten(contents.tree), arguments if isinstance(arguments, dict) else {})


class StateDictFormat:
    """State dicts with NVlabs' names and no header."""

    licence = LICENCE

    def holds(self, contents: Contents) -> bool:
        """Return whether the file holds tensors under NVlabs' names."""
        names = flatten(contents.tree)
        return prefix_of(names, GENERATOR) is not None or prefix_of(names, DISCRIMINATOR) is not None

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the generator, an averaged one first; None where there is none."""
        tensors = _network(contents, GENERATOR, r"(mapping|synthesis)\..*")
        if tensors is None:
            return None
        family = "stylegan3" if any(name.startswith("synthesis.input.") for name in tensors) else "stylegan2"
        return weights(family, tensors, {})

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None where there is none."""
        tensors = _network(contents, DISCRIMINATOR, r"(mapping|b\d+)\..*")
        return None if tensors is None else weights("stylegan2-discriminator", tensors, {})


def header_of(contents: Contents) -> dict[str, Any] | None:
    """Return the header of a file that i2i wrote with a StyleGAN in it; None for any other file."""
    return contents.header if contents.header.get("family") in list(FAMILIES) else None


def _network(contents: Contents, marker: str, names: str) -> UnreadTensors | None:
    """Return the tensors of one network without their prefix; None where there is none."""
    tensors = flatten(contents.tree)
    prefix = prefix_of(tensors, marker)
    if prefix is None:
        return None
    return {name: stored for name, stored in under(tensors, prefix).items() if re.fullmatch(names, name)}
