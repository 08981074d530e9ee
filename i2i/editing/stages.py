"""The six steps of an edit: load, align, invert, edit, paste and write. Each takes what the step before returned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..api.editor import Result
from ..api.errors import I2IError, Interrupted, PluginError
from ..api.scene import Latent
from ..assets.defaults import FACES
from ..assets.extractors import open_chosen
from ..guards import plugin_owner
from ..toolkit.images import read_image, to_array, to_tensor
from .domains import SURE, generator_advice
from .extractors import names_for_domain
from .image_loader import EditImage, ImageLoader, check_single_face, open_photo, quality_warnings
from .inputs import InputSlot
from .output import Writer, check_output_directory
from .paste import PastedPhoto, paste_crops
from .recipes import make_recipe
from .session import STOPPED_EARLY, EditRequest, EditSession
from .settings import split_method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..api.editor import Editor, EditOutline


@dataclass(frozen=True)
class AlignedEdit:
    """The images as the editor needs them: whole photos, or crops at the generator's resolution."""

    session: EditSession
    images: Sequence[EditImage]
    """In the order of the editor's ``photos``; after ``invert`` with latents, if the editor needs them."""
    recipe: dict[str, Any]
    """The recipe without results."""


@dataclass(frozen=True)
class EditedImages:
    """The editor's result."""

    aligned: AlignedEdit
    result: Result


@dataclass(frozen=True)
class PastedEdit:
    """The result, and the whole photos with the edited crops pasted back."""

    edited: EditedImages
    photos: Sequence[PastedPhoto]


def load(request: EditRequest) -> EditSession:
    """Check the request and open the device, the generator and the extractors.

    Raises:
        UsageError: a setting has no effect with this editor, or a file in the output directory would be overwritten.
        I2IError: the generator or an extractor cannot be opened, or the animation cannot be written.
    """
    settings = request.settings
    settings.check(request.editor)
    if settings.out is not None:
        settings.animation.check()
        files = [value for _, value in request.options if isinstance(value, Path)]
        check_output_directory(
            settings.out, [*(image.path for image in request.inputs if image.path is not None), *files]
        )
    return EditSession(request)


def align(session: EditSession) -> AlignedEdit:
    """Read the photos and crop them for the generator; render seeds and latents.

    Raises:
        UsageError: ``face`` is set, and no photo is given or photos are not aligned.
        I2IError: an image cannot be read, does not fit the generator, or has no such face.
    """
    request = session.request
    images = _whole_photos(session) if session.generator is None else _crops(session)
    inputs = [image.plain() for image in request.inputs]
    recipe = make_recipe(request.registry, request.editor, request.options, request.settings, inputs)
    return AlignedEdit(session, images, recipe)


def _whole_photos(session: EditSession) -> list[EditImage]:
    note = session.request.settings.calls.note
    return [open_photo(given, session.device, note) for given in session.request.inputs]


def _crops(session: EditSession) -> list[EditImage]:
    """Return the images of editors that work through a generator."""
    request, settings = session.request, session.request.settings
    assert session.generator is not None
    loader = ImageLoader(
        *(session.generator, session.domain, lambda: session.extractors["landmarks"], settings),
        names_for_domain("landmarks", FACES, request.registry),
        aspect_ratio=session.aspect_ratio,
    )
    photos = sum(given.kind == "photo" for given in request.inputs)
    settings.check_images(photos, loader.aligns)
    if photos and session.aspect_ratio != (1, 1) and not loader.bars:
        settings.calls.note(_missing_bars(session))
    if photos and session.domain is None and settings.crop == "auto" and settings.points is None and not loader.bars:
        advice = "; for a generator of faces add --crop face" if _shows_faces(session) else ""
        settings.calls.note(
            f"The domain of {settings.generator} is unknown, so photos are cropped to their largest square{advice}."
        )
    many = {slot.name: slot.many for slot in map(InputSlot.of, request.editor.photos)}
    images: list[EditImage] = []
    for given in request.inputs:
        loaded = loader.load(given)
        check_single_face(loaded, many[given.slot], request.editor.name)
        images += loaded
    if session.domain == FACES and _inverts(request.editor):
        for warning in quality_warnings(images, session.generator.resolution):
            settings.calls.note(warning)
    return _without_foreign_photos(session, images)


def _missing_bars(session: EditSession) -> str:
    """Return the warning that photos are cropped otherwise than the images that the generator was trained on."""
    settings, (width, height) = session.request.settings, session.aspect_ratio
    given = "--eyes and --mouth place" if settings.points else f"--crop {settings.crop} takes"
    return (
        f"warning: {settings.generator} renders images of {width}:{height} between black bars, and {given} a crop "
        "without bars; leave it out for a better result."
    )


def _inverts(editor: type[Editor]) -> bool:
    """Return whether photos are inverted: for editors of latents, and by those that use an encoder themselves."""
    return editor.wants == "latent" or "encoder" in editor.may_use


def _shows_faces(session: EditSession) -> bool:
    """Return whether a face is found in a photo; False where no extractor that finds faces can be opened."""
    request = session.request
    try:
        chosen = request.settings.extractors.get("landmarks")
        find = getattr(open_chosen("landmarks", session.device, request.registry, chosen, FACES), "find", None)
    except I2IError:
        return False
    paths = [given.path for given in request.inputs if given.kind == "photo" and given.path is not None]
    return find is not None and any(find(to_tensor(read_image(path))) for path in paths)


