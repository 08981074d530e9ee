"""The tasks of a worker process: functions of a context and plain values, which return plain values.

This module imports neither torch nor a plugin, because the parent reads ``TASKS``.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..api.errors import I2IError, Interrupted

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..api.generator import Generator
    from ..api.live import LiveView
    from ..inference.prediction import Translator
    from ..registry import Registry
    from .process import TaskContext
    from .translation import OpenedRun, TranslatedImage

Points = Sequence[tuple[float, float]]
"""x and y in pixels; (0, 0) is the centre of the upper left one."""

QUALITY = 85
"""Quality of JPEG images that are shown, not saved."""
OPEN_GENERATORS = 2
"""Number of generators that stay open between tasks."""
OPEN_RUNS = 2
"""Number of trained runs that stay open between tasks."""


@dataclass(frozen=True)
class EditOutcome:
    """What an edit wrote."""

    out: Path
    """The output directory."""
    files: Sequence[str]
    """Its file names, the recipe last."""
    width: int
    height: int
    """Size of ``result.png``, pixels."""
    scalars: Mapping[str, float]
    """Of the first image."""
    others: Sequence[Mapping[str, float]]
    """Of the other images."""
    plots: Sequence[str]
    """Names of the files of plots."""
    converged: bool | None
    """Whether all handles reached their targets; None for edits without handles."""
    stopped: bool
    """Whether it was stopped, so that this is the best result until then."""


@dataclass(frozen=True)
class DetectedFace:
    """A face of a photo."""

    number: int
    """From the left, as ``face`` of ``i2i.edit`` takes it."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels of the upright photo."""
    score: float
    landmarks: Points
    """Its 68 landmarks in the photo."""


@dataclass(frozen=True)
class DetectedFaces:
    """The faces of a photo from left to right; none where the finder finds none."""

    width: int
    height: int
    """Size of the upright photo, pixels."""
    faces: Sequence[DetectedFace]


@dataclass(frozen=True)
class RenderedImage:
    """An image that a generator rendered."""

    data: bytes
    """The image file."""
    width: int
    height: int


@dataclass(frozen=True)
class ShownOutline:
    """What an edit would do to one image, in pixels of the generator's image (of the photo, for editors of pixels)."""

    width: int
    height: int
    """Size of that image."""
    points: Points = ()
    targets: Points = ()
    names: Sequence[str] = ()
    mask: bytes | None = None
    """PNG of one channel, white where the image may change; None for everywhere."""
    landmarks: Points = ()
    placement: Any = None
    """``Placement.to_plain`` of the crop in its photo; None for images that were not cropped."""
    photo: tuple[int, int] | None = None
    """Width and height of that photo, upright."""


@dataclass
class _Cache:
    """Generators that stay open, the one used last at the end."""

    generators: OrderedDict[tuple[str, str, str], tuple[str, Any]] = field(default_factory=OrderedDict)
    """Source, device and options -> identity of the weights, and the generator."""
    translators: OrderedDict[tuple[str, str], tuple[Any, Translator]] = field(default_factory=OrderedDict)
    """Folder of a run and device -> identity of the checkpoint, and the network."""

    def open(self, source: str, device: str, options: Mapping[str, Any], registry: Registry) -> Generator:
        """Return a generator, opened again if its file has changed."""
        from ..inference.generators import generator, generator_identity

        key = (source, device, json.dumps(options, sort_keys=True, default=str))
        identity = json.dumps(generator_identity(source, registry), default=str)
        known = self.generators.pop(key, None)
        if known is None or known[0] != identity:
            while len(self.generators) >= OPEN_GENERATORS:
                self.generators.popitem(last=False)
            known = (identity, generator(source, device, registry=registry, options=options or None))
        self.generators[key] = known
        opened: Generator = known[1]
        return opened

    def open_run(self, folder: str, device: str) -> Translator:
        """Return the network of a run, loaded again if the run has a newer checkpoint."""
        from ..inference.prediction import Translator
        from ..training.runs import open_run

        run = open_run(folder)
        step = run.find("last")
        identity = (step, run.checkpoint(step).stat().st_mtime_ns, json.dumps(run.options, sort_keys=True))
        known = self.translators.pop((folder, device), None)
        if known is None or known[0] != identity:
            while len(self.translators) >= OPEN_RUNS:
                self.translators.popitem(last=False)
            known = (identity, Translator(folder, device=device))
        self.translators[(folder, device)] = known
        return known[1]


