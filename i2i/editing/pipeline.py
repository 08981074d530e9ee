"""One edit, from images and options to the result and its output directory; and its repetition from a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.editor import Editor, Result
from ..api.errors import I2IError
from ..api.options import Options
from ..guards import plain_named_options, plugin_options, plugin_owner
from ..registry import Registry, load_registry
from ..toolkit.directories import output_directory
from .inputs import InputImage, assign_inputs, recorded_inputs
from .presets import check_presets
from .recipes import read_recipe
from .settings import Animation, Blend, Crop, EditCallbacks, EditSettings, read_extractors, read_inversion

if TYPE_CHECKING:
    from ..api.editor import EditOutline
    from ..api.live import LiveView
    from ..toolkit.faces.detection import FaceChoice
    from .image_loader import EditImage
    from .session import EditRequest


def edit(
    name: str | type[Editor],
    images: Sequence[str | Path] = (),
    *,
    generator: str | Path | None = None,
    extractors: Mapping[str, str] | None = None,
    extractor_options: Mapping[str, Mapping[str, Any]] | None = None,
    generator_options: Mapping[str, Any] | None = None,
    crop: Crop = "auto",
    face: FaceChoice = "largest",
    eyes: Sequence[Sequence[float]] | None = None,
    mouth: Sequence[float] | None = None,
    invert: str | Mapping[str, Any] = "",
    truncation: float = 0.7,
    blend: Blend = "feather",
    animation: str | Sequence[str] = "gif",
    fps: float | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    seed: int = 0,
    keep: bool = True,
    registry: Registry | None = None,
    progress: Callable[..., None] | None = None,
    stop: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
    watch: LiveView | None = None,
    **options: Any,
) -> Result:
    """Edit images with an editor.

    Args:
        name: A registered editor; the path of a file that defines one, ``./warm.py`` or ``./warm.py:NAME``; or a class.
        images: For each image the file of a photo (any common kind, size and EXIF rotation), ``seed:N``, or the
            ``latent.safetensors`` of an earlier edit; in the order of the editor's ``photos``, or with ``NAME=`` before
            it. Without images, an editor of crops or latents edits ``seed:0``.
        generator: What ``i2i.generator`` takes, for editors of crops and latents; None for the default model, or
            for one that is here and knows the domain of the photos (``i2i models fetch faces``).
        extractors: Names of extractors by role, such as ``{"landmarks": "dlib"}``, or files or runs of their weights,
            such as ``{"encoder": "runs/encoder-001"}``; for other roles the domain of the generator decides.
        extractor_options: Options of extractors by extractor name.
        generator_options: Options of the generator, if it declares any.
        crop: How photos are cropped: ``face`` aligns a face as in FFHQ, ``square`` takes the largest centred square,
            ``auto`` decides by the domain of the generator, or places the largest rectangle of its
            ``Model.aspect_ratio`` between black bars. Files show results without bars, ``Result.image`` with them.
        face: Which face of a photo: ``largest``, ``left``, a number from the left, or ``all``.
        eyes: Centres of both eyes, ``((x, y), (x, y))`` in pixels of the upright photo, the left one in the image
            first: with ``mouth`` they place the FFHQ crop of one photo where no face is found.
        mouth: Centre of the mouth, ``(x, y)``.
        invert: The inverter of photos: ``NAME[,KEY=VALUE]``, or its options.
        truncation: Truncation psi of images given as ``seed:N``.
        blend: How the edited crop is pasted back into its photo: ``feather``, ``poisson``, ``plain`` (without colour
            correction) or ``none``.
        animation: Files in which frames are written: ``gif``, ``mp4`` and ``png`` (a numbered image for each frame), as
            a list or separated by commas.
        fps: Frames per second of GIF and MP4; None for 10.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        out: Output directory for ``result.png``, ``before_after.png``, ``recipe.json`` and, where the edit has them,
            the files of ``animation``, ``latent.safetensors``, ``photo.png``, ``grid.png`` and ``grid.html``. Replaces
            the files of an earlier edit; None writes nothing.
        seed: Seed of all random number generators, so that the same call gives the same image.
        keep: Read and write the inversion cache.
        registry: Registry of the plugins; None for all installed plugins.
        progress: Called as ``progress(done, total, **scalars)`` while the editor works.
        stop: Called by the editor through ``scene.cancelled``; True ends the edit with the best result so far.
        note: Called with each notice or warning, a sentence.
        watch: Shown the images while they are inverted and edited.
        **options: Options of the editor.

    Returns:
        The editor's result: ``image`` ``(1, 3, H, W)`` in [-1, 1], and further outputs.

    Raises:
        UsageError: an unknown editor, a wrong option or number of images, or a file in ``out`` would be overwritten.
        Interrupted: ``stop`` returned True before there was a result; nothing is written.
        I2IError: an image cannot be read, something that the editor needs is missing, or its result is invalid.
    """
    name, registry = (registry or load_registry()).resolve("editor", name)
    kind: type[Editor] = registry.get("editor", name)
    chosen = _options(registry, kind, options, seed)
    _check_needs(registry, kind, chosen)
    extractors, extractor_options = read_extractors(registry, extractors or {}, extractor_options or {})
    settings = EditSettings(
        generator="" if generator is None else str(generator),
        extractors=extractors,
        extractor_options=plain_named_options(registry, "extractor", extractor_options),
        generator_options=generator_options or {},
        crop=crop,
        face=face,
        eyes=eyes,
        mouth=mouth,
        invert=read_inversion(invert),
        truncation=truncation,
        blend=blend,
        animation=Animation.parse(animation, fps),
        device=device,
        seed=seed,
        out=None if out is None else output_directory(out),
        keep=keep,
        calls=EditCallbacks.of(progress, stop, note, watch),
    )
    inputs = assign_inputs(kind, images)
    if inputs and not images:
        defaults = ", ".join(f"{image.slot}={image.label}" for image in inputs)
        settings.calls.note(f"No --image is given, so {name} uses {defaults}.")
    return _run(registry, kind, chosen, inputs, settings)


def outline(
    name: str | type[Editor],
    images: Sequence[str | Path] = (),
    *,
    generator: str | Path | None = None,
    extractors: Mapping[str, str] | None = None,
    extractor_options: Mapping[str, Mapping[str, Any]] | None = None,
    generator_options: Mapping[str, Any] | None = None,
    crop: Crop = "auto",
    face: FaceChoice = "largest",
    eyes: Sequence[Sequence[float]] | None = None,
    mouth: Sequence[float] | None = None,
    truncation: float = 0.7,
    device: str = "auto",
    registry: Registry | None = None,
    note: Callable[[str], None] | None = None,
    **options: Any,
) -> list[tuple[EditImage, EditOutline]]:
    """Return what an edit would do, to be drawn on its images; photos are cropped, and not inverted.

    Args:
        name, images: As for ``edit``.
        generator, extractors, extractor_options, generator_options, crop, face, eyes, mouth, truncation: As for
            ``edit``.
        device, registry, note: As for ``edit``.
        **options: Options of the editor.

    Returns:
        Each image with its outline; empty where the editor shows none.

    Raises:
        UsageError, I2IError: as ``edit``.
    """
    from . import stages
    from .session import EditRequest

    name, registry = (registry or load_registry()).resolve("editor", name)
    kind: type[Editor] = registry.get("editor", name)
    chosen = _options(registry, kind, options, 0)
    _check_needs(registry, kind, chosen)
    extractors, extractor_options = read_extractors(registry, extractors or {}, extractor_options or {})
    settings = EditSettings(
        generator="" if generator is None else str(generator),
        extractors=extractors,
        extractor_options=plain_named_options(registry, "extractor", extractor_options),
        generator_options=generator_options or {},
        crop=crop,
        face=face,
        eyes=eyes,
        mouth=mouth,
        truncation=truncation,
        device=device,
        calls=EditCallbacks.of(None, None, note),
    )
    request = EditRequest(registry, kind, chosen, assign_inputs(kind, images), settings)
    return stages.outline(stages.align(stages.load(request)))


def edit_again(
    recipe: str | Path,
    images: Sequence[str | Path] = (),
    *,
    animation: str | Sequence[str] = "gif",
    fps: float | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    registry: Registry | None = None,
    progress: Callable[..., None] | None = None,
    stop: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
    watch: LiveView | None = None,
) -> Result:
    """Repeat an edit from its ``recipe.json``; its photos, latents and generator must be identical, byte for byte.

    Args:
        images: New paths of the files, if they have moved.
        animation, fps, device, out, registry, progress, stop, note, watch: As for ``edit``.

    Raises:
        UsageError, I2IError: as ``edit``; also if the recipe cannot be read or a file has changed.
    """
    registry = registry or load_registry()
    known = read_recipe(recipe)
    settings = EditSettings(
        **known.terms,
        extractors=known.extractors,
        extractor_options=known.extractor_options,
        generator_options=known.generator_options,
        animation=Animation.parse(animation, fps),
        device=device,
        seed=known.seed,
        out=None if out is None else output_directory(out),
        calls=EditCallbacks.of(progress, stop, note, watch),
    )
    registry, warning = registry.restored("editor", known.plugin, known.origin, str(recipe))
    warnings = [warning or known.version_warning(registry)]
    for name, origin in known.inverter_origins.items():
        registry, warning = registry.restored("inverter", name, origin, str(recipe))
        warnings.append(warning)
    for warning in filter(None, dict.fromkeys(warnings)):
        settings.calls.note(f"warning: {warning}")
    kind: type[Editor] = registry.get("editor", known.plugin)
    chosen = _options(registry, kind, known.options, known.seed)
    _check_needs(registry, kind, chosen)
    known.check_generator(registry)
    known.check_extractors(registry)
    known.check_options()
    return _run(registry, kind, chosen, recorded_inputs(kind, known.photos, images, known.path), settings)


def _run(
    registry: Registry, kind: type[Editor], options: Options, inputs: Sequence[InputImage], settings: EditSettings
) -> Result:
    from .session import EditRequest  # imports torch, which the checks above do without

    return run_edit(EditRequest(registry, kind, options, inputs, settings))


def run_edit(request: EditRequest) -> Result:
    """Run one edit from the request to its files: load, align, invert, edit, paste, write."""
    from . import stages  # imports torch, as the session does

    session = stages.load(request)
    aligned = stages.align(session)
    inverted = stages.invert(aligned)
    edited = stages.edit_images(inverted)
    pasted = stages.paste(edited)
    return stages.write(pasted)


def _options(registry: Registry, kind: type[Editor], values: Mapping[str, Any], seed: int) -> Options:
    """Build the editor's options; a field named ``seed`` gets the seed of the edit."""
    own = {"seed": seed} if "seed" in kind.Options.model_fields else {}
    owner = plugin_owner(registry, "editor", kind.name)
    options: Options = plugin_options(kind.Options, {**values, **own}, f"options of editor {kind.name!r}", owner)
    return options


def _check_needs(registry: Registry, kind: type[Editor], options: Options) -> None:
    """Refuse, before torch is imported, a request that cannot work."""
    check_presets(registry, kind, options)
    if kind.wants == "pixels" or registry.entries("generator"):
        return
    pixels = list(registry.where("editor", wants="pixels"))
    instead = f" or edit pixels with --plugin {pixels[0]}" if pixels else ""
    raise I2IError(
        f"Editor {kind.name!r} needs a generator, and no generator plugin is installed: "
        f"install one (see 'i2i plugins list'){instead}."
    )