def _without_foreign_photos(session: EditSession, images: Sequence[EditImage]) -> list[EditImage]:
    """Let crops that are foreign to the generator's domain not be pasted back, if an editor renders them anew."""
    request, domain, domains = session.request, session.domain, session.domains
    if domain is None or domain not in domains or request.editor.wants != "latent":
        return list(images)
    kept = []
    for image in images:
        if (
            image.source is not None
            and image.input.kind == "photo"
            and domains.score(image.photo.pixels, domain) < SURE
        ):
            image = replace(image, source=None)
            request.settings.calls.note(
                f"{image.input.path} is foreign to {request.settings.generator}, which knows {domain}, so its edited "
                f"crop is not pasted back into the photo{generator_advice(request.registry)}."
            )
        kept.append(image)
    return kept


def invert(aligned: AlignedEdit) -> AlignedEdit:
    """Let the editor check the images; compute the latents of photos if it needs them, or read cached ones.

    Raises:
        Interrupted: the user cancels before the editor starts.
        I2IError: the editor refuses the images, or the inverter fails.
    """
    session, request = aligned.session, aligned.session.request
    session.device.seed(request.settings.seed)
    session.editor.check_photos(session.scene(aligned.images), request.options)
    if request.editor.wants != "latent":
        return aligned
    images = list(aligned.images)
    missing = [number for number, image in enumerate(images) if image.photo.latent is None]
    if not missing:
        return aligned
    name, values = split_method(request.settings.invert)
    pixels = torch.cat([images[number].photo.pixels for number in missing])
    inversions = session.scene([]).invert(pixels, name, values)
    for number, inversion in zip(missing, inversions, strict=True):
        images[number] = replace(images[number], photo=replace(images[number].photo, latent=inversion.latent))
    if request.settings.calls.stop():
        raise Interrupted(STOPPED_EARLY)
    return replace(aligned, images=images)


def outline(aligned: AlignedEdit) -> list[tuple[EditImage, EditOutline]]:
    """Return what the editor would do to the images, each with its outline.

    Raises:
        I2IError: the editor refuses the images or options.
    """
    session, request = aligned.session, aligned.session.request
    scene = session.scene(aligned.images)
    session.editor.check_photos(scene, request.options)
    outlines = session.editor.outline(scene, request.options)
    return list(zip(aligned.images, outlines, strict=False))


def edit_images(aligned: AlignedEdit) -> EditedImages:
    """Run the editor; its guard checks the result.

    Raises:
        Interrupted: the user cancels before the editor has a result.
        I2IError: the editor fails, or its result is invalid.
    """
    session, request = aligned.session, aligned.session.request
    session.callbacks.call("edit_begins", aligned.recipe)
    result = session.editor.edit(session.scene(aligned.images), request.options)
    return EditedImages(aligned, _with_latents(result, aligned.images))


def _with_latents(result: Result, images: Sequence[EditImage]) -> Result:
    """Complete latents that are tensors with the noise and weight changes that their image was rendered with."""
    parts = [
        replace(each, latent=replace(image.photo.latent, w=each.latent))
        if image.photo.latent is not None and each.latent is not None and not isinstance(each.latent, Latent)
        else each
        for each, image in zip((result, *result.others), images, strict=False)
    ]
    rest = result.others[len(parts) - 1 :] if parts else result.others
    return replace(parts[0], others=(*parts[1:], *rest)) if parts else result


def paste(edited: EditedImages) -> PastedEdit:
    """Paste the edited crops back into their photos, if an output directory is set.

    Raises:
        I2IError: a result is not square, as crops of photos are; names the editor.
    """
    request = edited.aligned.session.request
    if request.settings.out is None or request.settings.blend == "none":
        return PastedEdit(edited, ())
    images = _images_of_results(edited.aligned)
    for each, image in zip((edited.result, *edited.result.others), images, strict=False):
        height, width = each.image.shape[2:]
        if image.placement is not None and height != width:
            raise PluginError(
                f"The {plugin_owner(request.registry, 'editor', request.editor.name)} returned an image of shape "
                f"{tuple(each.image.shape)} from edit(); expected a square one, to paste back into the photo; tell its "
                "author, or leave the photo out with --blend none."
            )
    return PastedEdit(edited, paste_crops(edited.result, images, request.settings.blend))


def write(pasted: PastedEdit) -> Result:
    """Write the files of the edit, the recipe last, and return the result.

    Raises:
        UsageError: a file of the same name appeared in the output directory during the edit.
        OSError: a file cannot be written.
    """
    aligned, result = pasted.edited.aligned, pasted.edited.result
    session, settings = aligned.session, aligned.session.request.settings
    if settings.out is not None:
        recipe = aligned.recipe | {
            "device": str(session.device),
            "extractors": session.extractors.chosen,
            "stopped": settings.calls.stop(),
            "scalars": dict(result.scalars),
        }
        if session.inversions is not None and session.inversions.origins:
            recipe["inverter_origins"] = session.inversions.origins
        writer = Writer(settings.out, recipe, settings.calls.note, session.generator, settings.animation)
        writer.write(result, _images_of_results(aligned), pasted.photos)
    session.callbacks.call("edit_ends", to_array(result.image), dict(result.scalars), settings.out)
    return result


def _images_of_results(aligned: AlignedEdit) -> list[EditImage]:
    """Return the images that the results belong to."""
    return [image for image in aligned.images if image.input.slot == aligned.images[0].input.slot]
