"""The methods of inversion with their published settings; all run the same optimisation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Space = Literal["z", "w", "w+", "p+"]
Initial = Literal["mean", "uniform", "zeros", "encoder"]
Name = Literal["image2stylegan", "projector", "lpips", "encoder", "hybrid", "hybrid-pti", "pti"]
Features = Literal["perceptual", "lpips-vgg", "vgg16"]
"""What an extractor is looked up by: its role, or its name."""


@dataclass(frozen=True)
class Tuning:
    """Settings of pivotal tuning: the generator's weights are tuned to one photo around its latent."""

    steps: int = 350
    """Maximum number of steps."""
    learning_rate: float = 3e-4
    """Learning rate of Adam."""
    target_lpips: float | None = None
    """LPIPS at which tuning stops; None for a quarter of that of the pivot, limited to ``TARGET_LPIPS``."""
    features: Features | None = None
    """Extractor whose features are compared; None for that of the method, as for the two weights."""
    rec_weight: float | None = None
    """Weight of the mean squared error of pixels in [-1, 1]."""
    lpips_weight: float | None = None
    """Weight of the perceptual distance."""
    largest: int | None = None
    """Resolution, pixels, of the last layers whose weights are tuned; None for all layers. Later layers have few
    weights and take most of the time, much of which frozen weights save."""
    coarse: float = 0.0
    """Fraction of the steps, the first ones, in which features are compared at ``reconstruction.COARSE``."""
    warmup: float = 0.0
    """Fraction of the steps over which the learning rate rises linearly from 0."""
    decay: float = 0.0
    """Fraction of the steps at the end over which the learning rate falls to 0 along a cosine."""
    full_size: bool = False
    """Whether features are compared at the resolution of the generator, instead of at most 256 px."""
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
    second_beta: float = 0.999
    """Decay of Adam's moving average of squared gradients. The first gradients are many times as large as the later
    ones, and with 0.999 they slow down hundreds of steps."""
    warmup: float = 0.0
    """Fraction of the steps over which the learning rate rises linearly from 0."""
    decay: float = 0.0
    """Fraction of the steps at the end over which the learning rate falls to 0 along a cosine."""
    features: Features = "perceptual"
    """Extractor whose features are compared. One that the user chose for the role ``perceptual`` is used in place of
    ``lpips-vgg``."""
    coarse: float = 0.0
    """Fraction of the steps, the first ones, in which features are compared at ``reconstruction.COARSE``."""
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
    """Weight of the mean squared distance of the latent from the mean of all w, in standard deviations."""
    layers_weight: float = 0.0
    """Weight of the mean squared distance of its layers from their mean, in standard deviations."""
    landmark_weight: float = 0.0
    """Weight of the mean squared distance of facial landmarks, as a fraction of the distance of the eyes; for photos of
    faces where a landmark network for them is here."""
    identity_weight: float = 0.0
    """Weight of 1 - the cosine similarity of identities; likewise."""
    background_weight: float = 1.0
    """How much differences around the head count, where landmarks and identity do; it is hard to render, and edits keep
    that of the photo."""
    keep_better: bool = False
    """Whether the encoder's latent is returned for photos whose reconstruction became worse by ``judgement.judge``."""
    patience: int = 0
    """Steps without improvement after which a photo stops early; 0 for never."""
    tuning: Tuning | None = None
    """Settings of pivotal tuning after the optimisation; None for none."""
    label: int | None = None
    """The class, counted from 0, of a generator that has them."""
    seed: int = 0
    """Seed of the random numbers."""

    @property
    def compares_faces(self) -> bool:
        """Whether landmarks or identities are in the loss."""
        return bool(self.landmark_weight or self.identity_weight)

    def at_full_resolution(self) -> Method:
        """Return the method without steps that compare features coarsely, which save time with VGG16 only."""
        tuning = None if self.tuning is None else replace(self.tuning, coarse=0.0)
        return replace(self, coarse=0.0, tuning=tuning)

    def tuning_loss(self) -> Method:
        """Return the method with the loss of its tuning in place of that of its optimisation."""
        names = ("features", "rec_weight", "lpips_weight")
        own = {name: getattr(self.tuning, name, None) for name in names}
        return replace(self, **{name: value for name, value in own.items() if value is not None})


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
    keep_better=True,
    patience=20,
)

# Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020: appendix D.
_PROJECTOR = Method(
    "projector",
    space="w",
    steps=1000,
    learning_rate=0.1,
    warmup=0.05,
    decay=0.25,
    features="lpips-vgg",
    rec_weight=0.0,
    noise=True,
    regularize_noise_weight=1e5,
    jitter=0.05,
)

METHODS: dict[str, Method] = {
    # Abdal et al., "Image2StyleGAN", 2019: section 5.
    "image2stylegan": Method("image2stylegan", steps=5000, learning_rate=0.01, features="vgg16", patience=250),
    "projector": _PROJECTOR,
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
    # Ours: pivotal tuning around the latent of hybrid, with its loss.
    "hybrid-pti": replace(_HYBRID, name="hybrid-pti", tuning=Tuning()),
    # Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", 2021: section 3. The published code
    # projects with 450 steps at the learning rate 0.01.
    "pti": replace(
        _PROJECTOR,
        name="pti",
        steps=450,
        learning_rate=0.01,
        tuning=Tuning(target_lpips=0.06, features="perceptual", rec_weight=1.0, lpips_weight=1.0, full_size=True),
    ),
}

LARGE = 512
"""Resolution, pixels, from which methods have the settings of ``LARGE_METHODS``."""
_LARGE_HYBRID = replace(
    _HYBRID,
    space="p+",
    steps_from_mean=150,
    learning_rate=0.15,
    second_beta=0.95,
    features="lpips-vgg",
    coarse=0.7,
    prior_weight=0.01,
    layers_weight=0.3,
    landmark_weight=10.0,
    identity_weight=0.5,
    background_weight=0.3,
    patience=0,
)
LARGE_METHODS: dict[str, Method] = {
    # Ours: chosen on photographs with a generator of faces at 1024 px, so that heads turn and mouths open in the edits
    # of their latents, which those nearest to the photo do not allow.
    "hybrid": _LARGE_HYBRID,
    "hybrid-pti": replace(
        _LARGE_HYBRID,
        name="hybrid-pti",
        tuning=Tuning(steps=100, learning_rate=1e-3, target_lpips=0.06, largest=128, coarse=0.5, warmup=0.1, decay=0.5),
    ),
}
"""Methods whose settings differ for large generators, whose images are photographs rather than drawings."""


def method_for(name: str, resolution: int) -> Method:
    """Return the method of this name for a generator of this resolution, in pixels."""
    methods = {**METHODS, **LARGE_METHODS} if resolution >= LARGE else METHODS
    return methods[name]
