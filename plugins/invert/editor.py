"""The editor ``invert``: for each photo its latent and the image that the generator makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import i2i
from i2i import did_you_mean, option_flag

from .options import Options, TuningOptions


class Invert(i2i.Editor):
    """Find the latents from which the generator makes photos again."""

    name = "invert"
    summary = "Find the latents of photos: by an encoder, by optimisation, or by tuning the generator."
    photos = ("image+",)
    may_use = ("perceptual", "encoder", "identity", "landmarks")
    wants = "crops"
    Options = Options

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """As ``i2i.Editor.edit``; one result for each photo, which does not depend on the others.

        Raises:
            i2i.I2IError: an extractor that the method needs cannot be opened or does not fit; says which does without.
            i2i.UsageError: options that mean nothing to the method.
        """
        if scene.untuned is not None:  # a photo may be a tuned latent's own, and what is sought is for the generator
            scene = replace(scene, generator=scene.untuned)
        if options.study:
            from .study import study

            return study(scene, options)
        if options.grid:
            from .grid import grid

            return grid(scene, options)
        import torch

        values = values_for(scene, options, options.method)
        images = torch.cat([photo.pixels for photo in scene.every["image"]])
        found = scene.invert(images, options.method, values)
        measures = scene.compare(torch.cat([image_of(each) for each in found]), images)
        tell_if_stopped(scene)
        return together([result(each, told) for each, told in zip(found, measures, strict=True)])


def kind_of(scene: i2i.Scene, method: str) -> type[i2i.Inverter]:
    """Return the inverter that ``NAME[,KEY=VALUE]`` names.

    Raises:
        UsageError: there is none.
    """
    name = method.partition(",")[0]
    if name not in scene.inverters:
        raise i2i.UsageError(
            f"--method {name}: there is no inverter of this name.{did_you_mean(name, scene.inverters)}"
        )
    return scene.inverters[name]


def values_for(scene: i2i.Scene, options: Options, method: str, strict: bool = True) -> dict[str, Any]:
    """Return the editor's options that an inverter knows, for ``scene.invert``.

    Args:
        strict: False ignores what the inverter does not know, for one of several that share the options.

    Raises:
        UsageError: an option is given that means nothing to the inverter, or there is no such inverter.
    """
    kind = kind_of(scene, method)
    given = {name: getattr(options, name) for name in TuningOptions.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    known = kind.Options.model_fields
    for name in given if strict else ():
        if name not in known and getattr(options, name) != TuningOptions.model_fields[name].default and name != "seed":
            raise _meaningless(scene, kind, name)
    return {name: value for name, value in given.items() if name in known}


def _meaningless(scene: i2i.Scene, kind: type[i2i.Inverter], name: str) -> i2i.UsageError:
    knows = [each for each, other in scene.inverters.items() if name in other.Options.model_fields]
    return i2i.UsageError(
        f"{option_flag(name)} means nothing to --method {kind.name}; leave it out, or choose a method that has it: "
        f"{', '.join(knows)}."
    )


def image_of(inversion: i2i.Inversion) -> Any:
    """Return the image of an inversion; ``scene.invert`` gives each one."""
    assert inversion.image is not None
    return inversion.image


def result(inversion: i2i.Inversion, measures: Mapping[str, float]) -> i2i.Result:
    """Return the inversion as an editor does; ``measures`` are those of its image against the photo."""
    return i2i.Result(
        image_of(inversion),
        inversion.latent,
        tuple(inversion.frames),
        {**measures, **inversion.scalars},
        plots=inversion.plots,
    )


def together(results: Sequence[i2i.Result]) -> i2i.Result:
    """Return the results of several photos in one."""
    return replace(results[0], others=tuple(results[1:]))


def tell_if_stopped(scene: i2i.Scene) -> None:
    """Say that the latents are not what the method would give in the end."""
    if scene.cancelled:
        scene.note("Stopped before the end: these are the best latents found so far.")
