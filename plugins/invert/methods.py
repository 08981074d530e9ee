"""The methods of inversion with their published settings; all run the same optimisation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Space = Literal["z", "w", "w+"]
Initial = Literal["mean", "uniform", "zeros", "encoder"]
Name = Literal["image2stylegan", "projector", "lpips", "encoder", "hybrid", "pti"]


@dataclass(frozen=True)
class Tuning:
    """Settings of pivotal tuning: the generator's weights are tuned to one photo around its latent."""

    steps: int = 350
    """Maximum number of steps."""
    learning_rate: float = 3e-4
    """Learning rate of Adam."""
    target_lpips: float | None = None
    """LPIPS at which tuning stops; None for a quarter of that of the pivot, limited to ``TARGET_LPIPS``."""
    locality_weight: float = 0.0
    """Weight of the regulariser that preserves the images of other latents."""


TARGET_LPIPS = (0.001, 0.06)
"""Limits of the default target: below the first, differences are invisible; the published code stops at the second, at
1024 px."""


@dataclass(frozen=True)
class Method:
    """A method of inversion: all settings that change its results."""

    name: str = field(compare=False)
    """Name of its inverter."""
    space: Space = "w+"
    """Latent space of the optimisation."""
    initial: Initial = "mean"
    """Initial latent: the mean of all w, uniform random numbers, zeros, or the latent of an encoder."""
    try_uniform: bool = True
    """Whether uniform random numbers are tried where the optimisation from the mean begins badly (``restarts``)."""
    require_encoder: bool = True
    """False: where no encoder fits the generator, start from the mean instead, with ``steps_from_mean``."""
    steps: int = 100
    """Maximum number of steps."""
    steps_from_mean: int = 100
    """Maximum number of steps from the mean in place of an encoder's latent."""
    learning_rate: float = 0.01
    """Learning rate of Adam, betas 0.9 and 0.999."""
    relative_rate: bool = False
    """Whether the learning rate is in standard deviations of the optimised components."""
    warmup: float = 0.0
    """Fraction of the steps over which the learning rate rises linearly from 0."""
    decay: float = 0.0
    """Fraction of the steps at the end over which the learning rate falls to 0 along a cosine."""
    features: Literal["perceptual", "vgg16"] = "perceptual"
    """Role of the extractor whose features are compared."""
    rec_weight: float = 1.0
    """Weight of the mean squared error of pixels in [-1, 1]."""
    lpips_weight: float = 1.0
    """Weight of the perceptual distance."""
    noise: bool = False
    """Whether noise maps are optimised as well."""
    regularize_noise_weight: float = 0.0
    """Weight of the noise regularisation."""
    jitter: float = 0.0
    """Standard deviation of the noise added to w in the first three quarters, as a fraction of ``w_std``."""
    prior_weight: float = 0.0
    """Weight of the mean squared distance of w from the mean of all w, in standard deviations."""
    patience: int = 0
    """Steps without improvement after which a photo stops early; 0 for never."""
    tuning: Tuning | None = None
    """Settings of pivotal tuning after the optimisation; None for none."""
    label: int | None = None
    """The class, counted from 0, of a generator that has them."""
    seed: int = 0
    """Seed of the random numbers."""


_HYBRID = Method(
    "hybrid",
    initial="encoder",
    require_encoder=False,
    steps=100,
    steps_from_mean=400,
    learning_rate=0.1,
    relative_rate=True,
    decay=0.5,
    rec_weight=4.0,
    lpips_weight=1.0,
    patience=20,
)

METHODS: dict[str, Method] = {
    # Abdal et al., "Image2StyleGAN", 2019: section 5.
    "image2stylegan": Method("image2stylegan", steps=5000, learning_rate=0.01, features="vgg16", patience=250),
    # Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020: appendix D.
    "projector": Method(
        "projector",
        space="w",
        steps=1000,
        learning_rate=0.1,
        warmup=0.05,
        decay=0.25,
        rec_weight=0.0,
        noise=True,
        regularize_noise_weight=1e5,
        jitter=0.05,
    ),
    # The mixed loss that tools for StyleGAN2 have in common.
    "lpips": Method(
        "lpips",
        steps=100,
        learning_rate=0.01,
        rec_weight=0.75,
        lpips_weight=0.5,
        noise=True,
        regularize_noise_weight=5e2,
        patience=20,
    ),
    # Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021; or another encoder.
    "encoder": Method("encoder", initial="encoder", steps=0, rec_weight=1.0, lpips_weight=0.0),
    # Ours: learning rate and weights were chosen on synthetic faces outside the training data of demo-faces.
    "hybrid": _HYBRID,
    # Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", 2021: section 3, around our own latent.
    "pti": replace(_HYBRID, name="pti", tuning=Tuning()),
}
