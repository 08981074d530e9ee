"""The inverters: ``image2stylegan``, ``projector``, ``lpips``, ``encoder``, ``hybrid`` and ``pti``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

import i2i

from .methods import METHODS
from .options import EncoderOptions, OptimizerOptions, TuningOptions, resolve_method
from .pipeline import reconstruct
from .reconstruction import Reconstruction


class EncoderInverter(i2i.Inverter):
    """An encoder alone: one pass of a network, no optimisation (Tov et al. 2021)."""

    name = "encoder"
    summary = "One pass of an encoder network; fast, and less accurate."
    Options: ClassVar[type[i2i.Options]] = EncoderOptions
    may_use = ("perceptual", "encoder")

    def check(self, generator: i2i.Generator, options: Any) -> None:
        """Refuse to optimise noise maps of a generator without them; see ``i2i.Inverter.check``."""
        if resolve_method(options, METHODS[self.name]).noise and not isinstance(generator, i2i.StyleGenerator):
            raise i2i.UsageError(
                f"The inverter {self.name!r} optimises noise maps, and generators of the family {generator.name!r} "
                "have none; choose hybrid, or set noise=false (--no-noise)."
            )

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """Find the latent of each image; see ``i2i.Inverter.invert``."""
        settings = resolve_method(options, METHODS[self.name])
        reconstructions = reconstruct(scene, images, settings, batch=options.batch, frames=options.frames)
        return [reconstruction.to_inversion() for reconstruction in reconstructions]


class Image2StyleGAN(EncoderInverter):
    """Optimisation of w+ with features of VGG16 (Abdal et al. 2019)."""

    name = "image2stylegan"
    summary = "Optimises w+ with VGG16 features (Abdal et al. 2019); slow."
    Options = OptimizerOptions


class Projector(EncoderInverter):
    """The projector of StyleGAN2 (Karras et al. 2020)."""

    name = "projector"
    summary = "The projector of StyleGAN2: optimises w and noise maps (Karras et al. 2020)."
    Options = OptimizerOptions


class MixedLoss(EncoderInverter):
    """Optimisation of w+ and noise maps by squared error and LPIPS."""

    name = "lpips"
    summary = "Optimises w+ and noise maps by squared error and LPIPS; needs no download."
    Options = OptimizerOptions


class Hybrid(EncoderInverter):
    """An encoder's latent, optimised further; without an encoder, from the mean."""

    name = "hybrid"
    summary = "Optimises w+ from an encoder's latent, or from the mean where no encoder fits."
    Options = OptimizerOptions
    default = True


class PivotalTuning(EncoderInverter):
    """Pivotal tuning: the generator's weights are tuned to the photo around its latent (Roich et al. 2021)."""

    name = "pti"
    summary = "Tunes the generator's weights around the hybrid latent (Roich et al. 2021); the most accurate."
    Options = TuningOptions
    faithful = True
    requires = i2i.StyleGenerator

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """Tune around the latents of ``hybrid``, cached ones where there are some; see ``i2i.Inverter.invert``."""
        settings = resolve_method(options, METHODS[self.name])
        assert settings.tuning is not None
        tuning_steps, pivot_steps = len(images) * settings.tuning.steps, 0

        def on_pivot_step(done: int, total: int, **scalars: float) -> None:
            nonlocal pivot_steps
            pivot_steps = total
            scene.progress(done, total + tuning_steps, **scalars)

        def on_tuning_step(done: int, total: int, **scalars: float) -> None:
            scene.progress(pivot_steps + done, pivot_steps + total, **scalars)

        shared = options.model_dump(include=set(Hybrid.Options.model_fields))
        pivots = scene.invert(images, Hybrid.name, shared, progress=on_pivot_step)
        reconstructions = reconstruct(
            *(scene, images, settings, on_tuning_step),
            frames=options.frames,
            pivots=[Reconstruction.from_inversion(pivot) for pivot in pivots],
        )
        return [reconstruction.to_inversion() for reconstruction in reconstructions]


INVERTERS = (Image2StyleGAN, Projector, MixedLoss, EncoderInverter, Hybrid, PivotalTuning)
