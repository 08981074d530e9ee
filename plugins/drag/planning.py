"""From options to what is dragged: handles, region, and what pulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.errors import did_you_mean

from .formats import Values, read
from .handles import Handles, of_points, of_presets
from .losses import LandmarkLoss, PersonLoss, passes_gradients
from .optimisation import Pull
from .options import Guide, Options
from .regions import Outline, around, drawn, of_values, painted
from .settings import SMALL, Settings, settle

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT = "open_mouth"
"""What is done where nothing is asked for."""


@dataclass(frozen=True)
class Plan:
    """What is dragged, and how."""

    settings: Settings
    handles: Handles
    mask: Tensor | None
    """``(1, 1, R, R)``, 1 where the picture may change; None for everywhere."""
    pull: Pull | None
    features: bool
    presets: Mapping[str, tuple[Values, float]] = field(default_factory=dict)
    landmarks: Tensor | None = None
    """``(68, 2)`` at the start, where there are presets."""


def plan(scene: i2i.Scene, options: Options) -> Plan:
    """Look at the picture, and decide.

    Raises:
        UsageError: points or a mask do not fit the picture, or there is no such preset.
        I2IError: a preset is not sound, or there is no face for it.
    """
    photo = scene.photos["image"]
    asked = options.presets
    if not asked and not options.point:
        asked = {DEFAULT: 1.0}
        scene.note(f"Nothing to drag was named, so --preset {DEFAULT} is taken; or type --point x0,y0:x1,y1.")
    presets = {name: (_values(scene, name), strength) for name, strength in asked.items()}
    settings, size = settle(options, scene.generator), scene.generator.resolution
    handles = of_points(photo, options.points)
    landmarks, picture = None, None
    if presets:
        picture = _start(scene)
        landmarks = _landmarks(scene, picture, next(iter(presets)))
        handles = handles.joined(of_presets(presets, landmarks, size))
    mask = _mask(options, photo, handles, presets, landmarks)
    _tell_of_kept_handles(scene, handles, mask, size)
    guide, pull = _guide(scene, options, picture), None
    if guide != "features" and picture is not None and landmarks is not None:
        loss = LandmarkLoss(landmarks, handles, _stay(handles, mask, presets, landmarks))
        person = _person(scene, options, picture, landmarks)
        over = mask if options.keep_outside else None
        pull = Pull(scene.extractors["landmarks"], loss, person, photo.pixels, over)
    return Plan(settings, handles, mask, pull, guide != "landmarks" or bool(options.point), presets, landmarks)


def _values(scene: i2i.Scene, name: str) -> Values:
    if name not in scene.presets:
        raise i2i.UsageError(f"--preset {name}: there is no such preset.{did_you_mean(name, scene.presets)}")
    return read(scene.presets[name])


def _start(scene: i2i.Scene) -> Tensor:
    """What the generator draws at the start, ``(1, 3, R, R)``; of a photo it differs from it a little."""
    with torch.no_grad():
        picture: Tensor = scene.generator.render(scene.latent.w)
        return picture.float().clamp(-1, 1).expand(-1, 3, -1, -1)


def _landmarks(scene: i2i.Scene, picture: Tensor, preset: str) -> Tensor:
    """The face in the picture, ``(68, 2)`` pixels.

    Raises:
        I2IError: it draws none, or no network that sees them is there.
    """
    reader: Any = scene.extractors["landmarks"]
    with torch.no_grad():
        if hasattr(reader, "find") and not reader.find(picture):
            raise i2i.I2IError(
                f"--preset {preset} needs a face, and {reader.name} finds none in the picture; choose another --image, "
                "or drag points with --point x0,y0:x1,y1."
            )
        points: Tensor = reader(picture)[0].to(picture)
    return points


def _mask(
    options: Options,
    photo: i2i.Photo,
    handles: Handles,
    presets: Mapping[str, tuple[Values, float]],
    landmarks: Tensor | None,
) -> Tensor | None:
    """What may change."""
    wanted, size = "" if options.mask is None else str(options.mask), photo.pixels.shape[-1]
    if wanted == "none" or (not wanted and not presets):
        return None
    if wanted not in ("", "auto"):
        assert options.mask is not None
        return torch.from_numpy(painted(options.mask, photo))[None, None].to(photo.pixels)
    points = handles.landmarks < 0
    fields = (handles.starts, handles.targets, handles.landmarks)
    outlines: list[Outline] = around(Handles(handles.names, *(each[points] for each in fields)), size)
    for values, _ in presets.values():
        assert landmarks is not None
        region = of_values(values, handles, landmarks)
        if region is None:
            return None
        outlines += region
    return torch.from_numpy(drawn(outlines, size))[None, None].to(photo.pixels)


def _tell_of_kept_handles(scene: i2i.Scene, handles: Handles, mask: Tensor | None, size: int) -> None:
    """A handle where nothing may change goes nowhere, whatever pulls it."""
    if mask is None:
        return
    x, y = handles.starts.round().long().clamp(0, size - 1).unbind(dim=1)
    shut = (mask[0, 0, y, x] < 0.5).tolist()
    names = [name for name, kept in zip(handles.names, shut, strict=True) if kept]
    if names:
        scene.note(f"The mask keeps the picture as it is at {', '.join(names)}: paint it white there for it to move.")


def _stay(
    handles: Handles, mask: Tensor | None, presets: Mapping[str, tuple[Values, float]], landmarks: Tensor
) -> Tensor:
    """Landmarks that are to stay: those outside the mask and those that presets hold, without those that go."""
    held = {each - 1 for values, _ in presets.values() for each in values.hold}
    if mask is not None:
        x, y = landmarks.round().long().clamp(0, mask.shape[-1] - 1).unbind(dim=1)
        held |= set(torch.nonzero(mask[0, 0, y, x] < 0.5)[:, 0].tolist())
    return torch.tensor(sorted(held - set(handles.landmarks.tolist())), dtype=torch.int64, device=landmarks.device)


def _guide(scene: i2i.Scene, options: Options, picture: Tensor | None) -> Guide:
    """What pulls the handles of presets; without any there is no ``picture``.

    Raises:
        UsageError: landmarks are to, and their network passes no gradients.
    """
    small = scene.generator.resolution < SMALL
    if picture is None or options.guide == "features" or (options.guide is None and not small):
        return "features"
    reader: Any = scene.extractors["landmarks"]
    if passes_gradients(reader, picture):
        return options.guide or "both"
    if options.guide is None:
        return "features"
    raise i2i.UsageError(
        f"--guide {options.guide}: {reader.name} passes no gradients; choose --guide features, or another network with "
        "--landmarks."
    )


def _person(scene: i2i.Scene, options: Options, picture: Tensor, landmarks: Tensor) -> PersonLoss | None:
    """What holds the face to be the same person's, where there is a network that tells."""
    if not options.identity_weight:
        return None
    try:
        identity: Any = scene.extractors["identity"]
    except (KeyError, i2i.I2IError):
        return None
    if not passes_gradients(lambda each: identity(identity.align(each, landmarks[None])), picture):
        return None
    return PersonLoss(identity, options.identity_weight, picture, landmarks)