_CACHE = _Cache()


def edit(
    context: TaskContext,
    *,
    name: str,
    images: Sequence[str],
    out: str | Path,
    settings: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    interval: float = 0.1,
    recipe: str | Path | None = None,
) -> EditOutcome:
    """Run ``i2i.edit`` and show its images meanwhile.

    Args:
        name: The editor.
        images: Its images, as ``i2i.edit`` takes them.
        out: The output directory.
        settings: Further keyword arguments of ``i2i.edit``, such as ``generator`` and ``truncation``.
        options: Options of the editor.
        interval: Shortest time between frames, seconds.
        recipe: The recipe that this edit repeats: its generator must be the same, and a note tells where another
            version provides the editor.

    Raises:
        I2IError: as ``i2i.edit``; also if the generator is not that of the recipe.
    """
    from ..editing.pipeline import edit as run
    from ..editing.recipes import RECIPE, read_recipe
    from ..registry import load_registry
    from ..toolkit.images import read_image

    out = Path(out)
    if recipe is not None:
        known, registry = read_recipe(recipe), load_registry()
        known.check_generator(registry)
        if warning := known.version_warning(registry):
            context.note(f"warning: {warning}")
    calls: dict[str, Any] = {
        "progress": context.progress,
        "stop": context.stopped,
        "note": context.note,
        "watch": _view(context, interval),
    }
    result = run(name, images, out=out, device=context.device, **calls, **(settings or {}), **(options or {}))
    written = json.loads((out / RECIPE).read_text(encoding="utf-8"))
    every = (result, *result.others)
    marks = ["" if number == 0 else f"_{number + 1}" for number in range(len(every))]
    plots = [f"{plot}{mark}.png" for each, mark in zip(every, marks, strict=True) for plot in each.plots]
    height, width = read_image(out / "result.png").shape[:2]
    return EditOutcome(
        out,
        (*written["files"], RECIPE),
        *(width, height),
        dict(result.scalars),
        [dict(each.scalars) for each in result.others],
        [plot for plot in plots if plot in written["files"]],
        _converged([each.scalars for each in every]),
        bool(written["stopped"]),
    )


def _converged(scalars: Sequence[Mapping[str, float]]) -> bool | None:
    known = [each for each in scalars if "handles" in each and "arrived" in each]
    return all(each["arrived"] >= each["handles"] for each in known) if known else None


def _view(context: TaskContext, interval: float) -> LiveView:
    """Return what shows the images of an edit to the page."""
    from ..api.live import LiveView
    from ..toolkit.images import to_array

    class FrameView(LiveView):
        """Sends the images of an edit as JPEG."""

        def show(self, number: int, image: Tensor, points: Tensor | None = None) -> None:
            array = to_array(image.detach().float().clamp(-1, 1).expand(-1, 3, -1, -1))
            context.frame(
                number,
                _encode(array, "jpeg"),
                array.shape[1],
                array.shape[0],
                None if points is None else _plain(points),
            )

    return FrameView(interval)


def faces(context: TaskContext, *, photo: str | Path, extractor: str | None = None) -> DetectedFaces:
    """Find all faces of a photo, so that one can be chosen.

    Args:
        extractor: Name of the landmark extractor that finds faces; None for the default one of faces.

    Raises:
        I2IError: the photo cannot be read, or the extractor cannot be opened or finds no faces in whole photos.
    """
    from ..assets.defaults import FACES
    from ..assets.extractors import extractor as open_extractor
    from ..registry import load_registry
    from ..toolkit.faces.detection import find_faces
    from ..toolkit.images import ImageError, read_image, to_tensor

    array = read_image(photo, note=context.note)
    finder = open_extractor("landmarks", context.device, FACES, load_registry(), extractor)
    height, width = array.shape[:2]
    try:
        chosen = find_faces(to_tensor(array), finder, "all", photo, context.note)
    except ImageError:  # there is none
        chosen = {}
    return DetectedFaces(
        *(width, height),
        [
            DetectedFace(number, _box(face.box), float(face.score), _plain(face.landmarks))
            for number, face in chosen.items()
        ],
    )


