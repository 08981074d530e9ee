"""The tensors that a StyleGAN must have, with their shapes, derived from those in a file (NVlabs' names)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import i2i

from .stored_tensors import Shape

Shapes = Mapping[str, Shape]


def missing_tensor(what: str, name: str, more: int = 0) -> i2i.I2IError:
    """Create the error for a missing tensor, and ``more`` others."""
    rest = f" and {more} more" if more else ""
    return i2i.I2IError(f"the {what} lacks the tensor {name!r}{rest}; get the file again.")


@dataclass
class ExpectedTensors:
    """Names and shapes of the tensors that a network must have and may have.

    An optional shape is None where it cannot be derived.
    """

    required: dict[str, Shape] = field(default_factory=dict)
    optional: dict[str, Shape | None] = field(default_factory=dict)


def _axis(shapes: Shapes, name: str, rank: int, axis: int, what: str) -> int:
    """Return one dimension of a tensor, from which other shapes are derived.

    Raises:
        I2IError: the tensor is missing or has another rank.
    """
    if name not in shapes:
        raise missing_tensor(what, name)
    if len(shapes[name]) != rank:
        raise i2i.I2IError(f"the {what} has {name!r} of shape {shapes[name]}, not of {rank} axes; get the file again.")
    return shapes[name][axis]


def _numbers(names: Iterable[str], pattern: str) -> list[int]:
    return sorted({int(match[1]) for match in map(re.compile(pattern).match, names) if match})


def _levels(names: Iterable[str], pattern: str, what: str) -> list[int]:
    """Return the resolutions of all blocks, 4 px to the largest."""
    largest = max(_numbers(names, pattern), default=4)
    if largest & (largest - 1) or not 4 <= largest <= 4096:
        raise i2i.I2IError(f"the {what} has a level of {largest} px, which is no power of two from 4 to 4096.")
    return [2**power for power in range(2, largest.bit_length())]


def _check_image_channels(channels: int, what: str) -> None:
    if channels not in (1, 3):
        raise i2i.I2IError(f"the {what} is for images of {channels} channels; i2i supports grey (1) and colour (3).")


def _mapping(shapes: Shapes, w_dim: int, what: str, latent: bool) -> dict[str, Shape]:
    """Derive the tensors of the mapping network: an embedding of classes, if there is one, then layers.

    Args:
        latent: Whether the input is z, as in a generator, with at least one layer; else classes alone.
    """
    tensors: dict[str, Shape] = {}
    embedded = 0
    if not latent or any(name.startswith("mapping.embed.") for name in shapes):
        embedded = _axis(shapes, "mapping.embed.weight", 2, 0, what)
        classes = _axis(shapes, "mapping.embed.weight", 2, 1, what)
        tensors |= {"mapping.embed.weight": (embedded, classes), "mapping.embed.bias": (embedded,)}
    layers = max(int(latent), 1 + max(_numbers(shapes, r"mapping\.fc(\d{1,3})\."), default=-1))
    width = embedded if not latent else max(_axis(shapes, "mapping.fc0.weight", 2, 1, what), embedded + 1)
    for index in range(layers):
        name = f"mapping.fc{index}"
        after = _axis(shapes, f"{name}.weight", 2, 0, what) if index < layers - 1 else w_dim
        tensors |= {f"{name}.weight": (after, width), f"{name}.bias": (after,)}
        width = after
    if not layers:
        tensors |= {"mapping.embed.weight": (w_dim, classes), "mapping.embed.bias": (w_dim,)}
    return tensors


def _modulated_shapes(name: str, channels: tuple[int, int], kernel: int, w_dim: int) -> dict[str, Shape]:
    """Derive the tensors of a modulated convolution from ``channels[0]`` to ``channels[1]``."""
    before, after = channels
    return {
        f"{name}.weight": (after, before, kernel, kernel),
        f"{name}.bias": (after,),
        f"{name}.affine.weight": (before, w_dim),
        f"{name}.affine.bias": (before,),
    }


def stylegan2(shapes: Shapes, what: str = "StyleGAN2 generator") -> ExpectedTensors:
    """Derive the tensors of a StyleGAN2 generator: skip, resnet or orig, with noise or without, conditional or not.

    Raises:
        I2IError: a tensor from which others are derived is missing, or the variant is not supported.
    """
    layout = ExpectedTensors()
    levels = _levels(shapes, r"synthesis\.b(\d{1,6})\.", what)
    w_dim = _axis(shapes, "synthesis.b4.conv1.affine.weight", 2, 1, what)
    channels = {r: _axis(shapes, f"synthesis.b{r}.conv1.weight", 4, 0, what) for r in levels}
    colours = _axis(shapes, f"synthesis.b{levels[-1]}.torgb.weight", 4, 0, what)
    _check_image_channels(colours, what)
    start = shapes.get("synthesis.b4.const", ())
    if len(start) == 3 and start[1:] != (4, 4):
        raise i2i.I2IError(f"the {what} starts from {start[1]} x {start[2]} px; i2i supports square images from 4 x 4.")
    noise = any(".noise_" in name for name in shapes)
    resnet = any(name.endswith(".skip.weight") for name in shapes)
    skip = not resnet and any(".torgb." in name for name in shapes if f".b{levels[-1]}." not in name)
    layout.required = _mapping(shapes, w_dim, what, latent=True) | {"synthesis.b4.const": (channels[4], 4, 4)}
    layout.optional["mapping.w_avg"] = (w_dim,)
    for r in levels:
        name, width = f"synthesis.b{r}", channels[r]
        pairs = {"conv0": (channels[r // 2], width)} if r > 4 else {}
        for conv, between in (pairs | {"conv1": (width, width)}).items():
            layout.required |= _modulated_shapes(f"{name}.{conv}", between, 3, w_dim)
            if noise:
                layout.required[f"{name}.{conv}.noise_strength"] = ()
                layout.optional[f"{name}.{conv}.noise_const"] = (r, r)
            layout.optional[f"{name}.{conv}.resample_filter"] = (4, 4)
        if skip or r == levels[-1]:
            layout.required |= _modulated_shapes(f"{name}.torgb", (width, colours), 1, w_dim)
        if resnet and r > 4:
            layout.required[f"{name}.skip.weight"] = (width, channels[r // 2], 1, 1)
            layout.optional[f"{name}.skip.resample_filter"] = (4, 4)
        layout.optional[f"{name}.resample_filter"] = (4, 4)
    return layout


def stylegan3(shapes: Shapes, what: str = "StyleGAN3 generator") -> ExpectedTensors:
    """Derive the tensors of a StyleGAN3 generator, any configuration, from the names of its layers.

    Raises:
        I2IError: layers or tensors are missing.
    """
    layers = stylegan3_layers(shapes)
    if [index for index, _, _ in layers] != list(range(len(layers))) or not layers:
        raise i2i.I2IError(
            f"the {what} lacks layers: it has {len(layers)}, not numbered from 0 on; get the file again."
        )
    w_dim = _axis(shapes, "synthesis.input.affine.weight", 2, 1, what)
    before = _axis(shapes, "synthesis.input.freqs", 2, 0, what)
    kernel = _axis(shapes, "synthesis.L{}_{}_{}.weight".format(*layers[0]), 4, 3, what)
    _check_image_channels(layers[-1][2], what)
    layout = ExpectedTensors(_mapping(shapes, w_dim, what, latent=True), {"mapping.w_avg": (w_dim,)})
    layout.optional["synthesis.input.transform"] = (3, 3)
    layout.required |= {
        "synthesis.input.weight": (before, before),
        "synthesis.input.affine.weight": (4, w_dim),
        "synthesis.input.affine.bias": (4,),
        "synthesis.input.freqs": (before, 2),
        "synthesis.input.phases": (before,),
    }
    for index, size, after in layers:
        name = f"synthesis.L{index}_{size}_{after}"
        layout.required |= _modulated_shapes(name, (before, after), 1 if index == len(layers) - 1 else kernel, w_dim)
        layout.required[f"{name}.magnitude_ema"] = ()
        layout.optional |= {f"{name}.up_filter": None, f"{name}.down_filter": None}
        before = after
    return layout


def stylegan3_layers(names: Iterable[str]) -> list[tuple[int, int, int]]:
    """Return index, height (px) and channels of each layer, from names such as ``synthesis.L0_36_512.bias``."""
    matches = (re.match(r"synthesis\.L(\d{1,3})_(\d{1,6})_(\d{1,6})\.", name) for name in names)
    return sorted({(int(match[1]), int(match[2]), int(match[3])) for match in matches if match})


def discriminator(shapes: Shapes, what: str = "StyleGAN2 discriminator") -> ExpectedTensors:
    """Derive the tensors of a StyleGAN2 discriminator: resnet, skip or orig, conditional or not.

    Raises:
        I2IError: a tensor from which others are derived is missing.
    """
    layout = ExpectedTensors()
    levels = _levels(shapes, r"b(\d{1,6})\.", what)
    channels = {r: _axis(shapes, f"b{r}.conv0.weight", 4, 0, what) for r in levels[1:]}
    channels[4] = _axis(shapes, "b4.conv.weight", 4, 0, what)
    colours = _axis(shapes, f"b{levels[-1]}.fromrgb.weight", 4, 1, what)
    _check_image_channels(colours, what)
    resnet = any(name.endswith(".skip.weight") for name in shapes)
    skip = any(name.startswith("b4.fromrgb.") for name in shapes)
    statistics = _axis(shapes, "b4.conv.weight", 4, 1, what) - channels[4]
    outputs = _axis(shapes, "b4.out.weight", 2, 0, what)
    kernels = {"b4.conv": (channels[4], channels[4] + max(statistics, 0), 3)}
    for r in levels:
        if skip or r == levels[-1]:
            kernels[f"b{r}.fromrgb"] = (channels[r], colours, 1)
        if r > 4:
            kernels[f"b{r}.conv0"] = (channels[r], channels[r], 3)
            kernels[f"b{r}.conv1"] = (channels[r // 2], channels[r], 3)
            layout.optional[f"b{r}.resample_filter"] = (4, 4)
        if r > 4 and resnet:
            layout.required[f"b{r}.skip.weight"] = (channels[r // 2], channels[r], 1, 1)
            layout.optional[f"b{r}.skip.resample_filter"] = (4, 4)
    for name, (after, before, size) in kernels.items():
        layout.required |= {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}
        layout.optional[f"{name}.resample_filter"] = (4, 4)
    layout.required |= {"b4.fc.weight": (channels[4], channels[4] * 16), "b4.fc.bias": (channels[4],)}
    layout.required |= {"b4.out.weight": (outputs, channels[4]), "b4.out.bias": (outputs,)}
    if outputs > 1 or any(name.startswith("mapping.") for name in shapes):
        layout.required |= _mapping(shapes, outputs, what, latent=False)
    return layout
