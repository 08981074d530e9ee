"""Noise maps that are optimised: which there are, how far they are from noise, and how they are kept noise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from i2i.runtime.device import TorchDevice
from i2i.toolkit.latents.noise import noise_maps, normalise_map, regularisation
from tests.helpers.toy_generators import Bands


class Noisy(Bands, i2i.StyleGenerator):
    """Bands under a map of noise; ``strength`` is how much of it shows."""

    name = "noisy"
    strength = 0.5

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        return {"only": torch.arange(144.0).view(1, 1, 12, 12)}

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        return super().render(w) + self.strength * (noise["only"] if isinstance(noise, dict) else 0)


def test_each_picture_gets_maps_of_its_own() -> None:
    made = Noisy(None, TorchDevice("cpu"))
    maps = noise_maps(made, 3)
    assert set(maps) == {"only"} and maps["only"].shape == (3, 1, 12, 12)
    assert torch.equal(maps["only"][2], made.noise_maps["only"][0])
    maps["only"][0] = 0
    assert maps["only"][1].any(), "they share no memory"


def test_noise_that_shows_nowhere_is_not_optimised() -> None:
    made = Noisy(None, TorchDevice("cpu"))
    made.strength = 0.0
    assert made.noise_maps and noise_maps(made, 2) == {}
    assert noise_maps(Bands(None, TorchDevice("cpu")), 2) == {}


def test_regularisation_is_that_of_the_appendix_for_each_picture() -> None:
    plane = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    half = plane.view(2, 1, 8, 2, 8, 2).mean(dim=(3, 5))
    by_hand = torch.zeros(2)
    for level in (plane, half):
        for axis in (2, 3):
            by_hand += (level * level.roll(1, axis)).mean(dim=(1, 2, 3)) ** 2
    assert torch.allclose(regularisation({"a": plane}), by_hand, rtol=1e-5)  # sums in another order
    assert torch.allclose(regularisation({"a": plane, "b": plane}), 2 * by_hand, rtol=1e-5)
    assert torch.allclose(regularisation({"a": plane[:1]}), by_hand[:1], rtol=1e-5)


def test_maps_are_normalised_each_by_itself() -> None:
    plane = torch.stack([3 * torch.arange(16.0).view(1, 4, 4) + 5, torch.ones(1, 4, 4)])
    normalise_map(plane)
    assert plane[0].mean().abs() < 1e-6 and plane[0].square().mean().item() == pytest.approx(1, abs=1e-5)
    assert plane[1].count_nonzero() == 0, "nothing but its mean"


def test_smooth_maps_are_told_from_noise() -> None:
    white = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    both = torch.cat([white, torch.linspace(-1, 1, 32).expand(1, 1, 32, 32)])
    normalise_map(both)
    found = regularisation({"a": both})
    # Neighbours of white noise: squares of means over at least 64 products, so about 1/64 each at the coarsest.
    assert found[0] < 0.2 < 1 < found[1]
