"""The editor ``drag``: results, frames, plots and tables of dragged images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from torch import Tensor

import i2i
from i2i.toolkit.images import enlarge, to_array, to_tensor

from .losses import blend
from .optimisation import DragTrajectory
from .options import DragOptions
from .pipeline import DraggedImage, drag_images
from .plan import check_images, outline_images
from .preset_values import PresetValues, read_values

HANDLE_COLOUR, TARGET_COLOUR, LINE_COLOUR = (235, 40, 40), (40, 90, 235), (255, 255, 255)


class Drag(i2i.Editor):
    """Drag Your GAN (Pan et al. 2023), by points or by presets of landmarks."""

    name = "drag"
    summary = "Drag points of an image to targets, by hand or by presets: open_mouth, smile, slim_face."
    photos = ("image+",)
    may_use = ("landmarks", "identity", "perceptual")
    wants = "latent"
    default = True
    requires = i2i.StyleGenerator
    Options = DragOptions

    def presets(self, options: Any) -> Iterable[str]:
        """Return the names given with ``--preset``."""
        names: Iterable[str] = options.presets
        return names

    def check_photos(self, scene: i2i.Scene, options: Any) -> None:
        """Check that points and a mask fit, and that photos show the face that presets need.

        Raises:
            UsageError: points or a mask do not fit.
            I2IError: there is no face.
        """
        check_images(scene, options)

    def outline(self, scene: i2i.Scene, options: Any) -> Sequence[i2i.EditOutline]:
        """Return the handles, their targets and the mask of each image.

        Raises:
            UsageError: points or a mask do not fit an image, or two presets are opposed.
            I2IError: a preset is invalid, or an image shows no face.
        """
        return outline_images(scene, options)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return one result for each image.

        Raises:
            UsageError: points or a mask do not fit an image, or two presets are opposed.
            I2IError: a preset is invalid, an image shows no face, or the generator lacks features of this resolution.
        """
        if options.grid:
            columns = _columns(scene, options)
            results: list[list[i2i.Result]] = []
            for column in columns:
                if results and scene.cancelled:
                    scene.note(f"Stopped before {column.title}; the table shows the presets before it.")
                    break
                results.append(_drag(column.scene, column.options))
            first, *others = results[0]
            return replace(first, others=tuple(others), table=_table(scene, columns[: len(results)], results))
        first, *others = _drag(scene, options)
        return replace(first, others=tuple(others))

    def check_preset(self, preset: i2i.Preset) -> None:
        """Validate the values of a preset; see ``preset_values``.

        Raises:
            I2IError: says what is wrong with it, and names its provider.
        """
        read_values(preset)


def _drag(scene: i2i.Scene, options: DragOptions) -> list[i2i.Result]:
    """Return the results of all images, in their order."""
    results = {number: _result(options, dragged) for number, dragged in drag_images(scene, options)}
    return [results[number] for number in sorted(results)]


def _result(options: DragOptions, dragged: DraggedImage) -> i2i.Result:
    trajectory = dragged.trajectory
    if trajectory is None:
        return i2i.Result(dragged.image, dragged.plan.w)
    frames = _frames(options, dragged, trajectory)
    return i2i.Result(dragged.image, trajectory.w, frames, dragged.scalars, plots=_plots(dragged, trajectory))


def _frames(options: DragOptions, dragged: DraggedImage, trajectory: DragTrajectory) -> list[Tensor]:
    """Return the kept frames, blended as the result is, and last the result without markers."""
    if not trajectory.frames:
        return []
    targets = dragged.plan.handles.targets
    images = [blend(frame, dragged.plan.photo.pixels, dragged.blend_mask) for frame in trajectory.frames]
    if options.track:
        points = trajectory.points[:: options.frames]
        frames = [_draw_handles(image, own, targets) for image, own in zip(images, points, strict=True)]
    else:
        frames = [to_tensor(enlarge(to_array(image))) for image in images]
    return [*frames, to_tensor(enlarge(to_array(dragged.image)))]


def _draw_handles(image: Tensor, points: Tensor, targets: Tensor) -> Tensor:
    """Draw handles in red, targets in blue and a white line between them on an upsampled frame ``(1, 3, S, S)``.

    Args:
        image: ``(1, 3, R, R)`` in [-1, 1].
        points, targets: ``(H, 2)``, pixels of the image.
    """
    array = np.ascontiguousarray(enlarge(to_array(image)))
    scale = len(array) / image.shape[-1]
    radius = max(2, len(array) // 128)
    ends = np.stack([points.cpu().numpy(), targets.cpu().numpy()], axis=1)
    for start, end in ((ends + 0.5) * scale - 0.5).round().astype(int).tolist():
        cv2.line(array, start, end, LINE_COLOUR, max(1, radius // 2), cv2.LINE_AA)
        cv2.circle(array, end, radius, TARGET_COLOUR, -1, cv2.LINE_AA)
        cv2.circle(array, start, radius, HANDLE_COLOUR, -1, cv2.LINE_AA)
    return to_tensor(array)


def _plots(dragged: DraggedImage, trajectory: DragTrajectory) -> dict[str, i2i.Plot]:
    """Plot the distance of every handle, and the loss."""
    distances = {
        name: [(float(step), row[index]) for step, row in enumerate(trajectory.distances)]
        for index, name in enumerate(dragged.plan.handles.names)
    }
    loss = {"loss": [(float(step), value) for step, value in enumerate(trajectory.losses)]}
    return {
        "track": i2i.Plot("step", "distance to the target, px", distances),
        "loss": i2i.Plot("step", "loss", loss),
    }


class PresetColumn(NamedTuple):
    """One preset of a table."""

    title: str
    values: PresetValues
    scene: i2i.Scene
    """The scene of an edit by this preset alone."""
    options: DragOptions
    """The options of that edit."""


def _columns(scene: i2i.Scene, options: DragOptions) -> list[PresetColumn]:
    """Return a column for each preset given, or for all presets.

    Raises:
        I2IError: one is invalid.
    """
    strengths = options.presets or dict.fromkeys(scene.presets, 1.0)
    columns = []
    for number, (name, strength) in enumerate(strengths.items()):
        title = name if strength == 1 else f"{name}={strength:g}"

        def progress(done: int, total: int, before: int = number, **scalars: float) -> None:
            scene.progress(before * total + done, len(strengths) * total, **scalars)

        def note(text: str, title: str = title) -> None:
            scene.note(f"{title}: {text[:1].lower()}{text[1:]}")

        own_options = options.model_copy(update={"preset": f"{name}={strength!r}", "grid": False})
        own_scene = replace(scene, progress=progress, note=note)
        columns.append(PresetColumn(title, read_values(scene.presets[name]), own_scene, own_options))
    return columns


def _table(scene: i2i.Scene, columns: Sequence[PresetColumn], results: Sequence[Sequence[i2i.Result]]) -> i2i.Table:
    """Show images in rows and presets in columns; below each image the measures of its preset.

    Args:
        results: By preset, those of all images.
    """
    photos = scene.every["image"]
    cells: list[list[Tensor | None]] = [[photo.pixels] for photo in photos]
    notes = [[""] for _ in photos]
    for column, column_results in zip(columns, results, strict=True):
        for row, result in enumerate(column_results):
            measures = [f"{aim.name} {result.scalars[aim.name]:+.0%}" for aim in column.values.aims if result.scalars]
            cells[row].append(result.image)
            notes[row].append(", ".join(measures))
    labels = [photo.name or f"image {number + 1}" for number, photo in enumerate(photos)]
    return i2i.Table(cells, ["original", *(column.title for column in columns)], labels, notes)
