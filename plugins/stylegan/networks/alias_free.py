"""The design of StyleGAN3's layers: sizes, sampling rates and low-pass filters from a few numbers.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks", section 3.2 and appendix C. Sampling rates, cutoffs
and half-widths are in cycles or samples across the picture, whose side is 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import i2i

if TYPE_CHECKING:
    from torch import Tensor

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
class Stage:
    """What one layer gives."""

    index: int
    size: int
    """Height and width of its map, margins included."""
    channels: int
    rate: int
    """Samples across the picture."""
    cutoff: float
    """Cycles across the picture up to which the signal is kept."""
    half_width: float
    """Half the width of the transition band, cycles across the picture."""

    @property
    def name(self) -> str:
        """Its name in a state dict, such as ``L5_148_512``."""
        return f"L{self.index}_{self.size}_{self.channels}"

    @property
    def margin(self) -> int:
        """Samples beyond each side of the picture."""
        return (self.size - self.rate) // 2


def design(resolution: int, layers: int = 14, channels: int = 3, **arguments: Any) -> list[Stage]:
    """All layers of a generator, the last being the one to colours.

    Args:
        resolution: Height and width of its pictures, pixels: a power of two.
        layers: How many there are before the last.
        channels: Of the pictures.
        arguments: Any of ``DEFAULTS`` that are different.
    """
    given = {**DEFAULTS, **arguments}
    last_cutoff = resolution / 2
    last_stopband = last_cutoff * given["last_stopband_rel"]
    stages = []
    for index in range(layers + 1):
        way = min(index / (layers - given["num_critical"]), 1.0)
        cutoff = given["first_cutoff"] * (last_cutoff / given["first_cutoff"]) ** way
        stopband = given["first_stopband"] * (last_stopband / given["first_stopband"]) ** way
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if index >= layers - 1 else rate + 2 * given["margin_size"]
        wide = int(np.rint(min(given["channel_base"] / 2 / cutoff, given["channel_max"])))
        half_width = max(stopband, rate / 2) - cutoff
        stages.append(Stage(index, size, channels if index == layers else wide, rate, cutoff, half_width))
    return stages


def read_design(names: Iterable[str], arguments: Mapping[str, Any]) -> list[Stage]:
    """The layers of a generator from their names in a state dict, such as ``L5_148_512``, in any order.

    Raises:
        I2IError: the names do not fit together, or not the arguments.
    """
    numbers = sorted(tuple(int(part) for part in name[1:].split("_")) for name in names)
    if len(numbers) < 2 or [index for index, _, _ in numbers] != list(range(len(numbers))):
        raise i2i.I2IError(
            f"This StyleGAN3 generator has the layers {', '.join(sorted(names)) or 'none'}, not all from L0 on: "
            "the file is damaged, fetch it again."
        )
    given = {name: arguments.get(name, default) for name, default in DEFAULTS.items()}
    resolution = numbers[-1][1]
    if resolution & (resolution - 1) or given["num_critical"] >= len(numbers) - 1:
        raise _misfit(numbers)
    stages = design(resolution, len(numbers) - 1, **given)
    found = [
        Stage(index, size, channels, stage.rate, stage.cutoff, stage.half_width)
        for (index, size, channels), stage in zip(numbers, stages, strict=True)
    ]
    margins = {stage.size - stage.rate for stage in found[:-2]}  # the last two have none
    if len(margins) != 1 or min(margins) < 0 or found[-2].size != resolution:
        raise _misfit(numbers)
    return found


def _misfit(numbers: list[tuple[int, ...]]) -> i2i.I2IError:
    sizes = ", ".join(str(size) for _, size, _ in numbers)
    return i2i.I2IError(
        f"The sizes of this StyleGAN3 generator's layers ({sizes}) do not follow from its arguments, of which the file "
        "may have lost some: convert the original .pkl file instead."
    )


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor | None:
    """A Kaiser-windowed low-pass filter that sums to 1.

    Args:
        taps: Its length; 1 for none.
        cutoff: Where it has fallen to a half, cycles.
        half_width: Half the width of its transition band, cycles.
        rate: Samples in the length in which cycles are counted.
        radial: Symmetric about its centre instead of separable.

    Returns:
        Float32: ``(taps,)``, ``(taps, taps)`` where radial, or None where it would do nothing.
    """
    import torch

    if taps == 1:
        return None
    at = (np.arange(taps) - (taps - 1) / 2) / rate
    window = np.kaiser(taps, _kaiser_beta(taps, 2 * half_width / (rate / 2)))
    if not radial:
        kernel = np.sinc(2 * cutoff * at) * window
    else:
        radius = torch.from_numpy(np.maximum(np.hypot(at[:, None], at[None, :]), 1e-9 / rate))  # odd taps meet 0 / 0
        jinc = torch.special.bessel_j1(2 * math.pi * cutoff * radius) / (math.pi * radius)
        kernel = jinc.numpy() * np.outer(window, window)
    return torch.from_numpy(kernel / kernel.sum()).float()


def _kaiser_beta(taps: int, width: float) -> float:
    """The window's shape for a transition band of ``width``, where 1 is half the sampling rate (Kaiser 1974)."""
    attenuation = 2.285 * (taps - 1) * math.pi * width + 7.95  # decibels
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return float(0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    return 0.0
