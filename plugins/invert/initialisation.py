"""Initial latents of an optimisation: the mean of all w, uniform random numbers, zeros, or an encoder's latents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

import i2i

from .methods import Method
from .reconstruction import ReconstructionLoss, render_images
from .spaces import LatentSpace, seeded_random


@dataclass(frozen=True)
class InitialLatent:
    """The latent from which one photo's latent is optimised."""

    w: Tensor
    """``(1, num_ws, w_dim)``."""
    method: Method
    """The method that optimises it; its steps depend on the initial latent."""
    seconds: float = 0.0
    """Time it took to find it."""
    encoded: bool = False
    """Whether it is the latent of an encoder."""


def find_initial_latents(scene: i2i.Scene, method: Method, images: Tensor) -> list[InitialLatent]:
    """Find the initial latent of each of ``images (N, 3, R, R)``.

    A method that does not require an encoder uses the mean of all w where no encoder fits the generator, and for photos
    whose loss is lower there; it then takes more steps.

    Raises:
        I2IError: the method requires an encoder, and there is none or it does not fit.
    """
    mean = initial_latent_without_encoder(scene.generator, method)
    if method.initial != "encoder":
        return [InitialLatent(mean, method)] * len(images)
    try:
        encoded = [InitialLatent(w, method, seconds, True) for w, seconds in encode_images(scene, images.split(1))]
    except i2i.I2IError as error:
        if method.require_encoder:
            raise
        reason = f"{str(error)[:1].lower()}{str(error)[1:]}"
        scene.note(f"The optimisation starts from the mean latent, as no encoder fits: {reason}")
        return [InitialLatent(mean, replace(method, steps=method.steps_from_mean))] * len(images)
    if method.require_encoder:
        return encoded
    chosen = [
        latent if _is_better_than(scene, latent, image, mean) else _from_mean(latent, mean)
        for latent, image in zip(encoded, images.split(1), strict=True)
    ]
    if count := sum(latent.w is mean for latent in chosen):
        scene.note(
            f"The optimisation of {count} of {len(chosen)} photos starts from the mean latent, whose loss is lower "
            "than that of the encoder's latent."
        )
    return chosen


def _from_mean(latent: InitialLatent, mean: Tensor) -> InitialLatent:
    """Replace an encoder's latent by the mean, with the steps for it."""
    return replace(latent, w=mean, encoded=False, method=replace(latent.method, steps=latent.method.steps_from_mean))


def _is_better_than(scene: i2i.Scene, latent: InitialLatent, image: Tensor, mean: Tensor) -> bool:
    """Tell whether the encoder's latent has no higher loss than the mean: an encoder of other images may not."""
    loss = ReconstructionLoss(scene, latent.method, image)
    with torch.no_grad():
        losses = [float(loss.losses(render_initial(scene.generator, latent.method, w)[1])) for w in (latent.w, mean)]
    return losses[0] <= losses[1]


@torch.no_grad()
def render_initial(generator: i2i.Generator, method: Method, w: Tensor) -> tuple[Tensor, Tensor]:
    """Render the latent of a method's space that is nearest to an initial ``w (N, num_ws, w_dim)``.

    Returns:
        That latent, of the same shape, and its images ``(N, 3, R, R)``, not clamped.
    """
    space = LatentSpace(generator, method)
    w = space.to_w(space.from_w(w)).contiguous()
    return w, render_images(generator, w)


def encode_images(scene: i2i.Scene, images: Sequence[Tensor]) -> list[tuple[Tensor, float]]:
    """Encode images ``(1, 3, R, R)`` to latents ``(1, num_ws, w_dim)``, each with its time in seconds.

    Raises:
        I2IError: there is no encoder, or its latents do not fit the generator.
    """
    try:
        encoder: Any = scene.extractors["encoder"]
    except KeyError:
        raise i2i.I2IError("No encoder is installed; choose --method lpips, which needs none.") from None
    if isinstance(encoder, i2i.Extractor):
        encoder.check(scene.generator)
    latents = []
    for image in images:  # one at a time, so that the result is equal to the bit whatever the other photos are
        started = time.perf_counter()
        with torch.no_grad():
            w: Tensor = encoder(image).float()
        _check_shape(scene.generator, encoder.name, w)
        latents.append((w, time.perf_counter() - started))
    return latents


def _check_shape(generator: i2i.Generator, name: str, w: Tensor) -> None:
    if tuple(w.shape[1:]) != (generator.num_ws, generator.w_dim):
        raise i2i.I2IError(
            f"The encoder {name!r} gives latents of {w.shape[1]} x {w.shape[2]} numbers, and this generator takes "
            f"{generator.num_ws} x {generator.w_dim}: choose --method lpips, or --extractor encoder=NAME."
        )


def initial_latent_without_encoder(generator: i2i.Generator, method: Method) -> Tensor:
    """Return the mean of all w, for ``uniform`` numbers in [-1, 1] that are the same for every photo, or zeros.

    Returns:
        ``(1, num_ws, w_dim)``.
    """
    if method.initial == "uniform":
        random = torch.rand(generator.num_ws, generator.w_dim, generator=seeded_random(method.seed)) * 2 - 1
        return random.to(generator.w_mean)[None]
    if method.initial == "zeros":
        return torch.zeros_like(generator.w_mean.expand(1, generator.num_ws, -1))
    return generator.w_mean.expand(1, generator.num_ws, -1)
