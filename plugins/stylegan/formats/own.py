"""Our own files: safetensors under canonical names, with a JSON header under the metadata key ``i2i``."""

from __future__ import annotations

from typing import Any

import i2i
from i2i import Contents

from .canonical import KINDS, weights
from .trees import flatten

LICENCE = "unknown"


def header_of(contents: Contents) -> dict[str, Any] | None:
    """The header of one of our files with a StyleGAN in it, or None for any other file."""
    return contents.header if contents.header.get("family") in list(KINDS) else None


def holds(contents: Contents) -> bool:
    """Whether the file is one that ``i2i convert`` wrote, with a StyleGAN in it."""
    return header_of(contents) is not None


def generator(contents: Contents) -> i2i.Weights | None:
    """The generator, under the family that the header names."""
    found = _weights(contents)
    return None if found is None or found.family.endswith("discriminator") else found


def discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator, where the file is one."""
    found = _weights(contents)
    return found if found is not None and found.family.endswith("discriminator") else None


def _weights(contents: Contents) -> i2i.Weights | None:
    header = header_of(contents)
    if header is None:
        return None
    arguments = header.get("arguments")
    return weights(header["family"], flatten(contents.tree), arguments if isinstance(arguments, dict) else {})
