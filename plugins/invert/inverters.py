"""The inverters: ``image2stylegan``, ``projector``, ``lpips``, ``encoder``, ``hybrid`` and ``pti``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import i2i

from .inversion import Reconstruction
from .methods import METHODS
from .options import EncoderOptions, OptimizerOptions, TuningOptions, settle

if TYPE_CHECKING:
    from torch import Tensor


class Encoder(i2i.Inverter):
    """An encoder alone: one pass of a network, no optimisation (Tov et al. 2021)."""

    name = "encoder"
    summary = "One pass of an encoder network; fast, and less like the photo."
    Options: ClassVar[type[i2i.Options]] = EncoderOptions
    may_use = ("perceptual", "encoder")

    def check(self, generator: Any, options: Any) -> None:
        """As ``i2i.Inverter.check``: optimising noise maps needs a StyleGAN."""
        if settle(options, METHODS[self.name]).noise and not isinstance(generator, i2i.StyleGenerator):
            raise i2i.UsageError(
                f"The inverter {self.name!r} optimises noise maps, and generators of the family {generator.name!r} "
                "have none; choose hybrid, or set noise=false (--no-noise)."
            )

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """As ``i2i.Inverter.invert``."""
        from .reconstructing import reconstruct

        settings = settle(options, METHODS[self.name])
        found = reconstruct(scene, images, settings, batch=options.batch, frames=options.frames)
        return [each.result() for each in found]


class Image2StyleGAN(Encoder):
    """Optimisation of w+ with features of VGG16 (Abdal et al. 2019)."""

    name = "image2stylegan"
    summary = "Optimises w+ with VGG16 features (Abdal et al. 2019); slow."
    Options = OptimizerOptions


class Projector(Encoder):
    """The projector of StyleGAN2 (Karras et al. 2020)."""

    name = "projector"
    summary = "The projector of StyleGAN2: optimises w and noise maps (Karras et al. 2020)."
    Options = OptimizerOptions


class MixedLoss(Encoder):
    """Optimisation of w+ and noise maps with pixels and LPIPS."""

    name = "lpips"
    summary = "Optimises w+ and noise maps with pixels and LPIPS; needs no download."
    Options = OptimizerOptions


class Hybrid(Encoder):
    """An encoder's latent, optimised further; without an encoder, from the mean."""

    name = "hybrid"
    summary = "Optimises w+ from an encoder's latent, or from the mean where no encoder fits."
    Options = OptimizerOptions
    default = True


class PivotalTuning(Encoder):
    """Pivotal tuning: the generator's weights are tuned to the photo around its latent (Roich et al. 2021)."""

    name = "pti"
    summary = "Tunes the generator's weights around the hybrid latent (Roich et al. 2021); most like the photo."
    Options = TuningOptions
    faithful = True
    requires = i2i.StyleGenerator

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """As ``i2i.Inverter.invert``; the pivots are inversions of ``hybrid``, cached ones where there are some."""
        from .reconstructing import reconstruct

        settings = settle(options, METHODS[self.name])
        assert settings.tuning is not None
        rest, before = len(images) * settings.tuning.steps, 0

        def on_pivot_step(done: int, total: int, **scalars: float) -> None:
            nonlocal before
            before = total
            scene.progress(done, total + rest, **scalars)

        def on_tuning_step(done: int, total: int, **scalars: float) -> None:
            scene.progress(before + done, before + total, **scalars)

        shared = options.model_dump(include=set(Hybrid.Options.model_fields))
        pivots = scene.invert(images, Hybrid.name, shared, progress=on_pivot_step)
        found = reconstruct(
            *(scene, images, settings, on_tuning_step),
            frames=options.frames,
            pivots=[Reconstruction.of(each) for each in pivots],
        )
        return [each.result() for each in found]


INVERTERS = (Image2StyleGAN, Projector, MixedLoss, Encoder, Hybrid, PivotalTuning)