def render(
    context: TaskContext,
    *,
    images: Sequence[str],
    source: str | None = None,
    generator_options: Mapping[str, Any] | None = None,
    truncation: float = 0.7,
    size: int | None = None,
    kind: Literal["jpeg", "png"] = "jpeg",
) -> list[RenderedImage]:
    """Render seeds and latents, without their black bars; the generator stays open for the next task.

    Args:
        images: Each ``seed:N`` or the file of a latent.
        source: The generator, as ``i2i.generator`` takes it; None for the default model.
        truncation: Truncation psi of seeds.
        size: Longest side of the images, pixels; None for the resolution of the generator.
        kind: The file format.

    Raises:
        Interrupted: the job was stopped.
        I2IError: an image or the generator cannot be opened, or they do not fit.
    """
    from ..editing.output import without_bars
    from ..toolkit.images import resize

    rendered = []
    for done, image in enumerate(images):
        context.progress(done, len(images))
        if context.stopped():
            raise Interrupted("Stopped before all images were rendered.")
        array, ratio = _render(context, image, source, generator_options or {}, truncation)
        array = without_bars(array, ratio)
        height, width = array.shape[:2]
        if size is not None and size < max(height, width):
            scale = size / max(height, width)
            array = resize(array, max(1, round(width * scale)), max(1, round(height * scale)))
        rendered.append(RenderedImage(_encode(array, kind), array.shape[1], array.shape[0]))
    return rendered


