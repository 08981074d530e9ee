"""The editor ``invert``: photos in, and for each its latent and the picture that the generator makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import i2i

from .options import Options, settle

if TYPE_CHECKING:
    from .inversion import Inversion


class Invert(i2i.Editor):
    """Find the latents from which the generator makes photos again."""

    name = "invert"
    summary = "Find the latents of photos: by an encoder, by optimisation, or by tuning the generator."
    photos = ("image+",)
    may_use = ("perceptual", "encoder", "identity", "landmarks")
    wants = "crops"
    Options = Options

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """As ``i2i.Editor.edit``; one result for each photo, the same whoever its neighbours are.

        Raises:
            i2i.I2IError: an extractor that the method needs cannot be opened or does not fit; says which does without.
            i2i.UsageError: options that mean nothing to the method.
        """
        if (
            scene.untuned is not None
        ):  # a picture may be a tuned latent's own; what is found is for the generator as it is
            scene = replace(scene, generator=scene.untuned)
        if options.study:
            from .study import study

            return study(scene, options)
        if options.grid:
            from .grid import grid

            return grid(scene, options)
        import torch

        from .reconstructing import reconstruct

        pictures = torch.cat([photo.pixels for photo in scene.every["image"]])
        settings = settle(options)
        found = reconstruct(scene, pictures, settings, batch=options.batch, frames=options.frames)
        told = scene.compare(torch.cat([each.picture for each in found]), pictures)
        tell_if_stopped(scene)
        return together([result(each, measures) for each, measures in zip(found, told, strict=True)])


def result(inversion: Inversion, measures: Mapping[str, float]) -> i2i.Result:
    """The inversion as an editor gives it back; ``measures`` are those of its picture against the photo."""
    scalars = {
        **measures,
        "seconds": inversion.seconds,
        "steps": float(inversion.steps),
        "loss": inversion.loss,
    }
    lines = {"latent": list(enumerate(inversion.losses))}
    if inversion.tuned:
        first = len(inversion.losses) - 1
        lines["generator"] = [(first + step, loss) for step, loss in enumerate(inversion.tuned)]
    points = {name: [(float(x), float(y)) for x, y in line] for name, line in lines.items()}
    plot = i2i.Plot("step", "loss", points, logarithmic=True)
    return i2i.Result(
        inversion.picture,
        inversion.latent,
        tuple(inversion.frames),
        scalars,
        plots={"loss": plot} if any(len(line) > 1 for line in points.values()) else {},
    )


def together(results: Sequence[i2i.Result]) -> i2i.Result:
    """The results of several photos in one."""
    return replace(results[0], others=tuple(results[1:]))


def tell_if_stopped(scene: i2i.Scene) -> None:
    """Say that what is given is not what would have come out in the end."""
    if scene.cancelled:
        scene.note("Stopped before the end: these are the best latents found so far.")
