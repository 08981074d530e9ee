"""The editor ``invert``: for each photo its latent, and the image that the latent renders to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import i2i
from i2i import did_you_mean, option_flag

from .options import InvertOptions, TuningOptions


class Invert(i2i.Editor):
    """Find the latents from which the generator reconstructs photos."""

    name = "invert"
    summary = "Find the latents of photos: by an encoder, by optimisation, or by tuning the generator."
    photos = ("image+",)
    may_use = ("perceptual", "encoder", "identity", "landmarks")
    wants = "crops"
    Options = InvertOptions

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Invert each photo; its result does not depend on the other photos.

        Returns:
            The result of the first photo; those of the other photos are its ``others``.

        Raises:
            I2IError: an extractor cannot be opened or does not fit; the message names a method that needs none.
            UsageError: options have no effect with the method.
        """
        if scene.untuned is not None:  # a photo may come as a tuned latent, but its inversion is for the file's weights
            scene = replace(scene, generator=scene.untuned)
        if options.study:
            from .study import evaluate_perturbations

            return evaluate_perturbations(scene, options)
        if options.grid:
            from .evaluation import compare_methods

            return compare_methods(scene, options)
        values = inverter_options(scene, options, options.method)
        photos = torch.cat([photo.pixels for photo in scene.every["image"]])
        inversions = scene.invert(photos, options.method, values)
        metrics = scene.compare(stack_images(inversions), photos)
        note_cancellation(scene)
        return merge_results(
            [edit_result(inversion, measured) for inversion, measured in zip(inversions, metrics, strict=True)]
        )


def split_inverter(scene: i2i.Scene, method: str) -> tuple[type[i2i.Inverter], dict[str, str]]:
    """Return the inverter class that ``NAME[,KEY=VALUE]`` names, and the options that stand in the text.

    Raises:
        UsageError: there is none, or a part is not ``KEY=VALUE``.
    """
    name, values = i2i.split_method(method)
    if name not in scene.inverters:
        name = name or method
        raise i2i.UsageError(
            f"--method {name}: there is no inverter of this name.{did_you_mean(name, scene.inverters)}"
        )
    return scene.inverters[name], values


def inverter_options(scene: i2i.Scene, options: InvertOptions, method: str, strict: bool = True) -> dict[str, Any]:
    """Return the given options that an inverter has, for ``scene.invert``.

    Args:
        method: The inverter, as ``NAME[,KEY=VALUE]``.
        strict: False ignores options that the inverter does not have, for several inverters that share the options.

    Raises:
        UsageError: an option has no effect with the inverter, or there is no such inverter.
    """
    inverter, _ = split_inverter(scene, method)
    given = {name: getattr(options, name) for name in TuningOptions.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    fields = inverter.Options.model_fields
    for name in given if strict else ():
        if name not in fields and getattr(options, name) != TuningOptions.model_fields[name].default and name != "seed":
            raise _without_effect(scene, inverter, name)
    return {name: value for name, value in given.items() if name in fields}


def _without_effect(scene: i2i.Scene, inverter: type[i2i.Inverter], option: str) -> i2i.UsageError:
    methods = [name for name, candidate in scene.inverters.items() if option in candidate.Options.model_fields]
    return i2i.UsageError(
        f"{option_flag(option)} has no effect with --method {inverter.name}; leave it out, or choose a method that has "
        f"it: {', '.join(methods)}."
    )


def inversion_image(inversion: i2i.Inversion) -> Tensor:
    """Return the image ``(1, 3, R, R)`` of an inversion from ``scene.invert``, which always has one."""
    assert inversion.image is not None
    return inversion.image


def stack_images(inversions: Sequence[i2i.Inversion]) -> Tensor:
    """Return the images of N inversions, ``(N, 3, R, R)`` in [-1, 1]."""
    return torch.cat([inversion_image(inversion) for inversion in inversions])


def edit_result(inversion: i2i.Inversion, metrics: Mapping[str, float]) -> i2i.Result:
    """Convert an inversion to the result of an edit; ``metrics`` compare its image with the photo."""
    return i2i.Result(
        inversion_image(inversion),
        inversion.latent,
        tuple(inversion.frames),
        {**metrics, **inversion.scalars},
        plots=inversion.plots,
    )


def merge_results(results: Sequence[i2i.Result]) -> i2i.Result:
    """Merge the results of several photos into the first."""
    return replace(results[0], others=tuple(results[1:]))


def note_cancellation(scene: i2i.Scene) -> None:
    """Add a note to a cancelled edit: its latents are not the final ones of the method."""
    if scene.cancelled:
        scene.note("Stopped before the end: these are the best latents found so far.")
