"""The session of one edit: its device, generator and extractors, and the scene that the editor gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..api.errors import Interrupted
from ..api.options import Options
from ..api.scene import Photo, Scene
from ..assets.defaults import FACES
from ..callbacks import choose_callbacks
from ..guards import build_plugin, plain_options
from ..inference.generators import generator, generator_aspect_ratio, generator_domain, generator_identity
from ..runtime.device import choose_device
from .comparison import ImageComparison
from .domains import Domains, choose_generator
from .extractors import Extractors, open_required
from .generators import check_requirement, tuned
from .image_loader import EditImage
from .inputs import InputImage, InputSlot
from .inversion import Inversions, RegisteredInverters, inverter_named, inverter_options
from .presets import presets_of
from .recipes import extractor_files
from .settings import EditCallbacks, EditSettings, split_method

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.generator import Generator
    from ..api.inverter import Inverter
    from ..registry import Registry

STOPPED_EARLY = "Stopped before there was a result, so nothing is written; type the command again to start over."


class CancellationWatch:
    """Relay progress and cancellation, and detect from them whether an editor has a result to return.

    An editor that reports progress has one once the progress is above 0; another once it asked and was not cancelled.
    """

    def __init__(self, calls: EditCallbacks) -> None:
        self._calls, self._reports, self._progress, self._asked = calls, False, 0.0, False

    def progress(self, done: int, total: int, **scalars: float) -> None:
        """Forward ``Scene.progress``."""
        self._reports, self._progress = True, max(self._progress, done)
        self._calls.progress(done, total, **scalars)

    def stop(self) -> bool:
        """Answer ``Scene.stop``.

        Raises:
            Interrupted: the user cancels before the editor has a result.
        """
        if not self._calls.stop():
            self._asked = True
            return False
        if self._progress <= 0 if self._reports else not self._asked:
            raise Interrupted(STOPPED_EARLY)
        return True


@dataclass(frozen=True)
class EditRequest:
    """A request: an editor with its options, input images and the editor-independent settings."""

    registry: Registry
    editor: type[Editor]
    options: Options
    inputs: Sequence[InputImage]
    settings: EditSettings


class EditSession:
    """The opened resources of one edit: device, generator and extractors."""

    def __init__(self, request: EditRequest) -> None:
        """Choose the device; open the generator, if one is needed, and the required extractors.

        Raises:
            UsageError, I2IError: one of them is missing or cannot be opened, or the options do not fit.
        """
        registry, editor, settings = request.registry, request.editor, request.settings
        self.device = choose_device(settings.device, precision="fp32")
        self.domains = Domains(registry, self.device)
        self.generator: Generator | None = None
        self.domain: str | None = FACES
        self.aspect_ratio = (1, 1)  # of what the generator renders between black bars
        if editor.wants != "pixels":
            settings = replace(settings, generator=settings.generator or choose_generator(request, self.domains))
            self.generator = generator(
                settings.generator, str(self.device), registry=registry, options=settings.generator_options
            )
            self.domain = generator_domain(settings.generator, registry)
            self.aspect_ratio = generator_aspect_ratio(settings.generator, registry)
            check_requirement("editor", editor.name, editor.requires, self.generator)
            if settings.generator_options:  # complete and converted to their types, as recipes record them
                options = plain_options(registry, "generator", self.generator.name, settings.generator_options)
                settings = replace(settings, generator_options=options)
        self.request = replace(request, settings=settings)
        roles = (*editor.extractors, *editor.may_use)
        self.extractors = Extractors(
            *(registry, self.device, settings.extractors, self.domain, roles),
            options=settings.extractor_options,
            generator=self.generator,
        )
        self.editor: Editor = build_plugin(registry, "editor", editor.name)
        self.editor.check(self.generator, request.options)  # before any slow work
        self.inversions = None if self.generator is None else self._inversions(self.generator)
        inverter = self._find_inverter()
        if inverter is not None and settings.invert:
            self._check_inversion(inverter)
        open_required(editor, self.extractors, (*inverter.extractors, *inverter.may_use) if inverter else ())
        if self.generator is not None:
            self.extractors.check_named(self.generator)
        self.callbacks = choose_callbacks(registry, None)

    def _inversions(self, untuned: Generator) -> Inversions:
        settings = self.request.settings
        identity = generator_identity(settings.generator, self.request.registry)
        facts: dict[str, Any] = {"generator": identity, "seed": settings.seed}
        for name in ("extractor_options", "generator_options"):
            facts |= {name: given} if (given := getattr(settings, name)) else {}
        if files := extractor_files(self.request.registry, settings.extractor_options):
            facts["extractor_files"] = files
        return Inversions(
            *(self.request.registry, untuned, self.device, self.extractors, facts),
            cached=settings.keep,
        )

    def _find_inverter(self) -> type[Inverter] | None:
        """Return the inverter that the user names, or the default one; None for an edit without inversion."""
        registry = self.request.registry
        if self.request.editor.wants != "latent" or self.inversions is None or not registry.entries("inverter"):
            return None
        return inverter_named(registry, split_method(self.request.settings.invert)[0])

    def _check_inversion(self, inverter: type[Inverter]) -> None:
        """Check the options of the inverter, and convert them to their types, as recipes record them."""
        assert self.inversions is not None
        name, values = split_method(self.request.settings.invert)
        options = inverter_options(inverter, values)
        self.inversions.check(inverter, options)
        typed = ({"method": name} if name else {}) | options.model_dump(mode="json", exclude_unset=True)
        self.request = replace(self.request, settings=replace(self.request.settings, invert=typed))

    def scene(self, images: Sequence[EditImage]) -> Scene:
        """Build the scene for the editor, with these images."""
        request, calls = self.request, self.request.settings.calls
        every: dict[str, list[Photo]] = {InputSlot.of(declared).name: [] for declared in request.editor.photos}
        for image in images:
            every[image.input.slot].append(image.photo)
        first = {name: photos[0] for name, photos in every.items() if photos}
        latent = next((photo.latent for photo in first.values()), None)
        watch = CancellationWatch(calls)
        scene = Scene(
            photos=first,
            every=every,
            device=self.device,
            extractors=self.extractors,
            progress=watch.progress,
            stop=watch.stop,
            note=calls.note,
            presets=presets_of(request.registry, request.editor.name),
            compare=ImageComparison(request.registry, self.device, self.extractors, calls.note),
            inverters=RegisteredInverters(request.registry),
            live=calls.live,
        )
        if self.generator is not None:
            scene.generator = self.generator if latent is None else tuned(self.generator, latent)
            scene.untuned = self.generator
        if self.inversions is not None:
            scene.invert = self.inversions.bound_to(scene)
        return scene
