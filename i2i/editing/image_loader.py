"""The images of an edit: read and align photos, render seeds and latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..api.errors import I2IError
from ..api.generator import Generator, StyleGenerator
from ..api.placement import Placement
from ..api.scene import Latent, Photo
from ..assets.defaults import FACES
from ..toolkit.faces.alignment import (
    extract_crop,
    ffhq_placement,
    points_placement,
    rectangle_placement,
    square_placement,
)
from ..toolkit.faces.detection import BY_HAND, find_faces
from ..toolkit.faces.quality import FaceQuality, measure_quality
from ..toolkit.files import hash_unchanged
from ..toolkit.images import ImageError, read_image, to_array, to_tensor
from ..toolkit.latents.files import read_latent
from ..toolkit.latents.sampling import SamplingOptions, latents
from .generators import render
from .inputs import InputImage
from .settings import EditSettings

if TYPE_CHECKING:
    from ..api.device import Device
    from ..api.extractor import Extractor, Face


@dataclass(frozen=True)
class EditImage:
    """One image of an edit, and the photo that it was cropped from."""

    input: InputImage
    """The image as the user names it."""
    photo: Photo
    """The image as the editor gets it."""
    before: np.ndarray
    """The image before the edit, uint8 ``(H, W, 3)``: the whole photo, the crop, or the rendered latent."""
    source: Path | None = None
    """The photo into which the edited crop is pasted back; None where there is none."""
    placement: Placement | None = None
    """Position of the crop in that photo."""
    aspect_ratio: tuple[int, int] = (1, 1)
    """That of the content, as ``Model.aspect_ratio``; files show the content without the black bars."""
    quality: FaceQuality | None = None
    """Size, sharpness, noise and yaw of the face of an aligned photo; None for other images."""

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of the latent file, with which a later edit can paste its crop into the photo."""
        if self.source is None or self.placement is None:
            return {}
        photo = {"path": str(self.source.resolve()), "sha256": hash_unchanged(self.source)}
        bars = {"aspect_ratio": list(self.placement.aspect_ratio)} if self.placement.aspect_ratio != (1, 1) else {}
        return {"photo": {**photo, "quad": self.placement.to_plain(), **bars}}


def open_photo(given: InputImage, device: Device, note: Callable[[str], None]) -> EditImage:
    """Read a whole photo, for editors of pixels."""
    assert given.path is not None
    array = read_image(given.path, note=note)
    return EditImage(given, Photo(to_tensor(array).to(device), given.path, given.label), array)


