"""From the method to what is dragged in each picture: handles, region, and what pulls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.batches import batches

from .formats import Values
from .handles import Handles, check_opposed, of_points, of_presets
from .method import Method, picture_of, presets_asked
from .options import Options
from .pulling import ColourLoss, LandmarkLoss, PersonLoss, Pull
from .regions import Outline, around, drawn, of_values, painted

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Plan:
    """What is dragged in one picture."""

    photo: i2i.Photo
    name: str
    """Of the picture among several; empty where it is alone."""
    handles: Handles
    mask: Tensor | None
    """``(1, 1, R, R)``, 1 where the picture may change; None for everywhere, and then for all pictures."""
    pull: Pull | None
    """The same: for all pictures or for none."""
    landmarks: Tensor | None
    """``(68, 2)`` at the start, where there are presets."""

    @property
    def w(self) -> Tensor:
        """Where it starts, ``(1, num_ws, w_dim)``."""
        assert self.photo.latent is not None
        return self.photo.latent.w

    @property
    def kept(self) -> list[int]:
        """Handles where nothing may change; they go nowhere, whatever pulls them."""
        if self.mask is None:
            return []
        x, y = self.handles.starts.round().long().clamp(0, self.mask.shape[-1] - 1).unbind(dim=1)
        found: list[int] = torch.nonzero(self.mask[0, 0, y, x] < 0.5)[:, 0].tolist()
        return found

    def told(self, text: str) -> str:
        """A sentence about this picture, which is named where there are several."""
        return f"{self.name}: {text[:1].lower()}{text[1:]}" if self.name else text


def plan_all(scene: i2i.Scene, options: Options, method: Method) -> list[Plan]:
    """Look at every picture, and decide.

    Raises:
        UsageError: points or a mask do not fit a picture, or presets undo each other.
        I2IError: there is no face in one that is dragged by presets.
    """
    photos = list(scene.every["image"])
    found: dict[int, Plan] = {}
    for batch in batches(scene, photos, len(photos)):
        for number in batch.numbers:
            with _told_of(photos, number) as name:
                found[number] = plan(scene, batch.generator, options, method, photos[number], name)
    return [found[number] for number in range(len(photos))]


def check_all(scene: i2i.Scene, options: Options) -> None:
    """See whether points and a painted mask fit the pictures, and whether photos have faces, before they get latents.

    Raises:
        UsageError: points or a mask do not fit.
        I2IError: there is no face for a preset.
    """
    photos, asked = list(scene.every["image"]), presets_asked(options)
    for number, photo in enumerate(photos):
        with _told_of(photos, number):
            of_points(photo, options.points)
            if options.painted is not None:
                painted(options.painted, photo)
            if asked and photo.latent is None:
                _check_face(scene, photo.pixels, next(iter(asked)), photo)


@contextmanager
def _told_of(photos: Sequence[i2i.Photo], number: int) -> Iterator[str]:
    """Gives the name of a picture, empty where it is alone, and puts it before what is told of errors."""
    photo = photos[number]
    name = f"Picture {number + 1}" + (f" ({photo.name})" if photo.name else "") if len(photos) > 1 else ""
    try:
        yield name
    except i2i.I2IError as error:
        error.args = (f"{name}: {error}",) if name else error.args
        raise


def plan(scene: i2i.Scene, generator: Any, options: Options, method: Method, photo: i2i.Photo, name: str = "") -> Plan:
    """Look at one picture, which ``generator`` draws.

    Raises:
        UsageError: points or a mask do not fit it, or presets undo each other.
        I2IError: there is no face for a preset.
    """
    assert photo.latent is not None
    handles, size = of_points(photo, options.points), photo.pixels.shape[-1]
    landmarks, picture = None, None
    if method.presets:
        # Of a photo it differs a little from the crop, and it is what will move.
        picture = picture_of(generator, photo.latent.w)
        _check_face(scene, picture, next(iter(method.presets)), photo)
        with torch.no_grad():
            landmarks = scene.extractors["landmarks"](picture)[0].to(picture)
        check_opposed(method.presets, landmarks)
        handles = handles.joined(of_presets(method.presets, landmarks, size))
    mask = _mask(options, photo, handles, method.presets, landmarks)
    pull = None
    if method.guide != "features" and picture is not None and landmarks is not None:
        loss = LandmarkLoss.of(landmarks, handles, _stay(handles, mask, method.presets, landmarks))
        person = None
        if method.identity is not None:
            person = PersonLoss.of(method.identity, options.identity_weight, picture, landmarks[None])
        colour = ColourLoss.of(options.colour_weight, picture)
        over = mask if options.keep_outside else None
        pull = Pull(scene.extractors["landmarks"], loss, person, colour, photo.pixels, over)
    made = Plan(photo, name, handles, mask, pull, landmarks)
    if made.kept:
        where = handles.named(made.kept)
        scene.note(made.told(f"The mask keeps the picture as it is at {where}: paint it white there for it to move."))
    return made


def _check_face(scene: i2i.Scene, picture: Tensor, preset: str, photo: i2i.Photo) -> None:
    """Refuse a picture of a photo that shows none, where the network of landmarks can tell.

    Raises:
        I2IError: it shows none, or no network that sees them is there.
    """
    reader: Any = scene.extractors["landmarks"]
    if hasattr(reader, "find") and not reader.find(picture):
        raise i2i.I2IError(
            f"--preset {preset} needs a face, and {reader.name} finds none in "
            f"{photo.path or photo.name or 'the picture'}; choose another --image, or drag points with --point "
            "x0,y0:x1,y1."
        )


def _mask(
    options: Options,
    photo: i2i.Photo,
    handles: Handles,
    presets: Mapping[str, tuple[Values, float]],
    landmarks: Tensor | None,
) -> Tensor | None:
    """What may change; whether there is a mask at all depends on nothing but options and presets."""
    if options.painted is not None:
        return torch.from_numpy(painted(options.painted, photo))[None, None].to(photo.pixels)
    if str(options.mask) == "none" or (options.mask is None and not presets):
        return None
    size = photo.pixels.shape[-1]
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


def _stay(
    handles: Handles, mask: Tensor | None, presets: Mapping[str, tuple[Values, float]], landmarks: Tensor
) -> Tensor:
    """Landmarks that are to stay: those outside the mask and those that presets hold, without those that go."""
    held = {each - 1 for values, _ in presets.values() for each in values.hold}
    if mask is not None:
        x, y = landmarks.round().long().clamp(0, mask.shape[-1] - 1).unbind(dim=1)
        held |= set(torch.nonzero(mask[0, 0, y, x] < 0.5)[:, 0].tolist())
    return torch.tensor(sorted(held - set(handles.landmarks.tolist())), dtype=torch.int64, device=landmarks.device)
