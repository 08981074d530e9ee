"""The editor ``drag``: points go where they should be, and the picture with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import i2i

from .options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from .measuring import Dragged
    from .planning import Plan
    from .trace import Trace


class Drag(i2i.Editor):
    """Drag Your GAN (Pan et al. 2023), by points or by presets of landmarks."""

    name = "drag"
    summary = "Drag points of a picture to where they should be, by hand or by presets: open_mouth, smile, slim_face."
    photos = ("image+",)
    may_use = ("landmarks", "identity", "perceptual")
    wants = "latent"
    default = True
    requires = i2i.StyleGenerator
    Options = Options

    def presets(self, options: Any) -> Iterable[str]:
        """Those of ``--preset``."""
        names: Iterable[str] = options.presets
        return names

    def check_photos(self, scene: i2i.Scene, options: Any) -> None:
        """Refuse what does not fit a picture, and photos without the face that presets need.

        Raises:
            UsageError: points or a mask do not fit.
            I2IError: there is no face.
        """
        from .planning import check_all

        check_all(scene, options)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """One result for each picture.

        Raises:
            UsageError: points or a mask do not fit a picture, or two presets undo each other.
            I2IError: a preset is not sound, there is no face for it, or the generator lacks features of this layer.
        """
        if options.grid:
            from .grid import columns, table

            presets = columns(scene, options)
            results: list[list[i2i.Result]] = []
            for column in presets:
                if results and scene.cancelled:
                    scene.note(f"Stopped before {column.title} began; the table has what was done until then.")
                    break
                results.append(_results(column.scene, column.options))
            first, *others = results[0]
            done = presets[: len(results)]
            return replace(first, others=tuple(others), table=table(scene, done, results))
        first, *others = _results(scene, options)
        return replace(first, others=tuple(others))

    def check_preset(self, preset: i2i.Preset) -> None:
        """Refuse one whose values are of another form than ``formats`` has.

        Raises:
            I2IError: says what is wrong with it, and who brings it.
        """
        from .formats import read

        read(preset)


def _results(scene: i2i.Scene, options: Options) -> list[i2i.Result]:
    """Of every picture."""
    from .dragging import drag

    found = {number: _result(options, done) for number, done in drag(scene, options)}
    return [found[number] for number in sorted(found)]


def _result(options: Options, done: Dragged) -> i2i.Result:
    trace = done.trace
    if trace is None:
        return i2i.Result(done.image, done.plan.w)
    return i2i.Result(done.image, trace.w, _frames(options, done, trace), done.told, plots=_plots(done.plan, trace))


def _frames(options: Options, done: Dragged, trace: Trace) -> list[Tensor]:
    """The way, blended as the result is, and last the result without marks."""
    from .frames import marked, plain
    from .pulling import blended

    if not trace.frames:
        return []
    targets = done.plan.handles.targets
    pictures = [blended(frame.picture, done.plan.photo.pixels, done.over) for frame in trace.frames]
    if options.track:
        way = [marked(each, frame.points, targets) for each, frame in zip(pictures, trace.frames, strict=True)]
    else:
        way = [plain(each) for each in pictures]
    return [*way, plain(done.image)]


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