class ImageLoader:
    """Loads images for one generator."""

    def __init__(
        self,
        generator: Generator,
        domain: str | None,
        finder: Callable[[], Extractor],
        settings: EditSettings,
        finders: Sequence[str] = (),
        aspect_ratio: tuple[int, int] = (1, 1),
    ) -> None:
        """Store the settings; no image is loaded yet.

        Args:
            domain: What the generator renders, such as ``"faces"``; None if unknown.
            finder: Returns the landmark extractor; called only if a face must be found.
            finders: Names of the landmark extractors that detect faces in whole photos, for messages.
            aspect_ratio: That of what the generator renders between black bars; ``(1, 1)`` without bars.
        """
        self.generator, self.domain, self.finder, self.settings = generator, domain, finder, settings
        self.finders, self.aspect_ratio = finders, aspect_ratio

    def load(self, given: InputImage) -> list[EditImage]:
        """Load one input; a photo with ``--face all`` yields one image for each face.

        Raises:
            I2IError: the file cannot be read or does not fit the generator, or the photo has no such face.
        """
        if given.kind == "photo":
            return self._crops(given)
        return [self._seed(given) if given.kind == "seed" else self._latent(given)]

    def _crops(self, given: InputImage) -> list[EditImage]:
        assert given.path is not None
        array = read_image(given.path, note=self.settings.calls.note)
        points = self.settings.points
        if points is not None:
            points.check_inside(array.shape[0], array.shape[1], given.path)
            return [self._crop(given, array, points_placement(points), given.label)]
        if not self.aligns:
            place = partial(rectangle_placement, aspect_ratio=self.aspect_ratio) if self.bars else square_placement
            return [self._crop(given, array, place(*array.shape[:2]), given.label)]
        faces = self._faces(array, given.path)
        several = len(faces) > 1
        names = {number: f"{given.label} {number}" if several else given.label for number in faces}
        crops = []
        for number, face in faces.items():
            placement = ffhq_placement(face.landmarks)
            crop = self._crop(given, array, placement, names[number])
            crops.append(replace(crop, quality=measure_quality(array, placement, face.landmarks)))
        return crops

    def _faces(self, array: np.ndarray, path: Path) -> dict[int, Face]:
        """Detect faces; if the extractor only knows crops of another domain, the error says so."""
        finder = self.finder()
        try:
            return find_faces(to_tensor(array), finder, self.settings.face, path, self.settings.calls.note, BY_HAND)
        except ImageError:
            if finder.domain in (FACES, "any"):
                raise
            raise ImageError(
                path,
                f"{finder.name} reads crops of {finder.domain} and does not search photos "
                f"for faces; choose another extractor with --landmarks {' or '.join(self.finders) or 'NAME'} "
                "(see 'i2i plugins list'), place the face with --eyes X,Y:X,Y --mouth X,Y, or leave --crop face out.",
            ) from None

    @property
    def aligns(self) -> bool:
        """Whether photos are cropped to an aligned face, not to their largest square or rectangle."""
        if self.settings.points is not None or self.settings.crop != "auto":
            return self.settings.crop != "square"
        return self.domain == FACES and not self.bars

    @property
    def bars(self) -> bool:
        """Whether photos are placed between the black bars that the generator renders."""
        return self.settings.crop == "auto" and self.settings.points is None and self.aspect_ratio != (1, 1)

    def _crop(self, given: InputImage, array: np.ndarray, placement: Placement, name: str) -> EditImage:
        crop = extract_crop(array, placement, self.generator.resolution)
        pixels = to_tensor(crop).to(self.generator.device)
        photo = Photo(pixels, given.path, name, placement=placement, whole=(array.shape[0], array.shape[1]))
        return EditImage(given, photo, crop, given.path, placement, placement.aspect_ratio)

    def _seed(self, given: InputImage) -> EditImage:
        assert given.seed is not None
        w = latents(self.generator, [given.seed], SamplingOptions(truncation=self.settings.truncation))
        return self._rendered(given, Latent(w))

    def _latent(self, given: InputImage) -> EditImage:
        assert given.path is not None
        latent, about = read_latent(given.path)
        if isinstance(self.generator, StyleGenerator) and latent.w.shape[1] != self.generator.num_ws:
            own = self.generator.from_published_layers(latent.w)
            latent = latent if own is None else replace(latent, w=own)
        layers, dimension = latent.w.shape[1:]
        if (layers, dimension) != (self.generator.num_ws, self.generator.w_dim):
            raise I2IError(
                f"{given.path} holds a latent of {layers} x {dimension} numbers, and the generator takes "
                f"{self.generator.num_ws} x {self.generator.w_dim}: name the generator of this latent with --generator."
            )
        latent = replace(latent, w=latent.w.to(self.generator.device))
        image = self._rendered(given, latent)
        source, placement = _source_photo(about)
        aspect_ratio = image.aspect_ratio if placement is None else placement.aspect_ratio
        return replace(image, source=source, placement=placement, aspect_ratio=aspect_ratio)

    def _rendered(self, given: InputImage, latent: Latent) -> EditImage:
        pixels = render(self.generator, latent)
        photo = Photo(pixels, given.path, given.label, latent)
        return EditImage(given, photo, to_array(pixels), aspect_ratio=self.aspect_ratio)


def _source_photo(about: Mapping[str, Any]) -> tuple[Path | None, Placement | None]:
    """Return the photo that a latent was cropped from and the placement; None if the photo is missing or changed."""
    try:
        record = about["photo"]
        source, quad = Path(record["path"]), record["quad"]
        width, height = record.get("aspect_ratio", (1, 1))  # latents without it come from crops without bars
        placement = Placement.of_plain(quad, (width, height))
        return (source, placement) if hash_unchanged(source) == record["sha256"] else (None, None)
    except (KeyError, TypeError, ValueError, OSError):
        return None, None


def quality_warnings(images: Sequence[EditImage], resolution: int) -> list[str]:
    """Return a sentence for each fault of an aligned photo that hinders its inversion.

    Args:
        resolution: That of the generator, pixels.
    """
    return [
        f"warning: {image.photo.name}: {fault}."
        for image in images
        if image.quality is not None
        for fault in image.quality.warnings(resolution)
    ]


def check_single_face(images: Sequence[EditImage], many: bool, name: str) -> None:
    """Refuse several faces of a photo where the editor takes one image.

    Raises:
        I2IError: there are several faces.
    """
    if len(images) > 1 and not many:
        raise I2IError(
            f"{images[0].input.path} shows {len(images)} faces, and editor {name!r} takes one image as "
            f"{images[0].input.slot!r}: type --face 1 to --face {len(images)}, counted from left to right, or "
            "--face largest."
        )
