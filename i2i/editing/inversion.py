"""Inversion on the way to an edit: photos get latents, and what was found once is kept in the user's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.editor import Plot, Result
from ..api.errors import I2IError
from ..api.options import Options
from ..api.scene import Latent, Scene
from ..guards import build_plugin
from ..toolkit.files import user_directory
from ..toolkit.latents.files import read_latent, save_latent
from ..toolkit.locks import file_lock
from .inputs import Place
from .photos import Picture, render
from .settings import INVERTER

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..registry import Registry


class Kept:
    """Results of an editor whose answer to a picture depends on that picture, the generator and the options alone."""

    def __init__(self, kind: type[Editor], options: Options, about: Mapping[str, Any], keep: bool) -> None:
        """``about`` is whatever else a result depends on: generator, extractors, versions."""
        self.keep = keep
        self._told = json.dumps([kind.name, options.model_dump(mode="json"), about], sort_keys=True)

    def _file(self, picture: Picture) -> Path:
        digest = hashlib.sha256(self._told.encode())
        digest.update(str(picture.before.shape).encode() + picture.before.tobytes())
        return user_directory() / "inversions" / f"{digest.hexdigest()[:32]}.safetensors"

    def find(self, picture: Picture, generator: Any) -> Result | None:
        """What was kept of a picture, its image drawn anew; None where there is nothing."""
        file = self._file(picture)
        if not self.keep or not file.is_file():
            return None
        try:
            latent, told = read_latent(file)
            latent = _placed(latent, generator.device)
            plots = {name: _plot(each) for name, each in told["plots"].items()}
            scalars = {str(name): float(value) for name, value in told["scalars"].items()}
            return Result(render(generator, latent), latent, scalars=scalars, plots=plots)
        except (I2IError, KeyError, TypeError, ValueError, AttributeError):
            file.unlink(missing_ok=True)
            return None

    @contextmanager
    def locked(self, pictures: Sequence[Picture], scene: Scene) -> Iterator[None]:
        """Hold the cache files of pictures, so that two processes do not make the same results at once."""

        def waiting() -> None:
            scene.note("Waiting for another process that inverts the same photo.")

        files = sorted({self._file(picture) for picture in pictures}) if self.keep else []
        with ExitStack() as stack:
            for file in files:  # all processes take them in the same order, so that none waits for the other forever
                stack.enter_context(file_lock(file, waiting=waiting, stop=lambda: scene.cancelled))
            yield

    def put(self, picture: Picture, result: Result) -> None:
        """Keep a result, where it is no more than a latent and numbers; a folder one may not write to costs nothing."""
        latent = result.latent
        if not self.keep or not isinstance(latent, Latent) or result.frames:
            return
        plots = {name: _plain(plot) for name, plot in result.plots.items()}
        with suppress(OSError):
            save_latent(self._file(picture), latent, {"scalars": dict(result.scalars), "plots": plots})


def _placed(latent: Latent, device: Any) -> Latent:
    return replace(
        latent,
        w=latent.w.to(device),
        noise={name: plane.to(device) for name, plane in latent.noise.items()},
        changes={name: change.to(device) for name, change in latent.changes.items()},
    )


def _plain(plot: Plot) -> dict[str, Any]:
    lines = {name: list(points) for name, points in plot.lines.items()}
    return {"x": plot.x, "y": plot.y, "lines": lines, "log": plot.logarithmic}


def _plot(told: Mapping[str, Any]) -> Plot:
    lines = {str(name): [(float(x), float(y)) for x, y in points] for name, points in told["lines"].items()}
    return Plot(str(told["x"]), str(told["y"]), lines, bool(told["log"]))


def results_of(
    registry: Registry, kind: type[Editor], options: Options, pictures: Sequence[Picture], scene: Scene, kept: Kept
) -> list[Result]:
    """The editor's result for each picture: those that are kept, and the others made in one go.

    Args:
        scene: With everything but the pictures.
    """
    found = [kept.find(picture, scene.generator) for picture in pictures]
    left = [number for number, result in enumerate(found) if result is None]
    with kept.locked([pictures[number] for number in left], scene):
        for number in left:  # another process may have made some of them meanwhile
            found[number] = kept.find(pictures[number], scene.generator)
        left = [number for number in left if found[number] is None]
        if left:
            photos = [pictures[number].photo for number in left]
            name = Place.of(kind.photos[0]).name  # its own: the pictures may be another editor's targets
            scene.photos, scene.every = {name: photos[0]}, {name: photos}
            made = build_plugin(registry, "editor", kind.name).edit(scene, options)
            for number, result in zip(left, [made, *made.others], strict=False):
                found[number] = replace(result, others=())
                if not scene.cancelled and made.table is None:
                    kept.put(pictures[number], result)
    if any(result is None for result in found):
        raise I2IError(f"Editor {kind.name!r} gave fewer results than it was given pictures; tell its author.")
    return [result for result in found if result is not None]


def inverter(registry: Registry) -> type[Editor]:
    """The editor that turns photos into latents.

    Raises:
        I2IError: no plugin brings one.
    """
    found: type[Editor] | None = registry.get("editor", INVERTER) if INVERTER in registry.entries("editor") else None
    if found is None:
        raise I2IError(
            f"Photos are turned into latents by an editor called {INVERTER!r}, and no plugin here brings one: "
            "edit seed:0 or a latent.safetensors instead."
        )
    return found
