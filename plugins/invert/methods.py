"""The methods, each with its published numbers in one place; the loop that they run through is the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Space = Literal["z", "w", "w+"]
Start = Literal["mean", "uniform", "encoder"]
Name = Literal["image2stylegan", "projector", "lpips", "encoder", "hybrid", "pti"]


@dataclass(frozen=True)
class Tuning:
    """How the generator's weights learn one photo, once its latent is found."""

    steps: int = 350
    rate: float = 3e-4
    """Of Adam."""
    until: float | None = None
    """LPIPS at which it ends; None for a quarter of the latent's own, but within ``ENDS``."""
    locality: float = 0.0
    """Weight of the regulariser that holds the rest of the latent space in place."""


ENDS = (0.001, 0.06)
"""LPIPS: below the first nobody sees a difference; the second is where the published code ends, at 1024 px."""


@dataclass(frozen=True)
class Method:
    """What a method does; all that changes its results."""

    name: str = field(compare=False)
    space: Space = "w+"
    start: Start = "mean"
    insists: bool = True
    """False: where no encoder fits the generator, start from the mean instead, and take ``steps_without``."""
    steps: int = 100
    steps_without: int = 100
    rate: float = 0.01
    """Of Adam, betas 0.9 and 0.999."""
    relative: bool = False
    """Whether the rate counts in standard deviations of the numbers that it moves."""
    rise: float = 0.0
    """Share of the steps over which the rate grows from 0, and"""
    fall: float = 0.0
    """over which it sinks to 0 again, along a cosine."""
    features: Literal["perceptual", "vgg16"] = "perceptual"
    """The extractor whose features are compared."""
    rec_weight: float = 1.0
    """Of the mean squared difference of pixels in [-1, 1]."""
    lpips_weight: float = 1.0
    """Of the distance by features."""
    noise: bool = False
    """Whether noise maps are optimised as well, and"""
    regularize_noise_weight: float = 0.0
    """how much they are held to be noise."""
    jitter: float = 0.0
    """Spread of what is added to w in the first three quarters, as a share of the spread of all w."""
    prior_weight: float = 0.0
    """Of the mean squared distance of w from the mean of all w, in its standard deviations."""
    patience: int = 0
    """Steps without gain after which a photo is done; 0 for never."""
    tuning: Tuning | None = None
    label: int | None = None
    """The class, counted from 0, of a generator that has them."""
    seed: int = 0


_HYBRID = Method(
    "hybrid",
    start="encoder",
    insists=False,
    steps=100,
    steps_without=400,
    rate=0.1,
    relative=True,
    fall=0.5,
    rec_weight=4.0,
    lpips_weight=1.0,
    patience=20,
)

METHODS: dict[str, Method] = {
    # Abdal et al., "Image2StyleGAN", 2019: section 5.
    "image2stylegan": Method("image2stylegan", steps=5000, rate=0.01, features="vgg16", patience=250),
    # Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020: appendix D.
    "projector": Method(
        "projector",
        space="w",
        steps=1000,
        rate=0.1,
        rise=0.05,
        fall=0.25,
        rec_weight=0.0,
        noise=True,
        regularize_noise_weight=1e5,
        jitter=0.05,
    ),
    # The mixed loss that tools for StyleGAN2 have in common.
    "lpips": Method(
        "lpips",
        steps=100,
        rate=0.01,
        rec_weight=0.75,
        lpips_weight=0.5,
        noise=True,
        regularize_noise_weight=5e2,
        patience=20,
    ),
    # Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021; or another encoder.
    "encoder": Method("encoder", start="encoder", steps=0, rec_weight=1.0, lpips_weight=0.0),
    # Ours: rate and weights were chosen on drawn faces that demo-faces had not seen.
    "hybrid": _HYBRID,
    # Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", 2021: section 3, around our own latent.
    "pti": replace(_HYBRID, name="pti", tuning=Tuning()),
}
