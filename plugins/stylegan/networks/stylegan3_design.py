"""The design of StyleGAN3's layers: sizes, sampling rates, cutoffs and low-pass filters from a few parameters.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks", section 3.2 and appendix C. Sampling rates are
in samples across the image, cutoffs and half-widths in cycles across the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import i2i

DEFAULTS: dict[str, Any] = {
    "conv_clamp": 256.0,
    "num_critical": 2,
    "first_cutoff": 2.0,
    "first_stopband": 2**2.1,
    "last_stopband_rel": 2**0.3,
    "margin_size": 10,
    "output_scale": 0.25,
    "filter_size": 6,
    "lrelu_upsampling": 2,
    "channel_base": 32768,
    "channel_max": 512,
}
"""The arguments of the published generators, configuration T."""


@dataclass(frozen=True)
class LayerDesign:
    """Size, sampling rate and filter of one layer's output."""

    index: int
    size: int
    """Height and width of the feature map, including margins."""
    channels: int
    rate: int
    """Sampling rate, samples across the image."""
    cutoff: float
    """Cutoff frequency, cycles across the image."""
    half_width: float
    """Half the width of the transition band, cycles across the image."""

    @property
    def name(self) -> str:
        """The layer's name in a state dict, such as ``L5_148_512``."""
        return f"L{self.index}_{self.size}_{self.channels}"

    @property
    def margin(self) -> int:
        """Samples beyond each side of the image."""
        return (self.size - self.rate) // 2


def design(resolution: int, layers: int = 14, channels: int = 3, **arguments: Any) -> list[LayerDesign]:
    """Design all layers of a generator; the last one is toRGB.

    Args:
        resolution: Height and width of the images, pixels; a power of two.
        layers: Number of layers before toRGB.
        channels: Channels of the images.
        arguments: Values that differ from ``DEFAULTS``.
    """
    given = {**DEFAULTS, **arguments}
    last_cutoff = resolution / 2
    last_stopband = last_cutoff * given["last_stopband_rel"]
    designs = []
    for index in range(layers + 1):
        progress = min(index / (layers - given["num_critical"]), 1.0)
        cutoff = given["first_cutoff"] * (last_cutoff / given["first_cutoff"]) ** progress
        stopband = given["first_stopband"] * (last_stopband / given["first_stopband"]) ** progress
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if index >= layers - 1 else rate + 2 * given["margin_size"]
        width = int(np.rint(min(given["channel_base"] / 2 / cutoff, given["channel_max"])))
        half_width = max(stopband, rate / 2) - cutoff
        designs.append(LayerDesign(index, size, channels if index == layers else width, rate, cutoff, half_width))
    return designs


def read_design(names: Iterable[str], arguments: Mapping[str, Any]) -> list[LayerDesign]:
    """Design the layers of a generator from their names in a state dict, such as ``L5_148_512``, in any order.

    Raises:
        I2IError: layers are missing, or their sizes do not follow from the arguments.
    """
    numbers = sorted(tuple(int(part) for part in name[1:].split("_")) for name in names)
    if len(numbers) < 2 or [index for index, _, _ in numbers] != list(range(len(numbers))):
        raise i2i.I2IError(
            f"This StyleGAN3 generator has the layers {', '.join(sorted(names)) or 'none'}, not all from L0 on: "
            "the file is damaged, download it again."
        )
    given = {name: arguments.get(name, default) for name, default in DEFAULTS.items()}
    resolution = numbers[-1][1]
    if resolution & (resolution - 1) or given["num_critical"] >= len(numbers) - 1:
        raise _inconsistent(numbers)
    designs = design(resolution, len(numbers) - 1, **given)
    layers = [
        LayerDesign(index, size, channels, stage.rate, stage.cutoff, stage.half_width)
        for (index, size, channels), stage in zip(numbers, designs, strict=True)
    ]
    margins = {stage.size - stage.rate for stage in layers[:-2]}  # the last two have none
    if len(margins) != 1 or min(margins) < 0 or layers[-2].size != resolution:
        raise _inconsistent(numbers)
    return layers


def _inconsistent(numbers: list[tuple[int, ...]]) -> i2i.I2IError:
    sizes = ", ".join(str(size) for _, size, _ in numbers)
    return i2i.I2IError(
        f"The sizes of this StyleGAN3 generator's layers ({sizes}) do not follow from its arguments, of which the file "
        "may have lost some: convert the original .pkl file instead."
    )


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor | None:
    """Design a low-pass filter with a Kaiser window and sum 1.

    Args:
        taps: Length of the filter; 1 for none.
        cutoff: Frequency at which the response is one half, cycles across the image.
        half_width: Half the width of the transition band, cycles across the image.
        rate: Sampling rate, samples across the image.
        radial: Design a radially symmetric filter instead of a separable one.

    Returns:
        Float32 ``(taps,)``, ``(taps, taps)`` if radial, or None for one tap.
    """
    if taps == 1:
        return None
    position = (np.arange(taps) - (taps - 1) / 2) / rate
    window = np.kaiser(taps, _kaiser_beta(taps, 2 * half_width / (rate / 2)))
    if not radial:
        kernel = np.sinc(2 * cutoff * position) * window
    else:
        # The centre of an odd filter has radius 0, which would give 0 / 0.
        radius = torch.from_numpy(np.maximum(np.hypot(position[:, None], position[None, :]), 1e-9 / rate))
        jinc = torch.special.bessel_j1(2 * math.pi * cutoff * radius) / (math.pi * radius)
        kernel = jinc.numpy() * np.outer(window, window)
    return torch.from_numpy(kernel / kernel.sum()).float()


def _kaiser_beta(taps: int, width: float) -> float:
    """Return beta of the window for a transition band of ``width``, where 1 is half the rate (Kaiser 1974)."""
    attenuation = 2.285 * (taps - 1) * math.pi * width + 7.95  # decibels
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return float(0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    return 0.0
