"""The session of one edit: its device, generator and extractors, and the scene that the editor is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..api.errors import Interrupted
from ..api.options import Options
from ..api.scene import Photo, Scene
from ..callbacks import choose_callbacks
from ..guards import build_plugin, plain_options
from ..inference.generators import generator, generator_domain, generator_identity
from ..runtime.device import choose_device
from .comparison import ImageComparison
from .extractors import Extractors, open_for
from .images import FACES, EditImage, tuned
from .inputs import InputImage, InputSlot
from .inversion import Inversions, RegisteredInverters, inverter_named, inverter_options
from .settings import EditCallbacks, EditSettings, check_requirement, presets_of, split_method

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.generator import Generator
    from ..registry import Registry

NOTHING = "Stopped before there was anything to keep, so nothing is written; type the command again to begin anew."


class CancellationWatch:
    """Relays progress and cancellation, and knows from them whether an editor has begun.

    It has begun once it reports progress above 0; an editor that reports none, once it was not cancelled when it asked.
    """

    def __init__(self, calls: EditCallbacks) -> None:
        self._calls, self._reports, self._progress, self._asked = calls, False, 0.0, False

    def progress(self, done: int, total: int, **scalars: float) -> None:
        """As ``Scene.progress``."""
        self._reports, self._progress = True, max(self._progress, done)
        self._calls.progress(done, total, **scalars)

    def stop(self) -> bool:
        """As ``Scene.stop``.

        Raises:
            Interrupted: the user cancels, and the editor has not begun.
        """
        if not self._calls.stop():
            self._asked = True
            return False
        if self._progress <= 0 if self._reports else not self._asked:
            raise Interrupted(NOTHING)
        return True


@dataclass(frozen=True)
class EditRequest:
    """What the user asks for: an editor with its options, images, and the settings of any edit."""

    registry: Registry
    editor: type[Editor]
    options: Options
    inputs: Sequence[InputImage]
    settings: EditSettings


class EditSession:
    """What is open for one edit: device, generator and extractors."""

    def __init__(self, request: EditRequest) -> None:
        """Choose the device, open the generator where one is needed, and the extractors that the editor needs.

        Raises:
            UsageError, I2IError: one of them is missing or cannot be opened, or the options do not fit.
        """
        self.request = request
        registry, editor, settings = request.registry, request.editor, request.settings
        self.device = choose_device(settings.device, precision="fp32")
        self.generator: Generator | None = None
        self.domain: str | None = FACES
        if editor.wants != "pixels":
            self.generator = generator(
                settings.generator, str(self.device), registry=registry, options=settings.generator_options
            )
            self.domain = generator_domain(settings.generator, registry)
            check_requirement("editor", editor.name, editor.requires, self.generator)
            if settings.generator_options:  # typed and complete, as recipes record them
                options = plain_options(registry, "generator", self.generator.name, settings.generator_options)
                settings = replace(settings, generator_options=options)
                self.request = replace(request, settings=settings)
        roles = (*editor.extractors, *editor.may_use)
        self.extractors = Extractors(
            *(registry, self.device, settings.extractors, self.domain, roles), options=settings.extractor_options
        )
        self.editor: Editor = build_plugin(registry, "editor", editor.name)
        self.editor.check(self.generator, request.options)  # before the slow work
        self.inversions = None if self.generator is None else self._inversions(self.generator)
        open_for(editor, self.extractors, self._inverter_roles())
        self.callbacks = choose_callbacks(registry, None)

    def _inversions(self, opened: Generator) -> Inversions:
        settings = self.request.settings
        identity = generator_identity(settings.generator, self.request.registry)
        facts: dict[str, Any] = {"generator": identity, "seed": settings.seed}
        for name in ("extractor_options", "generator_options"):
            facts |= {name: given} if (given := getattr(settings, name)) else {}
        return Inversions(
            *(self.request.registry, opened, self.device, self.extractors, facts),
            cached=settings.keep,
        )

    def _inverter_roles(self) -> tuple[str, ...]:
        """Check the inverter that photos would need, if the user names one; return the roles it may look up."""
        registry, invert = self.request.registry, self.request.settings.invert
        if self.request.editor.wants != "latent" or self.inversions is None or not registry.entries("inverter"):
            return ()
        name, values = split_method(invert)
        inverter = inverter_named(registry, name)
        if invert:
            self.inversions.check(inverter, inverter_options(inverter, values))
        return (*inverter.extractors, *inverter.may_use)

    def scene(self, images: Sequence[EditImage]) -> Scene:
        """Return the scene that the editor is given, with these images."""
        request, calls = self.request, self.request.settings.calls
        every: dict[str, list[Photo]] = {InputSlot.of(declared).name: [] for declared in request.editor.photos}
        for image in images:
            every[image.given.slot].append(image.photo)
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
        )
        if self.generator is not None:
            scene.generator = self.generator if latent is None else tuned(self.generator, latent)
            scene.untuned = self.generator
        if self.inversions is not None:
            scene.invert = self.inversions.bound_to(scene)
        return scene
