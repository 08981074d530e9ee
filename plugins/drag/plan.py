"""Drag plans: from the method of an edit to the handles, mask and guidance of each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.batches import batches

from .handles import Handles, check_opposed, point_handles, preset_handles
from .losses import ColourLoss, Guidance, IdentityLoss, LandmarkLoss
from .masks import Outline, draw_outlines, point_outlines, preset_outlines, read_mask
from .options import DragOptions
from .preset_values import PresetValues, read_values
from .settings import DragMethod, render_image, requested_presets

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DragPlan:
    """What is dragged in one image."""

    photo: i2i.Photo
    """The image that is edited."""
    name: str
    """Name of the image among several; empty for a single one."""
    handles: Handles
    """Handles and their targets."""
    mask: Tensor | None
    """``(1, 1, R, R)``, 1 where the image may change; None for everywhere, and then for all images."""
    guidance: Guidance | None
    """Losses of landmarks; None where features alone guide, which is the same for all images."""
    landmarks: Tensor | None
    """Initial landmarks ``(68, 2)``, where there are presets."""

    @property
    def w(self) -> Tensor:
        """The initial latent, ``(1, num_ws, w_dim)``."""
        assert self.photo.latent is not None
        return self.photo.latent.w

    @property
    def masked_handles(self) -> list[int]:
        """Indices of handles where the mask allows no change; these cannot move."""
        if self.mask is None:
            return []
        x, y = self.handles.starts.round().long().clamp(0, self.mask.shape[-1] - 1).unbind(dim=1)
        indices: list[int] = torch.nonzero(self.mask[0, 0, y, x] < 0.5)[:, 0].tolist()
        return indices

    def prefix(self, text: str) -> str:
        """Put the name of the image before a message, where there are several images."""
        return f"{self.name}: {text[:1].lower()}{text[1:]}" if self.name else text


def plan_images(scene: i2i.Scene, options: DragOptions, method: DragMethod) -> list[DragPlan]:
    """Plan the drag of every image.

    Raises:
        UsageError: points or a mask do not fit an image, or presets are opposed.
        I2IError: an image that presets are applied to shows no face.
    """
    photos = list(scene.every["image"])
    plans: dict[int, DragPlan] = {}
    for batch in batches(scene, photos, len(photos)):
        for number in batch.numbers:
            with _named_errors(photos, number) as name:
                plans[number] = plan_image(scene, batch.generator, options, method, photos[number], name)
    return [plans[number] for number in range(len(photos))]


def check_images(scene: i2i.Scene, options: DragOptions) -> None:
    """Check points, a mask file, and the faces of photos, before photos are inverted.

    Raises:
        UsageError: points or a mask do not fit.
        I2IError: presets are given, and a photo shows no face.
    """
    photos, requested = list(scene.every["image"]), requested_presets(options)
    for number, photo in enumerate(photos):
        with _named_errors(photos, number):
            point_handles(photo, options.points)
            if options.mask_file is not None:
                read_mask(options.mask_file, photo)
            if requested and photo.latent is None:
                _check_face(scene, photo.pixels, next(iter(requested)), photo)


@contextmanager
def _named_errors(photos: Sequence[i2i.Photo], number: int) -> Iterator[str]:
    """Yield the name of an image, empty for a single one, and put it before the text of errors."""
    photo = photos[number]
    name = f"Image {number + 1}" + (f" ({photo.name})" if photo.name else "") if len(photos) > 1 else ""
    try:
        yield name
    except i2i.I2IError as error:
        error.args = (f"{name}: {error}",) if name else error.args
        raise


def plan_image(
    scene: i2i.Scene,
    generator: i2i.Generator,
    options: DragOptions,
    method: DragMethod,
    photo: i2i.Photo,
    name: str = "",
) -> DragPlan:
    """Plan the drag of one image, which ``generator`` renders.

    Raises:
        UsageError: points or a mask do not fit it, or presets are opposed.
        I2IError: presets are given, and it shows no face.
    """
    assert photo.latent is not None
    # The reconstruction of a photo differs a little from its crop, and it is what will move.
    image = render_image(generator, photo.latent.w) if method.presets else None
    handles, landmarks = _place_handles(scene, options, method.presets, photo, image)
    mask = _plan_mask(options, photo, handles, method.presets, landmarks)
    guidance = None
    if method.guide != "features" and image is not None and landmarks is not None:
        landmark_loss = LandmarkLoss.create(
            landmarks, handles, _fixed_landmarks(handles, mask, method.presets, landmarks)
        )
        identity_loss = None
        if method.identity is not None:
            identity_loss = IdentityLoss.create(
                method.identity, method.settings.identity_weight, image, landmarks[None]
            )
        guidance = Guidance(
            scene.extractors["landmarks"],
            landmark_loss,
            identity_loss,
            ColourLoss.create(method.settings.colour_weight, image),
            photo.pixels,
            mask if options.keep_outside else None,
        )
    plan = DragPlan(photo, name, handles, mask, guidance, landmarks)
    if plan.masked_handles:
        where = handles.describe(plan.masked_handles)
        scene.note(plan.prefix(f"The mask allows no change at {where}: paint it white there, or type --mask none."))
    return plan


def outline_images(scene: i2i.Scene, options: DragOptions) -> list[i2i.EditOutline]:
    """Return the handles, targets and masks of all images, without dragging them.

    Landmarks are found in photos that are not inverted yet, and may then differ a little from those of ``plan_image``.

    Raises:
        UsageError: points or a mask do not fit an image, or presets are opposed.
        I2IError: a preset is invalid, or an image that presets are applied to shows no face.
    """
    photos, requested = list(scene.every["image"]), requested_presets(options)
    presets = {name: (read_values(scene.presets[name]), strength) for name, strength in requested.items()}
    outlines = []
    for number, photo in enumerate(photos):
        with _named_errors(photos, number):
            handles, landmarks = _place_handles(scene, options, presets, photo, photo.pixels)
            mask = _plan_mask(options, photo, handles, presets, landmarks)
            outlines.append(i2i.EditOutline(handles.starts, handles.targets, handles.names, mask, landmarks))
    return outlines


def _place_handles(
    scene: i2i.Scene,
    options: DragOptions,
    presets: Mapping[str, tuple[PresetValues, float]],
    photo: i2i.Photo,
    image: Tensor | None,
) -> tuple[Handles, Tensor | None]:
    """Return the handles of points and presets, and the landmarks ``(68, 2)`` of ``image`` where there are presets."""
    handles, size = point_handles(photo, options.points), photo.pixels.shape[-1]
    if not presets or image is None:
        return handles, None
    _check_face(scene, image, next(iter(presets)), photo)
    with torch.no_grad():
        landmarks = scene.extractors["landmarks"](image)[0].to(image)
    check_opposed(presets, landmarks, size)
    return handles.join(preset_handles(presets, landmarks, size)), landmarks


def _check_face(scene: i2i.Scene, image: Tensor, preset: str, photo: i2i.Photo) -> None:
    """Check that a photo shows a face, where the landmark network can detect faces.

    Raises:
        I2IError: it shows none, or no landmark network is available.
    """
    landmarks: Any = scene.extractors["landmarks"]
    if hasattr(landmarks, "find") and not landmarks.find(image):
        raise i2i.I2IError(
            f"--preset {preset} needs a face, and {landmarks.name} finds none in "
            f"{photo.path or photo.name or 'the image'}; choose another --image, or drag points with --point "
            "x0,y0:x1,y1."
        )


def _plan_mask(
    options: DragOptions,
    photo: i2i.Photo,
    handles: Handles,
    presets: Mapping[str, tuple[PresetValues, float]],
    landmarks: Tensor | None,
) -> Tensor | None:
    """Return where the image may change; whether there is a mask depends on options and presets alone."""
    if options.mask_file is not None:
        return torch.from_numpy(read_mask(options.mask_file, photo))[None, None].to(photo.pixels)
    if str(options.mask) == "none" or (options.mask is None and not presets):
        return None
    size = photo.pixels.shape[-1]
    points = handles.landmarks < 0
    parts = (handles.starts, handles.targets, handles.landmarks)
    outlines: list[Outline] = point_outlines(Handles(handles.names, *(part[points] for part in parts)), size)
    for values, _ in presets.values():
        assert landmarks is not None
        region = preset_outlines(values, handles, landmarks)
        if region is None:
            return None
        outlines += region
    return torch.from_numpy(draw_outlines(outlines, size))[None, None].to(photo.pixels)


def _fixed_landmarks(
    handles: Handles, mask: Tensor | None, presets: Mapping[str, tuple[PresetValues, float]], landmarks: Tensor
) -> Tensor:
    """Return landmarks that must not move: those outside the mask and those held by presets, without the handles."""
    fixed = {landmark - 1 for values, _ in presets.values() for landmark in values.hold}
    if mask is not None:
        x, y = landmarks.round().long().clamp(0, mask.shape[-1] - 1).unbind(dim=1)
        fixed |= set(torch.nonzero(mask[0, 0, y, x] < 0.5)[:, 0].tolist())
    return torch.tensor(sorted(fixed - set(handles.landmarks.tolist())), dtype=torch.int64, device=landmarks.device)
