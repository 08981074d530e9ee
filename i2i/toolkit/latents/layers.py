"""Layer numbers of w: published for generators with 18 layers, and scaled to others."""

from __future__ import annotations

import re

from ...api.errors import UsageError

PUBLISHED_LAYERS = 18
"""Layers of StyleGAN2 at 1024 px, to which published layer numbers refer."""


def choose_layers(text: str, num_ws: int, own: bool = False) -> list[int]:
    """Return the layers of a generator that ``text`` names, ascending.

    Layers a to b of 18 cover the interval from a/18 to (b + 1)/18, from coarse to fine. Layer j of a generator with n
    layers covers j/n to (j + 1)/n. The layers whose interval lies within that of ``text`` are returned; if there is
    none, the one in its middle. So the layers of a generator with 18 are those of ``text``.

    Args:
        text: Such as ``"8-17"`` or ``"3-7,10"``, both ends included, from 0. A range may also end in the number of
            layers ("8-18", as slices are published), which means the last one.
        num_ws: Number of layers of the generator.
        own: ``text`` has layer numbers of this generator, which are not scaled.

    Raises:
        UsageError: ``text`` is no list of layers, or a layer is out of range.
    """
    count = num_ws if own else PUBLISHED_LAYERS
    layers = _read(text, count, "this generator" if own else "a generator with 18, to which --rows refers")
    if num_ws == count:
        return layers
    found: set[int] = set()
    for first, last in _runs(layers):
        within = range(-(-first * num_ws // count), (last + 1) * num_ws // count)
        found.update(within or [(first + last + 1) * num_ws // (2 * count)])
    return sorted(found)


def _read(text: str, count: int, whose: str) -> list[int]:
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if not match:
            raise UsageError(f"--rows {text}: {part!r} is no layer or range; type layers such as 8-17 or 3-7,10.")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        last -= match[2] is not None and last == count
        if not first <= last < count:
            raise UsageError(
                f"--rows {text}: {part} is not among layers 0 to {count - 1} of {whose}; type 0-{count // 2} or 3,5."
            )
        found.update(range(first, last + 1))
    return sorted(found)


def _runs(layers: list[int]) -> list[tuple[int, int]]:
    """Return the first and last layer of each run without a gap."""
    found: list[tuple[int, int]] = []
    for layer in layers:
        if found and found[-1][1] == layer - 1:
            found[-1] = (found[-1][0], layer)
        else:
            found.append((layer, layer))
    return found
