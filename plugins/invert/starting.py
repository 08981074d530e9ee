"""Where the search for a latent begins: the mean, random numbers, or what an encoder says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

import i2i

from .aiming import Aim, draw
from .methods import Method
from .spaces import Space, seeded

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Begin:
    """Where the search for one photo's latent begins."""

    w: Tensor
    """``(1, num_ws, w_dim)``."""
    method: Method
    """What goes on from there."""
    seconds: float = 0.0
    """What finding it took."""


def begin(scene: i2i.Scene, method: Method, pictures: Tensor) -> list[Begin]:
    """Where the search begins for each of ``pictures (N, 3, R, R)``.

    Where a method does not insist on an encoder, photos start from the mean that lie nearer to it, or for which there
    is no encoder; they take more steps then.

    Raises:
        I2IError: the method needs an encoder, and there is none or it does not fit.
    """
    mean = fixed_start(scene.generator, method)
    if method.start != "encoder":
        return [Begin(mean, method)] * len(pictures)
    try:
        found = [Begin(w, method, seconds) for w, seconds in encode(scene, pictures.split(1))]
    except i2i.I2IError as error:
        if method.insists:
            raise
        reason = f"{str(error)[:1].lower()}{str(error)[1:]}"
        scene.note(f"The search begins at the mean, as no encoder serves here: {reason}")
        return [Begin(mean, replace(method, steps=method.steps_without))] * len(pictures)
    if method.insists:
        return found
    pairs = zip(found, pictures.split(1), strict=True)
    chosen = [each if _near(scene, each, picture, mean) else _without(each, mean) for each, picture in pairs]
    if count := sum(each.w is mean for each in chosen):
        scene.note(f"For {count} of {len(chosen)} photos the search begins at the mean: it is nearer than the encoder.")
    return chosen


def _without(begun: Begin, mean: Tensor) -> Begin:
    """From the mean instead, with the steps that takes."""
    return replace(begun, w=mean, method=replace(begun.method, steps=begun.method.steps_without))


def _near(scene: i2i.Scene, begun: Begin, picture: Tensor, mean: Tensor) -> bool:
    """Whether the encoder's latent is nearer than the mean: that of an encoder of other pictures may have its shape."""
    aim, space = Aim(scene, begun.method, picture), Space(scene.generator, begun.method)
    with torch.no_grad():
        there = [float(aim.losses(draw(scene.generator, space.w(space.enter(w))))) for w in (begun.w, mean)]
    return there[0] <= there[1]


def encode(scene: i2i.Scene, pictures: Sequence[Tensor]) -> list[tuple[Tensor, float]]:
    """Latents ``(1, num_ws, w_dim)`` of pictures ``(1, 3, R, R)`` by the scene's encoder, each with its seconds.

    Raises:
        I2IError: there is no encoder, or its latents are not of this generator.
    """
    try:
        encoder = scene.extractors["encoder"]
    except KeyError:
        raise i2i.I2IError("No encoder is at hand; choose --method lpips, which needs none.") from None
    found = []
    for picture in pictures:  # one at a time: the same answer to the bit, whoever the neighbours are
        begun = time.perf_counter()
        with torch.no_grad():
            w: Tensor = encoder(picture).float()
        _check(scene.generator, encoder.name, w)
        found.append((w, time.perf_counter() - begun))
    return found


def _check(generator: Any, name: str, w: Tensor) -> None:
    if tuple(w.shape[1:]) != (generator.num_ws, generator.w_dim):
        raise i2i.I2IError(
            f"The encoder {name!r} gives latents of {w.shape[1]} x {w.shape[2]} numbers, and this generator takes "
            f"{generator.num_ws} x {generator.w_dim}: choose --method lpips, or --extractor encoder=NAME."
        )


def fixed_start(generator: Any, method: Method) -> Tensor:
    """The mean, or for ``uniform`` numbers in [-1, 1], the same for every photo: ``(1, num_ws, w_dim)``."""
    if method.start == "uniform":
        rows = torch.rand(generator.num_ws, generator.w_dim, generator=seeded(method.seed)) * 2 - 1
        return rows.to(generator.w_mean)[None]
    mean: Tensor = generator.w_mean
    return mean.expand(1, generator.num_ws, -1)
