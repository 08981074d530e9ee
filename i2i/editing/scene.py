"""The setting of an edit: device, generator, extractors, and the scene that the editor is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..api.editor import Result
from ..api.errors import Interrupted
from ..api.options import Options, build_options
from ..api.scene import Latent, Scene
from ..guards import build_plugin
from ..inference.generators import generator, generator_domain, generator_identity
from ..runtime.device import choose_device
from .cancellation import NOTHING, Watch
from .comparison import Likeness
from .extractors import Extractors, named, open_for
from .inputs import Given, Place
from .inversion import Kept, inverter, results_of
from .photos import FACES, Opener, Picture, only_one_each, open_photo, tuned
from .presets import presets_of
from .settings import INVERTER

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..registry import Registry
    from .settings import Terms


class Setting:
    """What one edit has at hand."""

    def __init__(self, registry: Registry, kind: type[Editor], options: Options, terms: Terms) -> None:
        """Choose the device, open the generator where one is wanted, and the extractors that the editor needs.

        Raises:
            UsageError, I2IError: one of them is not there or cannot be opened.
        """
        self.registry, self.kind, self.options, self.terms = registry, kind, options, terms
        self.device = choose_device(terms.device, precision="fp32")
        self.generator: Any = None
        domain: str | None = FACES
        if kind.wants != "pixels":
            self.generator = generator(
                terms.generator, str(self.device), registry=registry, options=terms.generator_options
            )
            domain = generator_domain(terms.generator, registry)
        roles = (*kind.extractors, *kind.may_use)
        self.extractors = Extractors(registry, self.device, terms.extractors, domain, roles, terms.extractor_options)
        finder, finders = (lambda: self.extractors["landmarks"]), named("landmarks", FACES, registry)
        self.opener = Opener(self.generator, domain, finder, terms, finders)
        self._editor = build_plugin(registry, "editor", kind.name)
        self._editor.check(self.generator, options)  # before the slow work
        open_for(kind, self.extractors)

    def open(self, given: Sequence[Given]) -> list[Picture]:
        """The pictures, in the order of the editor's names."""
        if self.kind.wants == "pixels":
            return [open_photo(each, self.device) for each in given]
        self.terms.check_pictures(any(each.kind == "photo" for each in given), self.opener.aligns)
        many = {place.name: place.many for place in map(Place.of, self.kind.photos)}
        found: list[Picture] = []
        for each in given:
            shown = self.opener.open(each)
            only_one_each(shown, many[each.place], self.kind.name)
            found += shown
        return found

    def edit(self, pictures: list[Picture]) -> Result:
        """The editor's result; photos get their latents first where it wants them, which are kept for the next time."""
        if self.kind.name == INVERTER and self.kind.wants == "crops":
            first, *others = results_of(
                self.registry, self.kind, self.options, pictures, self.scene([]), self._kept(self.options)
            )
            return replace(first, others=tuple(others))
        if self.kind.wants == "latent":
            self._editor.check_photos(self.scene(pictures), self.options)
            self._invert(pictures)
        return _whole(self._editor.edit(self.scene(pictures), self.options), pictures)

    def _invert(self, pictures: list[Picture]) -> None:
        """Give latents to those without, in place.

        Raises:
            Interrupted: the user wants out, and the edit itself has not begun.
        """
        without = [number for number, picture in enumerate(pictures) if picture.photo.latent is None]
        if not without:
            return
        kind = inverter(self.registry)
        options = build_options(kind.Options, self.terms.invert, f"--invert (options of editor {kind.name!r})")
        scene = replace(self.scene([]), extractors=self.extractors.declared_by(kind))
        found = results_of(
            self.registry, kind, options, [pictures[number] for number in without], scene, self._kept(options)
        )
        for number, result in zip(without, found, strict=True):
            latent, picture = result.latent, pictures[number]
            latent = latent if isinstance(latent, Latent) or latent is None else Latent(latent)
            pictures[number] = replace(picture, photo=replace(picture.photo, latent=latent))
        if self.terms.calls.stop():
            raise Interrupted(NOTHING)

    def _kept(self, options: Options) -> Kept:
        giver = self.registry.giver("editor", INVERTER)
        about = {
            "generator": generator_identity(self.terms.generator, self.registry),
            "extractors": dict(self.terms.extractors),
            "editor": [giver.distribution, giver.version],
            "seed": self.terms.seed,
        }
        for name in ("extractor_options", "generator_options"):
            about |= {name: given} if (given := getattr(self.terms, name)) else {}
        return Kept(inverter(self.registry), options, about, self.terms.keep)

    def scene(self, pictures: Sequence[Picture]) -> Scene:
        """What the editor is given."""
        every: dict[str, list[Any]] = {Place.of(declared).name: [] for declared in self.kind.photos}
        for picture in pictures:
            every[picture.given.place].append(picture.photo)
        first = {name: photos[0] for name, photos in every.items() if photos}
        latent = next((photo.latent for photo in first.values()), None)
        watch = Watch(self.terms.calls)
        return Scene(
            photos=first,
            every=every,
            device=self.device,
            extractors=self.extractors,
            generator=self.generator if latent is None else tuned(self.generator, latent),
            untuned=self.generator,
            progress=watch.progress,
            stop=watch.stop,
            note=self.terms.calls.note,
            presets=presets_of(self.registry, self.kind.name),
            compare=Likeness(self.registry, self.device, self.extractors, self.terms.calls.note),
        )


def _whole(result: Result, pictures: Sequence[Picture]) -> Result:
    """A latent that is a tensor gets the noise and the changes with which its picture was drawn."""
    parts = [
        replace(each, latent=replace(picture.photo.latent, w=each.latent))
        if picture.photo.latent is not None and each.latent is not None and not isinstance(each.latent, Latent)
        else each
        for each, picture in zip((result, *result.others), pictures, strict=False)
    ]
    rest = result.others[len(parts) - 1 :] if parts else result.others
    return replace(parts[0], others=(*parts[1:], *rest)) if parts else result
