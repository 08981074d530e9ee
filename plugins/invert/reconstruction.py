"""The reconstruction of a photo: the image that a latent renders to, its loss, and the record of its optimisation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.images.similarity import psnr
from i2i.toolkit.latents.features import LARGEST, resize_for_features

from .methods import Method

PSNR = "psnr"
"""Name of the PSNR, dB, among the metrics of each step; the other metrics are the weighted terms of the loss."""
LOSS, TUNING_LOSS = "loss", "tuning loss"
"""Names of the lines of the whole loss in plots."""
OnStep = Callable[..., None]
"""``on_step(done, total, **scalars)``, as ``i2i.Scene.progress``."""


def render_images(
    generator: i2i.Generator, w: Tensor, noise: Mapping[str, Tensor] | Literal["none"] | None = None
) -> Tensor:
    """Render ``w (N, num_ws, w_dim)`` to RGB images ``(N, 3, R, R)``, also with a generator of grey images.

    Args:
        noise: Noise maps by name, ``"none"``, or None for the stored ones.
    """
    images: Tensor = generator.render(w, noise or "const")
    return images.expand(-1, 3, -1, -1)


COARSE = 128
"""Resolution, pixels, at which features are compared in the first steps of some methods."""
Features = Mapping[str, Tensor]
"""Feature maps by layer, of a perceptual extractor."""


class ReconstructionLoss:
    """The difference of images from target photos ``(N, 3, R, R)``: mean squared error and perceptual distance."""

    def __init__(self, scene: i2i.Scene, method: Method, targets: Tensor, full_size: bool = False) -> None:
        """Compute the features of the targets.

        Args:
            full_size: Whether features are compared at the resolution R also where it is more than 256 px.

        Raises:
            I2IError: the extractor of the features cannot be opened.
        """
        self.method, self.targets, self.full_size = method, targets, full_size
        self.perceptual = perceptual_extractor(scene, method) if method.lpips_weight else None
        self._features: dict[bool, Features] = {}

    def losses(self, images: Tensor) -> Tensor:
        """Compute the losses ``(N,)`` of images ``(N, 3, R, R)``, each against the target at its position."""
        return sum_terms(self.weighted_terms(images))

    def weighted_terms(self, images: Tensor, coarse: bool = False) -> dict[str, Tensor]:
        """Compute the weighted terms of the loss by name, ``(N,)`` each, without those of weight 0; at least one.

        Args:
            coarse: Compare features at 128 px: faster, and the general shape counts more.
        """
        squared, distances = self.terms(images, coarse)
        weighted = {"mse": (self.method.rec_weight, squared), "lpips": (self.method.lpips_weight, distances)}
        return {name: weight * term for name, (weight, term) in weighted.items() if weight} or {"mse": 0 * squared}

    @torch.no_grad()
    def psnr(self, images: Tensor) -> Tensor:
        """Compute the PSNR, dB ``(N,)``, of images ``(N, 3, R, R)``, clamped to [-1, 1] as they are shown."""
        return psnr((images.clamp(-1, 1) - self.targets).square().mean(dim=(1, 2, 3)))

    def terms(self, images: Tensor, coarse: bool = False) -> tuple[Tensor, Tensor]:
        """Compute the mean squared errors and the perceptual distances, ``(N,)`` each; 0 where the weight is 0."""
        zeros = images.new_zeros(len(images))
        squared = (images - self.targets).square().mean(dim=(1, 2, 3)) if self.method.rec_weight > 0 else zeros
        if self.perceptual is None:
            return squared, zeros
        return squared, self.perceptual.compare(self._features_of(images, coarse), self._target_features(coarse))

    def _target_features(self, coarse: bool) -> Features:
        """Return the features of the targets, computed at the first call."""
        if coarse not in self._features:
            with torch.no_grad():
                # One photo at a time: its features must be equal to the bit, whatever the other photos are.
                features = [self._features_of(target, coarse) for target in self.targets.split(1)]
            self._features[coarse] = {layer: torch.cat([maps[layer] for maps in features]) for layer in features[0]}
        return self._features[coarse]

    def _features_of(self, images: Tensor, coarse: bool) -> Features:
        assert self.perceptual is not None
        if self.full_size and images.shape[-1] > LARGEST:
            return self.perceptual.features(images)
        images = resize_for_features(images)
        if coarse and images.shape[-1] > COARSE:
            images = F.interpolate(images, (COARSE, COARSE), mode="area")
        return self.perceptual.features(images)

    def select(self, samples: Tensor) -> None:
        """Keep the targets of some samples only."""
        self.targets = self.targets[samples]
        for coarse, features in self._features.items():
            self._features[coarse] = {layer: maps[samples] for layer, maps in features.items()}


def sum_terms(terms: Mapping[str, Tensor]) -> Tensor:
    """Return the sum ``(N,)`` of the terms of a loss, of which there is at least one."""
    first, *others = terms.values()
    return functools.reduce(torch.add, others, first)


def perceptual_extractor(scene: i2i.Scene, method: Method) -> i2i.PerceptualExtractor:
    """Open the extractor whose features a method compares.

    Raises:
        I2IError: it cannot be opened; the message says what to download, and which method needs no download.
    """
    try:
        extractor: Any = scene.extractors["perceptual" if method.features == "lpips-vgg" else method.features]
        if method.features == "lpips-vgg" and extractor.name == "lpips":
            extractor = scene.extractors[method.features]
    except i2i.I2IError as error:
        if method.features == "perceptual":
            raise
        raise i2i.I2IError(f"{str(error).rstrip('.')}; or use --method lpips, which needs no download.") from error
    perceptual: i2i.PerceptualExtractor = extractor
    return perceptual


@dataclass(frozen=True)
class Reconstruction:
    """The latent of one photo with its image and losses."""

    latent: i2i.Latent
    """The latent code, with noise maps and weight changes where the method optimises them."""
    image: Tensor
    """``(1, 3, R, R)`` in [-1, 1], what the latent renders to."""
    losses: Sequence[float]
    """The initial loss, and the loss after each step."""
    loss: float
    """The loss of the image; while w is jittered, ``losses`` may be lower than what their latents give."""
    steps: int
    """Number of steps taken."""
    seconds: float
    """Its part of the time; the time of photos that were optimised together is divided evenly."""
    tuning_losses: Sequence[float] = ()
    """Losses while the generator's weights were tuned to the photo."""
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """At each of ``losses``: the weighted terms of the loss by name (``mse``, ``lpips``, ``prior`` and ``noise`` where
    the method has them), and ``psnr``, dB."""
    tuning_metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """The same at each of ``tuning_losses``, with ``locality``, which is not computed at the last of them."""
    frames: Sequence[Tensor] = ()
    """Images of the optimisation, each ``(1, 3, R, R)``."""
    abandoned: bool = False
    """Whether the optimisation ended early because it began badly (``restarts``)."""

    def to_inversion(self) -> i2i.Inversion:
        """Convert to the result of an inverter."""
        scalars = {"seconds": self.seconds, "steps": float(self.steps), "loss": self.loss}
        plots = {"loss": self._plot()} if max(len(self.losses), len(self.tuning_losses)) > 1 else {}
        return i2i.Inversion(self.latent, scalars, plots, self.image, tuple(self.frames))

    def _plot(self) -> i2i.Plot:
        """Plot the loss and its terms over the steps, and the PSNR on the right axis.

        Tuning continues the steps with lines of its own, as its terms may have other weights. The first of its losses,
        which belongs to the best latent and not to a step, is shown for the whole loss only.
        """
        first = len(self.losses) - 1
        lines = {LOSS: list(enumerate(self.losses))}
        if self.tuning_losses:
            lines[TUNING_LOSS] = list(enumerate(self.tuning_losses, start=first))
        lines |= {name: list(enumerate(values)) for name, values in self.metrics.items()}
        for name, values in self.tuning_metrics.items():
            steps = list(enumerate(values, start=first))[0 if name == "locality" else 1 :]
            lines.setdefault(name if name == PSNR else f"tuning {name}", []).extend(steps)
        points = {name: [(float(x), float(y)) for x, y in line] for name, line in lines.items() if line}
        ratios = points.pop(PSNR, None)
        right_lines = {} if ratios is None else {PSNR: ratios}
        return i2i.Plot("step", "loss", points, True, right="PSNR, dB", right_lines=right_lines, csv=True)

    @classmethod
    def from_inversion(cls, inversion: i2i.Inversion) -> Reconstruction:
        """Convert an inversion without tuning back; the inverse of ``to_inversion``."""
        assert inversion.image is not None
        scalars = inversion.scalars
        plot = inversion.plots.get("loss")
        losses = [scalars["loss"]] if plot is None else [loss for _, loss in next(iter(plot.lines.values()))]
        lines = {} if plot is None else {**plot.lines, **plot.right_lines}
        metrics = {name: [y for _, y in line] for name, line in lines.items() if name not in (LOSS, "latent")}
        return cls(
            *(inversion.latent, inversion.image, losses, scalars["loss"], int(scalars["steps"]), scalars["seconds"]),
            metrics=metrics,
            frames=inversion.frames,
        )


@dataclass
class StepCounter:
    """The progress of several photos, counted in optimisation steps of one photo."""

    on_step: OnStep
    """Called at each report."""
    total: int
    """Steps of all photos."""
    done: int = 0
    """Steps of the photos that are finished."""

    def report(self, steps: int, loss: float) -> None:
        """Report the steps of the photos that are optimised now, summed over them, and the loss."""
        self.on_step(min(self.total, self.done + steps), self.total, loss=loss)