def _render(
    context: TaskContext, image: str, source: str | None, options: Mapping[str, Any], truncation: float
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the image of a seed or latent, uint8 ``(R, R, 3)``, and the aspect ratio of its content."""
    from ..assets.defaults import default_name
    from ..editing.image_loader import ImageLoader
    from ..editing.inputs import parse_rendered
    from ..editing.settings import EditSettings
    from ..inference.generators import generator_aspect_ratio
    from ..registry import load_registry

    registry = load_registry()
    source = source or default_name(registry, "model", "generator")
    opened = _CACHE.open(source, context.device, options, registry)
    ratio = generator_aspect_ratio(source, registry)
    settings = EditSettings(generator=source, truncation=truncation)
    (loaded,) = ImageLoader(opened, None, _no_finder, settings, aspect_ratio=ratio).load(parse_rendered(image))
    return loaded.before, loaded.aspect_ratio


def _no_finder() -> Any:
    raise I2IError("Seeds and latents are not searched for faces.")


def landmarks(
    context: TaskContext,
    *,
    image: str | Path,
    source: str | None = None,
    extractor: str | None = None,
    truncation: float = 0.7,
) -> ShownOutline:
    """Find the landmarks of an aligned image.

    Args:
        image: An image file such as ``result.png``, ``seed:N`` or the file of a latent.
        source: The generator; its domain chooses the extractor. None for the default model.
        extractor: Name of the landmark extractor; None for the default one of the domain.
        truncation: Truncation psi of a seed.

    Raises:
        I2IError: something cannot be opened.
    """
    import torch

    from ..assets.defaults import default_name
    from ..assets.extractors import extractor as open_extractor
    from ..editing.inputs import is_rendered
    from ..inference.generators import generator_domain
    from ..registry import load_registry
    from ..toolkit.images import read_image, to_tensor

    registry = load_registry()
    if is_rendered(str(image)):
        array, _ = _render(context, str(image), source, {}, truncation)
    else:
        array = read_image(image)
    domain = generator_domain(source or default_name(registry, "model", "generator"), registry)
    finder: Any = open_extractor("landmarks", context.device, domain, registry, extractor)
    with torch.no_grad():
        points = finder(to_tensor(array))[0]
    return ShownOutline(array.shape[1], array.shape[0], landmarks=_plain(points))


def outline(
    context: TaskContext,
    *,
    name: str,
    images: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[ShownOutline]:
    """Return what an edit would do to each image, without running it; none where its editor shows nothing.

    Args:
        name, images, options: As for ``edit``.
        settings: As for ``edit``; those without a meaning before the edit are left out.

    Raises:
        I2IError: as ``i2i.edit``.
    """
    from ..editing.pipeline import outline as outline_images

    given = {key: value for key, value in (settings or {}).items() if key not in _SETTINGS_OF_RESULTS}
    shown = []
    for image, each in outline_images(
        name, images, device=context.device, note=context.note, **given, **(options or {})
    ):
        height, width = image.photo.pixels.shape[2:]
        whole = image.photo.whole
        shown.append(
            ShownOutline(
                *(width, height),
                () if each.points is None else _plain(each.points),
                () if each.targets is None else _plain(each.targets),
                tuple(each.names),
                None if each.mask is None else _mask(each.mask),
                () if each.landmarks is None else _plain(each.landmarks),
                None if image.placement is None else image.placement.to_plain(),
                None if whole is None else (whole[1], whole[0]),
            )
        )
    return shown


_SETTINGS_OF_RESULTS = frozenset({"animation", "blend", "fps", "invert", "keep", "seed"})
"""Settings of an edit that an outline does not depend on."""


def open_run(context: TaskContext, *, run: str) -> OpenedRun:
    """Open a trained run, and describe how its input is drawn; its network stays open for the next task.

    Raises:
        I2IError: it is no run, has no checkpoint, or turns no image into another.
    """
    from .translation import describe_run

    opened = _CACHE.open_run(run, context.device)
    return describe_run(opened.run, opened.registry, opened.trainer.data.fields[0], opened.step)


def translate(context: TaskContext, *, run: str, image: str | Path) -> TranslatedImage:
    """Apply the network of a trained run to an image file, as ``i2i predict`` does.

    Raises:
        I2IError: the run cannot be opened, or the image cannot be read.
    """
    from .translation import TranslatedImage, encode_png

    opened = _CACHE.open_run(run, context.device)
    begin = time.perf_counter()
    array = opened.translate(Path(image), note=context.note)
    seconds = time.perf_counter() - begin
    return TranslatedImage(encode_png(array), array.shape[1], array.shape[0], seconds)


def fetch(context: TaskContext, *, names: Sequence[str]) -> list[Path]:
    """Download models and bundles; an interrupted download is resumed by the next one.

    Raises:
        UsageError: there is no model or bundle of this name.
        Interrupted: the job was stopped.
        I2IError: a model cannot be downloaded.
    """
    from ..assets.models import fetch_model, find_models
    from ..assets.sources import Downloads
    from ..guards import plugin_owner
    from ..registry import load_registry

    registry = load_registry()

    def progress(stage: str, done: int, total: int | None) -> None:
        if context.stopped():
            raise Interrupted("The download was stopped; start it again to go on from there.")
        context.stage_progress(stage, done, total)

    files = []
    with Downloads() as downloads:
        for model in find_models(names, registry):
            owner = plugin_owner(registry, "model", model.name)
            files.append(fetch_model(model, progress, context.note, downloads=downloads, owner=owner))
    return files


def _plain(points: Tensor) -> Points:
    return [(float(x), float(y)) for x, y in points.detach().cpu().tolist()]


def _box(box: Sequence[float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(side) for side in box)
    return x0, y0, x1, y1


def _encode(array: np.ndarray, kind: Literal["jpeg", "png"]) -> bytes:
    from PIL import Image

    stream = BytesIO()
    Image.fromarray(array).save(stream, kind, **({"quality": QUALITY} if kind == "jpeg" else {}))
    return stream.getvalue()


def _mask(mask: Tensor) -> bytes:
    array = mask[0, 0].detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return _encode(array, "png")


TASKS: Mapping[str, Callable[..., Any]] = {
    task.__name__: task for task in (edit, faces, render, landmarks, outline, open_run, translate, fetch)
}
"""The tasks by name."""
