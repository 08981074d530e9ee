"""What is refused before a swap, and what is told after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import i2i

from .pairing import Pair, names_of

MANY = 3
"""Pairs that a note names before it only counts."""


def check_faces(scene: i2i.Scene) -> None:
    """Refuse photos without a face: landmarks answer to anything, and a face would be painted in.

    What a latent renders to is taken as it is, and so is everything where landmarks only read crops.

    Raises:
        I2IError: their extractor finds no face in what was cut out of a photo; names the photo.
    """
    reader: Any = scene.extractors["landmarks"]
    if not hasattr(reader, "find"):
        return
    for role in ("target", "source"):
        photos = scene.every[role]
        for photo, name in zip(photos, names_of(photos), strict=True):
            if photo.placement is not None and not reader.find(photo.pixels):
                raise i2i.I2IError(
                    f"{photo.path or name}: swap needs a face, and {reader.name} finds none in the part of the photo "
                    f"that the generator sees; give a {role} that one upright face fills by --image {role}=PATH."
                )


def tell(scene: i2i.Scene, pairs: Sequence[Pair], told: Sequence[Mapping[str, float]]) -> None:
    """Note where there was nothing to swap, and where the swap did harm; ``told`` is what was measured of each pair."""
    alike, worse = [], []
    for pair, numbers in zip(pairs, told, strict=True):
        before, after = numbers["identity/before"], numbers["identity/after"]
        name = f"{pair.target.name or 'the target'} with the face of {pair.source.name or 'the source'}"
        if "closed" not in numbers:
            alike.append(f"{name} (cosine {before:.2f})")
        elif after < before:
            worse.append(f"{name} (cosine {after:.2f} from {before:.2f})")
    if alike:
        scene.note(f"Shows the source's face from the start, so no share of a gap is told: {_listed(alike)}.")
    if worse:
        scene.note(
            f"Less like the source than before: {_listed(worse)}; try more --steps, or a larger --arcface-weight."
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MANY
    return ", ".join(names[:MANY]) + (f" and {more} more" if more > 0 else "")
