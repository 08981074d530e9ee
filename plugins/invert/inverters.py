"""The inverters: ``image2stylegan``, ``projector``, ``lpips``, ``encoder``, ``hybrid``, ``hybrid-pti``, ``pti``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

import i2i

from .faces import knows_faces
from .methods import Method, method_for
from .options import (
    EncoderOptions,
    LpipsOptions,
    OptimizerOptions,
    TuningOptions,
    is_vgg16_downloaded,
    resolve_method,
)
from .pipeline import reconstruct
from .reconstruction import Reconstruction

_ROLES: tuple[i2i.Role, ...] = ("perceptual", "encoder", "landmarks", "identity")
"""Roles of the extractors that a loss may need."""


class EncoderInverter(i2i.Inverter):
    """An encoder alone: one pass of a network, no optimisation (Tov et al. 2021)."""

    name = "encoder"
    summary = "One pass of an encoder network; fast, and less accurate."
    Options: ClassVar[type[i2i.Options]] = EncoderOptions
    may_use: ClassVar[tuple[i2i.Role, ...]] = ("perceptual", "encoder")

    def check(self, generator: i2i.Generator, options: Any) -> None:
        """Refuse noise maps of a generator without them, and options without effect; see ``i2i.Inverter.check``."""
        method = self.method(generator, options)
        if getattr(options, "background_weight", None) is not None and not method.compares_faces:
            raise i2i.UsageError(
                "--background-weight has an effect only where faces are compared; add --landmark-weight 10 "
                "--identity-weight 0.5, or leave it out."
            )
        if method.noise and not isinstance(generator, i2i.StyleGenerator):
            raise i2i.UsageError(
                f"The inverter {self.name!r} optimises noise maps, and generators of the family {generator.name!r} "
                "have none; choose hybrid, or set noise=false (--no-noise)."
            )

    def cache_facts(self, generator: i2i.Generator, options: Any) -> Mapping[str, Any]:
        """Return whether VGG16 is used because it is downloaded; see ``i2i.Inverter.cache_facts``."""
        return {"vgg16": True} if self._prefers_vgg(generator, options) and is_vgg16_downloaded() else {}

    def method(self, generator: i2i.Generator, options: Any) -> Method:
        """Return the method for a generator with the given options, on AlexNet where VGG16 is not downloaded."""
        settings = resolve_method(options, method_for(self.name, generator.resolution))
        if self._prefers_vgg(generator, options) and not is_vgg16_downloaded():
            settings = replace(settings, features="perceptual")
        return settings if settings.features == "lpips-vgg" else settings.at_full_resolution()

    def _prefers_vgg(self, generator: i2i.Generator, options: Any) -> bool:
        """Return whether the method has LPIPS on VGG16, and the user did not choose."""
        prefers = method_for(self.name, generator.resolution).features == "lpips-vgg"
        return prefers and getattr(options, "vgg", None) is None

    def note_network(self, scene: i2i.Scene, options: Any) -> None:
        """Add a note where AlexNet stands in for VGG16."""
        if self._prefers_vgg(scene.generator, options) and not is_vgg16_downloaded():
            perceptual: Any = scene.extractors["perceptual"]
            if perceptual.name == "lpips":
                scene.note(
                    f"{self.name} computes LPIPS with AlexNet, as VGG16 is not downloaded; it is meant to use VGG16: "
                    "type 'i2i models fetch vgg16'."
                )

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """Find the latent of each image; see ``i2i.Inverter.invert``."""
        settings = self.method(scene.generator, options)
        self.note_network(scene, options)
        if settings.compares_faces and not knows_faces(scene, images):
            scene.note(
                "Landmarks and identity are not compared, as no networks for them in such images are downloaded; for "
                "photos of faces type 'i2i models fetch faces'."
            )
        reconstructions = reconstruct(scene, images, settings, batch=options.batch, frames=options.frames)
        return [reconstruction.to_inversion() for reconstruction in reconstructions]


class Image2StyleGAN(EncoderInverter):
    """Optimisation of w+ with features of VGG16 (Abdal et al. 2019)."""

    name = "image2stylegan"
    summary = "Optimises w+ with VGG16 features (Abdal et al. 2019); slow."
    Options = OptimizerOptions
    may_use = _ROLES


class Projector(EncoderInverter):
    """The projector of StyleGAN2 (Karras et al. 2020)."""

    name = "projector"
    summary = "The projector of StyleGAN2: optimises w and noise maps (Karras et al. 2020)."
    Options = LpipsOptions
    may_use = _ROLES


class MixedLoss(EncoderInverter):
    """Optimisation of w+ and noise maps by squared error and LPIPS."""

    name = "lpips"
    summary = "Optimises w+ and noise maps by squared error and LPIPS; needs no download."
    Options = LpipsOptions
    may_use = _ROLES


class Hybrid(EncoderInverter):
    """An encoder's latent, optimised further; without an encoder, from the mean."""

    name = "hybrid"
    summary = "Optimises w+ from an encoder's latent, or from the mean where no encoder fits."
    Options = LpipsOptions
    may_use = _ROLES
    default = True


