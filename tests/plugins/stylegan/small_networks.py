"""Small random networks under NVlabs' names: what every reader of a format must give back, to the bit."""

from __future__ import annotations

import torch
from torch import Tensor

FILTER = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / 64
WIDTHS = {4: 8, 8: 6, 16: 4, 32: 2}
Tensors = dict[str, Tensor]


def _random(shapes: dict[str, tuple[int, ...]]) -> Tensors:
    """Normal values in steps of 2^-10, so that adding and taking away one loses nothing."""
    generator = torch.Generator().manual_seed(1)
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {name: (value * 1024).round() / 1024 for name, value in drawn.items()}


def _styled(name: str, before: int, after: int, kernel: int, w_dim: int) -> dict[str, tuple[int, ...]]:
    shapes = {"weight": (after, before, kernel, kernel), "bias": (after,)}
    shapes |= {"affine.weight": (before, w_dim), "affine.bias": (before,)}
    return {f"{name}.{leaf}": shape for leaf, shape in shapes.items()}


def _mapping(z_dim: int, c_dim: int, w_dim: int, layers: int) -> dict[str, tuple[int, ...]]:
    embed = {"mapping.embed.weight": (w_dim, c_dim), "mapping.embed.bias": (w_dim,)} if c_dim else {}
    widths = [z_dim + (w_dim if c_dim else 0)] + [w_dim] * layers
    fc = {f"mapping.fc{i}.weight": (widths[i + 1], widths[i]) for i in range(layers)}
    return embed | fc | {f"mapping.fc{i}.bias": (w_dim,) for i in range(layers)}


def stylegan2(
    size: int = 16, architecture: str = "skip", c_dim: int = 0, colours: int = 3, layers: int = 2, noise: bool = True
) -> Tensors:
    """A generator whose z and w have 7 and 5 numbers."""
    z_dim, w_dim = 7, 5
    levels = [r for r in WIDTHS if r <= size]
    shapes = _mapping(z_dim, c_dim, w_dim, layers)
    shapes |= {"mapping.w_avg": (w_dim,), "synthesis.b4.const": (WIDTHS[4], 4, 4)}
    filters = []
    for r in levels:
        block, width, below = f"synthesis.b{r}", WIDTHS[r], WIDTHS.get(r // 2, 0)
        convs = {"conv1": width} if r == 4 else {"conv0": below, "conv1": width}
        for conv, before in convs.items():
            shapes |= _styled(f"{block}.{conv}", before, width, 3, w_dim)
            if noise:
                shapes |= {f"{block}.{conv}.noise_strength": (), f"{block}.{conv}.noise_const": (r, r)}
        if architecture == "skip" or r == size:
            shapes |= _styled(f"{block}.torgb", width, colours, 1, w_dim)
        if architecture == "resnet" and r > 4:
            shapes[f"{block}.skip.weight"] = (width, below, 1, 1)
            filters.append(f"{block}.skip")
        filters += [block, *(f"{block}.{conv}" for conv in convs)]
    return _random(shapes) | {f"{name}.resample_filter": FILTER.clone() for name in filters}


def discriminator(
    size: int = 16, architecture: str = "resnet", c_dim: int = 0, colours: int = 3, layers: int = 2
) -> Tensors:
    """A discriminator; a conditional one maps classes to 5 numbers."""
    outputs = 5 if c_dim else 1
    shapes = _mapping(0, c_dim, outputs, layers) if c_dim else {}
    kernels = {"b4.conv": (WIDTHS[4], WIDTHS[4] + 1, 3)}
    filters = []
    for r in (r for r in WIDTHS if r <= size):
        if architecture == "skip" or r == size:
            kernels[f"b{r}.fromrgb"] = (WIDTHS[r], colours, 1)
        if r > 4:
            kernels[f"b{r}.conv0"] = (WIDTHS[r], WIDTHS[r], 3)
            kernels[f"b{r}.conv1"] = (WIDTHS[r // 2], WIDTHS[r], 3)
            filters.append(f"b{r}")
        if r > 4 and architecture == "resnet":
            shapes[f"b{r}.skip.weight"] = (WIDTHS[r // 2], WIDTHS[r], 1, 1)
            filters.append(f"b{r}.skip")
    for name, (after, before, kernel) in kernels.items():
        shapes |= {f"{name}.weight": (after, before, kernel, kernel), f"{name}.bias": (after,)}
    shapes |= {"b4.fc.weight": (WIDTHS[4], WIDTHS[4] * 16), "b4.fc.bias": (WIDTHS[4],)}
    shapes |= {"b4.out.weight": (outputs, WIDTHS[4]), "b4.out.bias": (outputs,)}
    return _random(shapes) | {f"{name}.resample_filter": FILTER.clone() for name in [*kernels, *filters]}


LAYERS3 = [(28, 8), (28, 8), (44, 8), (44, 8), (76, 8), (76, 7), (76, 4), (64, 4), (64, 3)]
"""Height and channels of each layer at 64 px with a margin of 6; the two before the last are critically sampled."""


def stylegan3(radial: bool = False, c_dim: int = 0, critical: int = 2) -> Tensors:
    """A generator of 64 px, configuration T, or R with radial filters and 1x1 kernels."""
    w_dim, before, last = 5, LAYERS3[0][1], len(LAYERS3) - 1
    widths = [4 if 0 < last - index <= critical else width for index, (_, width) in enumerate(LAYERS3)]
    shapes = _mapping(7, c_dim, w_dim, 2) | {"mapping.w_avg": (w_dim,)}
    shapes |= {
        "synthesis.input.weight": (before, before),
        "synthesis.input.affine.weight": (4, w_dim),
        "synthesis.input.affine.bias": (4,),
        "synthesis.input.freqs": (before, 2),
        "synthesis.input.phases": (before,),
        "synthesis.input.transform": (3, 3),
    }
    for index, ((size, _), after) in enumerate(zip(LAYERS3, widths, strict=True)):
        name = f"synthesis.L{index}_{size}_{after}"
        shapes |= _styled(name, before, after, 1 if radial or index == last else 3, w_dim)
        shapes[f"{name}.magnitude_ema"] = ()
        if index < last:
            shapes |= {
                f"{name}.up_filter": (12,),
                f"{name}.down_filter": (12, 12) if radial and index < last - critical else (12,),
            }
        before = after
    return _random(shapes)
