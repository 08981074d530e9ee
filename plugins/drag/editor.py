"""The editor ``drag``: points go where they should be, and the picture with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import i2i

from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from .optimisation import Trace
    from .planning import Plan


class Drag(i2i.Editor):
    """Drag Your GAN (Pan et al. 2023), by points or by presets of landmarks."""

    name = "drag"
    summary = "Drag points of a picture to where they should be, by hand or by presets: open_mouth, smile, slim_face."
    photos = ("image",)
    may_use = ("landmarks", "identity", "perceptual")
    wants = "latent"
    Options = Options

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """As ``i2i.Editor.edit``.

        Raises:
            UsageError: points or a mask do not fit the picture, or there is no such preset.
            I2IError: a preset is not sound, there is no face for it, or the generator lacks features of this layer.
        """
        import torch

        from . import optimisation
        from .measuring import scalars
        from .planning import plan

        planned = plan(scene, options)
        start = scene.photos["image"].pixels
        if not len(planned.handles.names):
            scene.note("There is nothing to move: the picture already is as the preset would have it.")
            return i2i.Result(start, scene.latent.w)
        drag = optimisation.Drag(
            scene,
            planned.settings,
            scene.latent.w,
            planned.handles,
            planned.mask,
            planned.pull,
            planned.features,
        )
        trace = drag.run()
        with torch.no_grad():
            drawn = scene.generator.render(trace.w).float().clamp(-1, 1).expand(-1, 3, -1, -1)
        over = planned.mask if options.keep_outside else None
        image = optimisation.blended(drawn, start, over)
        _tell(scene, planned, trace)
        told = scalars(scene, planned, trace, drawn, image)
        return i2i.Result(
            image, trace.w, _frames(planned, trace, image, start, over, options), told, plots=_plots(planned, trace)
        )


def _tell(scene: i2i.Scene, plan: Plan, trace: Trace) -> None:
    """Why it ended, unless all is well."""
    short = len(trace.arrived) - sum(trace.arrived)
    if trace.ended == "cancelled":
        scene.note(f"Stopped before the end: this is the best of {len(trace.losses) - 1} steps.")
    if not short or trace.ended == "cancelled":
        return
    far = max(trace.distances[trace.best])
    reasons = {
        "still": f"handles came no nearer for {plan.settings.patience} steps: there may be no such picture, "
        "or the mask may be too narrow",
        "steps": f"{plan.settings.steps} steps are over: try more --steps",
    }
    scene.note(
        f"{short} of {len(trace.arrived)} handles did not arrive, the farthest is {far:.1f} px from its target; "
        f"{reasons[trace.ended]}."
    )


def _frames(
    plan: Plan, trace: Trace, image: Tensor, start: Tensor, mask: Tensor | None, options: Options
) -> list[Tensor]:
    """The way, blended as the result is, and last the result without marks."""
    from .frames import marked, plain
    from .optimisation import blended

    if not trace.frames:
        return []
    targets = plan.handles.targets
    pictures = [blended(frame.picture, start, mask) for frame in trace.frames]
    if options.track:
        way = [marked(each, frame.points, targets) for each, frame in zip(pictures, trace.frames, strict=True)]
    else:
        way = [plain(each) for each in pictures]
    return [*way, plain(image)]


def _plots(plan: Plan, trace: Trace) -> dict[str, i2i.Plot]:
    """The track of every handle, and the loss."""
    tracks = {
        name: [(float(step), each[index]) for step, each in enumerate(trace.distances)]
        for index, name in enumerate(plan.handles.names)
    }
    loss = {"loss": [(float(step), value) for step, value in enumerate(trace.losses)]}
    return {
        "track": i2i.Plot("step", "distance to the target, px", tracks),
        "loss": i2i.Plot("step", "loss", loss),
    }
