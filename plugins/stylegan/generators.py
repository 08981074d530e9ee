"""The families ``stylegan2`` and ``stylegan3``: frozen generators for sampling and editing."""

from __future__ import annotations

import torch
from torch import Tensor

import i2i
from i2i import Contents
from i2i.toolkit.latents.style_generator import StyleNetworkGenerator

from .formats import licence, read
from .latent_statistics import LatentStatistics
from .networks.stylegan2 import StyleGAN2Generator
from .networks.stylegan3 import StyleGAN3Generator


class _StyleGAN(StyleNetworkGenerator):
    """What both families share: the formats of files, and the statistics of w."""

    network_class: type[StyleGAN2Generator] | type[StyleGAN3Generator]
    """The class whose ``from_tensors`` builds the network."""
    network: StyleGAN2Generator | StyleGAN3Generator

    @classmethod
    def read(cls, contents: Contents) -> i2i.Weights | None:
        """Read the weights from a file of any format in ``formats``; None where they are not of this family."""
        weights = read(contents)
        return weights if weights is not None and weights.family == cls.name else None

    @staticmethod
    def licence(contents: Contents) -> str:
        """Return the licence of the weights in a file, as far as the file says."""
        return licence(contents)

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        super().__init__(weights, device)
        self._statistics = LatentStatistics(self.network.mapping)

    def build(self, weights: i2i.Weights) -> StyleGAN2Generator | StyleGAN3Generator:
        return self.network_class.from_tensors(weights.tensors, weights.arguments)

    @property
    def w_mean(self) -> Tensor:
        return self._statistics.mean

    @property
    def w_std(self) -> float:
        return self._statistics.deviation


class StyleGAN2(_StyleGAN):
    """StyleGAN2 (Karras et al. 2020), every resolution and architecture of it."""

    name = "stylegan2"
    summary = "StyleGAN2 and StyleGAN2-ADA, from NVlabs, rosinality or i2i files (Karras et al. 2020)."
    network_class = StyleGAN2Generator
    network: StyleGAN2Generator

    def prepare(self, device: i2i.Device) -> None:
        synthesis = self.network.synthesis
        synthesis.dtype = device.dtype
        channels_last = device.type == "cpu" or (device.type == "cuda" and device.dtype != torch.float32)
        synthesis.layout = torch.channels_last if channels_last else torch.contiguous_format
        if device.dtype == torch.float32:
            for _, _, layer in synthesis.styled():
                layer.set_memory_format(synthesis.layout)


class StyleGAN3(_StyleGAN):
    """StyleGAN3 (Karras et al. 2021), configurations T and R; computed in float32 at any precision of the device.

    ``features`` are the last feature maps at a sampling rate, without the margins around the image.
    """

    name = "stylegan3"
    summary = "StyleGAN3-T and StyleGAN3-R, from NVlabs or i2i files (Karras et al. 2021)."
    network_class = StyleGAN3Generator
    network: StyleGAN3Generator
