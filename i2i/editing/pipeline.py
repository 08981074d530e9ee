"""One edit: images and options in, the editor's result out, and on disk what is needed to do it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.editor import Editor, Result
from ..api.errors import I2IError
from ..api.options import Options
from ..assets.defaults import default_name
from ..guards import plain_named_options, plugin_options, plugin_owner
from ..registry import Registry, load_registry
from .inputs import InputImage, assign_inputs, inputs_again
from .recipes import read_recipe
from .settings import Blend, Crop, EditCallbacks, EditSettings, check_presets, folder_of, read_inversion

if TYPE_CHECKING:
    from ..toolkit.faces.detection import FaceChoice
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
    invert: str | Mapping[str, Any] = "",
    truncation: float = 0.7,
    blend: Blend = "feather",
    device: str = "auto",
    out: str | Path | None = None,
    seed: int = 0,
    keep: bool = True,
    registry: Registry | None = None,
    progress: Callable[..., None] | None = None,
    stop: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
    **options: Any,
) -> Result:
    """Edit images with an editor.

    Args:
        name: A registered editor; the path of a file that defines one, ``./warm.py`` or ``./warm.py:NAME``; or a class.
        images: For each image the file of a photo (any common kind, size and EXIF rotation), ``seed:N``, or the
            ``latent.safetensors`` of an earlier edit; in the order of the editor's ``photos``, or with ``NAME=`` before
            it. An editor of latents that is given nothing edits ``seed:0``.
        generator: What ``i2i.generator`` takes, for editors of crops and latents; None for the default model.
        extractors: By role, names of the extractors to take, such as ``{"landmarks": "dlib"}``; the others are chosen
            by what the generator knows.
        extractor_options: By the name of an extractor, its options, where it declares any.
        generator_options: Options of the generator, where it declares any.
        crop: How photos become what the generator knows: ``face`` aligns a face as in FFHQ, ``square`` takes the
            largest centred square, ``auto`` decides by the generator.
        face: Which face of a photo: ``largest``, ``left``, a number from the left, or ``all``.
        invert: How photos get their latents: an inverter, ``NAME[,KEY=VALUE]``, or its options.
        truncation: Of pictures given by their seed.
        blend: How the edited crop goes back into its photo: ``feather``, ``poisson``, ``plain`` (its colours as they
            are) or ``none``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        out: Folder for ``result.png``, ``before_after.png``, ``recipe.json`` and, where there are such things,
            ``frames.gif``, ``latent.safetensors``, ``photo.png``, ``grid.png`` and ``grid.html``, in the place of what
            an earlier edit left there; None writes nothing.
        seed: Seeds every random generator before the edit, so that the same call gives the same picture.
        keep: Use inversions that an earlier edit made of the same pictures, and keep new ones.
        registry: Where editors are looked up; None for all installed plugins.
        progress: Called as ``progress(done, total, **scalars)`` while the editor works.
        stop: Asked by the editor through ``scene.cancelled``: True once the best so far is enough.
        note: Called with a sentence about anything worth knowing.
        **options: The editor's own.

    Returns:
        The editor's result: ``image`` ``(1, 3, H, W)`` in [-1, 1], with what else it gave.

    Raises:
        UsageError: no such editor, a wrong option, the wrong number of pictures, or something in ``out`` would be lost.
        Interrupted: ``stop`` said so before there was anything to keep; nothing is written.
        I2IError: a picture cannot be read, something the editor needs is not there, or its result is unusable.
    """
    name, registry = (registry or load_registry()).resolve("editor", name)
    kind: type[Editor] = registry.get("editor", name)
    chosen = _options(registry, kind, options, seed)
    _check_needs(registry, kind, chosen)
    if generator is None:
        generator = "" if kind.wants == "pixels" else default_name(registry, "model", "generator")
    settings = EditSettings(
        generator=str(generator),
        extractors=extractors or {},
        extractor_options=plain_named_options(registry, "extractor", extractor_options or {}),
        generator_options=generator_options or {},
        crop=crop,
        face=face,
        invert=read_inversion(invert),
        truncation=truncation,
        blend=blend,
        device=device,
        seed=seed,
        out=None if out is None else folder_of(out),
        keep=keep,
        calls=EditCallbacks.of(progress, stop, note),
    )
    given = assign_inputs(kind, images)
    if given and not images:
        taken = ", ".join(f"{each.slot}={each.label}" for each in given)
        settings.calls.note(f"No --image is given, so {name} takes {taken}.")
    return _run(registry, kind, chosen, given, settings)


def edit_again(
    recipe: str | Path,
    images: Sequence[str | Path] = (),
    *,
    device: str = "auto",
    out: str | Path | None = None,
    registry: Registry | None = None,
    progress: Callable[..., None] | None = None,
    stop: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
) -> Result:
    """Do an edit again from its ``recipe.json``; its photos, latents and generator must be the same, byte for byte.

    Args:
        images: Where the files are now, if they have moved.
        device, out, registry, progress, stop, note: As for ``edit``.

    Raises:
        UsageError, I2IError: as ``edit``; also when the recipe cannot be read or a file is another.
    """
    registry = registry or load_registry()
    known = read_recipe(recipe)
    settings = EditSettings(
        **known.terms,
        extractors=known.extractors,
        extractor_options=known.extractor_options,
        generator_options=known.generator_options,
        device=device,
        seed=known.seed,
        out=None if out is None else folder_of(out),
        calls=EditCallbacks.of(progress, stop, note),
    )
    registry, warning = registry.restored("editor", known.plugin, known.origin, str(recipe))
    if warning := warning or known.version_warning(registry):
        settings.calls.note(f"warning: {warning}")
    kind: type[Editor] = registry.get("editor", known.plugin)
    chosen = _options(registry, kind, known.options, known.seed)
    _check_needs(registry, kind, chosen)
    known.check_generator(registry)
    known.check_options()
    return _run(registry, kind, chosen, inputs_again(kind, known.photos, images, known.path), settings)


def _run(
    registry: Registry, kind: type[Editor], options: Options, inputs: Sequence[InputImage], settings: EditSettings
) -> Result:
    from .session import EditRequest

    return run_edit(EditRequest(registry, kind, options, inputs, settings))


def run_edit(request: EditRequest) -> Result:
    """Run one edit from the request to its files: load, align, invert, edit, paste, write."""
    from . import stages

    session = stages.load(request)
    aligned = stages.align(session)
    inverted = stages.invert(aligned)
    edited = stages.edit_images(inverted)
    pasted = stages.paste(edited)
    return stages.write(pasted)


def _options(registry: Registry, kind: type[Editor], values: Mapping[str, Any], seed: int) -> Options:
    """The editor's options; a field called ``seed`` is the edit's own seed and not asked for twice."""
    own = {"seed": seed} if "seed" in kind.Options.model_fields else {}
    owner = plugin_owner(registry, "editor", kind.name)
    options: Options = plugin_options(kind.Options, {**values, **own}, f"options of editor {kind.name!r}", owner)
    return options


def _check_needs(registry: Registry, kind: type[Editor], options: Options) -> None:
    """Refuse before the slow imports what cannot work."""
    check_presets(registry, kind, options)
    if kind.wants == "pixels" or registry.entries("generator"):
        return
    pixels = list(registry.where("editor", wants="pixels"))
    instead = f" or edit pixels with --plugin {pixels[0]}" if pixels else ""
    raise I2IError(
        f"Editor {kind.name!r} works through a generator, and no generator plugin is installed: "
        f"install one (see 'i2i plugins list'){instead}."
    )
