"""The editor ``mix``."""

from __future__ import annotations

from typing import Any

import i2i

from .directions import open_direction
from .options import MixOptions
from .plans import plan_edit
from .rendering import DirectionCancelled, EditProgress, render_edit


class Mix(i2i.Editor):
    """New images from latent codes: by style mixing, interpolation, averages or attribute directions.

    ``presets`` lists what it can do, ``latent_operations`` and ``directions`` hold the arithmetic.
    """

    name = "mix"
    summary = "Mix images by their latent codes: style, expression, crossover, morph, average, and directions."
    photos = ("image+", "other*")
    may_use = ("text",)
    wants = "latent"
    Options = MixOptions

    def check(self, generator: i2i.Generator | None, options: Any) -> None:
        """Refuse presets that mix layers where the generator has only one, and directions of another w.

        Raises:
            UsageError: the generator has one layer, or the direction has other dimensions or no such component.
            I2IError: the direction is not downloaded, or its file is damaged.
        """
        if generator is not None and options.direction is not None:
            open_direction(options, generator)
        if generator is not None and generator.num_ws == 1 and "psi" in options.chosen.uses:
            raise i2i.UsageError(
                f"--preset {options.preset} mixes the layers of two latent codes and needs several layers, and a "
                f"{generator.name} has one; choose --preset morph or --preset average."
            )

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Mix each ``image`` with its ``other``, or move it in a direction.

        Returns:
            The result of the first photo; those of the other photos are its ``others``.

        Raises:
            UsageError: layers, components or labels do not exist, or photos are missing.
            I2IError: the generator or an extractor cannot do what the preset needs.
            Interrupted: the user cancelled before a direction was found.
        """
        progress = EditProgress(scene)
        try:
            plan = plan_edit(scene, options, progress)
        except DirectionCancelled:
            reason = "Stopped before the direction was found, so nothing is written; type the command again."
            raise i2i.Interrupted(reason) from None
        return render_edit(scene, plan, progress)