class HybridPivotalTuning(EncoderInverter):
    """Pivotal tuning around the latent of ``hybrid``, with its loss."""

    name = "hybrid-pti"
    summary = "Tunes the generator's weights around the latent of hybrid; the most accurate."
    Options = TuningOptions
    may_use = _ROLES
    faithful = True
    requires = i2i.StyleGenerator
    pivot: ClassVar[type[EncoderInverter]] = Hybrid
    """The inverter whose latent is the pivot."""

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> Sequence[i2i.Inversion]:
        """Tune around the latents of ``pivot``, cached ones where there are some; see ``i2i.Inverter.invert``."""
        settings = self.method(scene.generator, options)
        assert settings.tuning is not None
        tuning_steps, pivot_steps = len(images) * settings.tuning.steps, 0

        def on_pivot_step(done: int, total: int, **scalars: float) -> None:
            nonlocal pivot_steps
            pivot_steps = total
            scene.progress(done, total + tuning_steps, **scalars)

        def on_tuning_step(done: int, total: int, **scalars: float) -> None:
            scene.progress(pivot_steps + done, pivot_steps + total, **scalars)

        pivot_options = self.pivot_options(scene.generator, options)
        pivots = scene.invert(images, self.pivot.name, pivot_options, progress=on_pivot_step)
        reconstructions = reconstruct(
            *(scene, images, settings, on_tuning_step),
            frames=options.frames,
            pivots=[self.prepare_pivot(Reconstruction.from_inversion(pivot)) for pivot in pivots],
        )
        return [reconstruction.to_inversion() for reconstruction in reconstructions]

    def pivot_options(self, generator: i2i.Generator, options: Any) -> dict[str, Any]:
        """Return the options of ``pivot``: those that it shares."""
        shared: dict[str, Any] = options.model_dump(include=set(self.pivot.Options.model_fields))
        return shared

    def prepare_pivot(self, pivot: Reconstruction) -> Reconstruction:
        """Return the reconstruction around which the weights are tuned."""
        return pivot


class PivotalTuning(HybridPivotalTuning):
    """Pivotal tuning as published: around the latent of the projector in w (Roich et al. 2021)."""

    name = "pti"
    summary = "Tunes the generator's weights around the latent of the projector in w (Roich et al. 2021); slow."
    Options = TuningOptions
    faithful = False
    pivot = Projector

    def pivot_options(self, generator: i2i.Generator, options: Any) -> dict[str, Any]:
        """Return the shared options, with the steps and learning rate of the published code where none are given."""
        method = method_for(self.name, generator.resolution)
        own = {"steps": method.steps, "rate": method.learning_rate}
        return super().pivot_options(generator, options) | {
            name: value for name, value in own.items() if getattr(options, name) is None
        }

    def prepare_pivot(self, pivot: Reconstruction) -> Reconstruction:
        """Leave the optimised noise maps out, as the published code does."""
        return replace(pivot, latent=i2i.Latent(pivot.latent.w))


INVERTERS = (Image2StyleGAN, Projector, MixedLoss, EncoderInverter, Hybrid, HybridPivotalTuning, PivotalTuning)
