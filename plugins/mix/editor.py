"""The editor ``mix``: options to a plan, the plan drawn."""

from __future__ import annotations

from typing import Any

import i2i

from .options import Options


class Mix(i2i.Editor):
    """New pictures from latents of others; see ``presets`` for what it can do and ``operations`` for how."""

    name = "mix"
    summary = "Mix pictures by their latents: style, expression, crossover, morph, average, and directions."
    photos = ("image+", "other*")
    may_use = ("text",)
    wants = "latent"
    Options = Options

    def check(self, generator: Any, options: Any) -> None:
        """As ``i2i.Editor.check``: mixing layers needs several of them."""
        if generator.num_ws == 1 and "psi" in options.chosen.uses:
            raise i2i.UsageError(
                f"--preset {options.preset} mixes the layers of two latents and needs several layers, and a "
                f"{generator.name} has one; choose --preset morph or --preset average."
            )

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Mix each ``image`` with its ``other``, or move it along a direction.

        Raises:
            UsageError: rows, components or labels are not there, or pictures are missing.
            I2IError: the generator or an extractor cannot do what the preset needs.
            Interrupted: the user wants out before a direction is found.
        """
        from . import along, towards
        from .drawing import draw
        from .work import Stopped, Work

        work = Work(scene)
        try:
            if options.chosen.kind == "direction":
                plans = along.plan(scene, options, work)
            elif options.chosen.kind == "all":
                plans = towards.mean(scene, options)
            else:
                plans = towards.plan(scene, options)
        except Stopped:
            stopped = "Stopped before the direction was found, so nothing is written; type the command again."
            raise i2i.Interrupted(stopped) from None
        return draw(scene, plans, work)
