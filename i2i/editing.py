"""One edit, whole: photos and options in, the editor's result out, and on disk what is needed to do it again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contracts import Editor, Extractor, Photo, Result, Scene
from .errors import I2IError, UsageError
from .extracting import open_chosen
from .files import write_json
from .options import Options, build
from .recipes import for_picture, make_recipe, read_recipe
from .registry import Registry, load_registry

if TYPE_CHECKING:
    import numpy as np

    from .devices import Device

Progress = Callable[..., None]

_PREVIEW = 1024
"""Longest side of a picture in ``before_after.png`` and of a frame in ``frames.gif``, pixels."""
_SECONDS_PER_FRAME = 0.1
FILES = ("result.png", "before_after.png", "frames.gif", "recipe.json")


@dataclass(frozen=True)
class Terms:
    """On what terms an edit runs, whoever asks for it."""

    device: str = "auto"
    out: Path | None = None
    seed: int = 0
    progress: Progress | None = None
    stop: Callable[[], bool] | None = None
    extractors: Mapping[str, str] = field(default_factory=dict)


def edit(
    name: str,
    images: Sequence[str | Path] = (),
    *,
    extractors: Mapping[str, str] | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    seed: int = 0,
    registry: Registry | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    **options: Any,
) -> Result:
    """Edit photos with the editor called ``name``.

    Args:
        images: Files of the photos, in the order of the editor's ``photos``; any common kind, size and EXIF rotation.
        extractors: By role, names of the extractors to take, such as ``{"landmarks": "dlib"}``; the others are chosen
            by what the pictures show.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        out: Folder for ``result.png``, ``before_after.png``, ``frames.gif`` (where there are frames) and
            ``recipe.json``; None writes nothing.
        seed: Seeds every random generator before the edit, so that the same call gives the same picture.
        registry: Where editors are looked up; None for all installed plugins.
        progress: Called as ``progress(done, total, **scalars)`` while the editor works.
        stop: Asked by the editor through ``scene.cancelled``: True once the best so far is enough.
        **options: The editor's own.

    Returns:
        The editor's result: ``image`` ``(1, 3, H, W)`` in [-1, 1], with what else it gave.

    Raises:
        UsageError: no such editor, a wrong option, or the wrong number of photos.
        I2IError: a photo cannot be read, something the editor needs is not installed, or its result is unusable.
    """
    terms = Terms(device, None if out is None else Path(out), seed, progress, stop, extractors or {})
    return _run(registry or load_registry(), name, [Path(image) for image in images], options, terms)


def edit_again(
    recipe: str | Path,
    images: Sequence[str | Path] = (),
    *,
    device: str = "auto",
    out: str | Path | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Result:
    """Do an edit again from its ``recipe.json``; the photos must be the same, byte for byte.

    Args:
        images: Where the photos are now, if they have moved.
        device, out, registry, progress, stop: As for ``edit``.

    Raises:
        UsageError, I2IError: as ``edit``; also when the recipe cannot be read or a photo is another.
    """
    known = read_recipe(recipe)
    terms = Terms(device, None if out is None else Path(out), known.seed, progress, stop, known.extractors)
    return _run(registry or load_registry(), known.plugin, known.find_photos(images), known.options, terms)


def _run(registry: Registry, name: str, images: Sequence[Path], values: Mapping[str, Any], terms: Terms) -> Result:
    kind: type[Editor] = registry.get("editor", name)
    options = _options(kind, values, terms.seed)
    _check_needs(registry, kind, images)
    from .devices import Device
    from .images import read_picture, to_tensor

    pictures = {label: read_picture(path) for label, path in zip(kind.photos, images, strict=True)}
    files = dict(zip(kind.photos, images, strict=True))
    recipe = make_recipe(registry, name, options.model_dump(mode="json"), terms.seed, files)
    device = Device.choose(terms.device, precision="fp32")
    extractors = _extractors(registry, kind, device, terms.extractors)
    recipe["extractors"] = {role: extractor.name for role, extractor in extractors.items()}
    scene = Scene(
        photos={label: Photo(to_tensor(array).to(device), files[label]) for label, array in pictures.items()},
        device=device,
        extractors=extractors,
        progress=terms.progress or (lambda done, total, **scalars: None),
        stop=terms.stop or (lambda: False),
    )
    device.seed(terms.seed)
    giver = registry.giver("editor", name)
    result = _checked(kind().edit(scene, options), f"editor {name!r} of {giver.distribution} {giver.version}")
    if terms.out is not None:
        recipe |= {"device": str(device), "stopped": scene.cancelled, "scalars": dict(result.scalars)}
        _write(terms.out, result, next(iter(pictures.values()), None), recipe)
    return result


def _options(kind: type[Editor], values: Mapping[str, Any], seed: int) -> Options:
    """The editor's options; a field called ``seed`` is the edit's own seed and not asked for twice."""
    own = {"seed": seed} if "seed" in kind.Options.model_fields else {}
    return build(kind.Options, {**values, **own}, f"options of editor {kind.name!r}")


def _check_needs(registry: Registry, kind: type[Editor], images: Sequence[Path]) -> None:
    """Refuse before the slow imports what cannot work."""
    if kind.wants != "pixels":
        pixels = [name for name, other in registry.all("editor").items() if other.wants == "pixels"]
        instead = f" or edit pixels with --plugin {pixels[0]}" if pixels else ""
        if not registry.all("generator"):
            raise I2IError(
                f"Editor {kind.name!r} works through a generator, and no generator plugin is installed: "
                f"install one (see 'i2i plugins list'){instead}."
            )
        raise I2IError(f"Editor {kind.name!r} works on latents, and this i2i edits pixels: update i2i{instead}.")
    if len(images) != len(kind.photos):
        asked = ", ".join(kind.photos) or "none"
        given = f"{len(images)} {'was' if len(images) == 1 else 'were'} given"
        raise UsageError(
            f"Editor {kind.name!r} takes {len(kind.photos)} photo(s) ({asked}), but {given}: use --image PATH."
        )


def _extractors(
    registry: Registry, kind: type[Editor], device: Device, names: Mapping[str, str]
) -> dict[str, Extractor]:
    """One extractor for each role that the editor needs: those named, the others for photographs of faces."""
    for role, name in names.items():
        if role not in kind.extractors:
            needs = ", ".join(kind.extractors) or "none"
            raise UsageError(
                f"Editor {kind.name!r} uses no extractor of {role} (it needs: {needs}): leave {name!r} out."
            )
    return {role: open_chosen(role, device, registry, names.get(role), "faces") for role in kind.extractors}


def _checked(result: Any, who: str) -> Result:
    """Refuse what the files and the page could not show, and say whose it is."""
    if not isinstance(result, Result):
        raise I2IError(f"The {who} returned {type(result).__name__} instead of i2i.Result; tell its author.")
    _check_picture(result.image, f"the image of the {who}")
    for number, frame in enumerate(result.frames):
        _check_picture(frame, f"frame {number} of the {who}")
        if frame.shape != result.frames[0].shape:
            raise I2IError(f"The frames of the {who} differ in size; tell its author.")
    for key, value in result.scalars.items():
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise I2IError(f"The scalar {key!r} of the {who} is {value!r} instead of a finite number; tell its author.")
    return result


def _check_picture(image: Any, what: str) -> None:
    import torch

    what = what[0].upper() + what[1:]
    if not isinstance(image, torch.Tensor):
        raise I2IError(f"{what} is {type(image).__name__} instead of a tensor; tell its author.")
    if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
        raise I2IError(f"{what} has shape {tuple(image.shape)} instead of (1, 3, H, W); tell its author.")
    if not image.is_floating_point():
        raise I2IError(f"{what} is {image.dtype} instead of floating point in [-1, 1]; tell its author.")
    if not image.isfinite().all():
        raise I2IError(f"{what} holds numbers that are not finite (nan or inf); try other options, or tell its author.")


def _write(out: Path, result: Result, before: np.ndarray | None, recipe: dict[str, Any]) -> None:
    """Leave in ``out`` what this edit gave, and nothing of an earlier one."""
    from .images import save_gif, save_picture, sheet, to_array

    out.mkdir(parents=True, exist_ok=True)
    after = to_array(result.image)
    text = for_picture(recipe)
    save_picture(out / "result.png", after, {"Software": f"i2i {recipe['versions']['i2i']}", "i2i": text})
    for name in ("before_after.png", "frames.gif"):
        (out / name).unlink(missing_ok=True)
    if before is not None:
        pair = sheet([[_preview(before), _preview(after)]], columns=("before", "after"))
        save_picture(out / "before_after.png", pair)
    if result.frames:
        save_gif(out / "frames.gif", [_preview(to_array(frame)) for frame in result.frames], _SECONDS_PER_FRAME)
    write_json(out / "recipe.json", recipe)


def _preview(array: np.ndarray) -> np.ndarray:
    from .images import resize

    height, width = array.shape[:2]
    scale = min(1.0, _PREVIEW / max(height, width))
    return resize(array, max(1, round(width * scale)), max(1, round(height * scale)))
