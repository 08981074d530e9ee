"""The setting of an edit: device, generator, extractors, and the scene that the editor is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..api.editor import Result
from ..api.errors import Interrupted
from ..api.options import Options
from ..api.scene import Latent, Scene
from ..inference.generators import generator, generator_domain, generator_identity
from ..runtime.device import choose_device
from .cancellation import NOTHING, Watch
from .comparison import Likeness
from .extractors import Extractors, named, open_for
from .generators import check_requirement, tuned
from .inputs import Given, Place
from .inversion import Inversions, inverter_named, inverter_options
from .photos import FACES, Opener, Picture, only_one_each, open_photo
from .presets import presets_of
from .settings import split_method

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
            self.generator = generator(terms.generator, str(self.device), registry=registry)
            domain = generator_domain(terms.generator, registry)
        roles = (*kind.extractors, *kind.may_use)
        self.extractors = Extractors(registry, self.device, terms.extractors, domain, roles)
        finder, finders = (lambda: self.extractors["landmarks"]), named("landmarks", FACES, registry)
        self.opener = Opener(self.generator, domain, finder, terms, finders)
        if self.generator is not None:
            check_requirement("editor", kind.name, kind.requires, self.generator)
        kind().check(self.generator, options)  # before the slow work
        self.inversions = self._inversions() if self.generator is not None else None
        open_for(kind, self.extractors, self._inverter_roles())

    def _inversions(self) -> Inversions:
        facts = {"generator": generator_identity(self.terms.generator, self.registry), "seed": self.terms.seed}
        return Inversions(
            *(self.registry, self.generator, self.device, self.extractors, facts),
            cached=self.terms.keep,
        )

    def _inverter_roles(self) -> tuple[str, ...]:
        """Check the inverter that photos would need, if the user names one; return the roles it may look up."""
        if self.kind.wants != "latent" or self.inversions is None or not self.registry.all("inverter"):
            return ()
        name, values = split_method(self.terms.invert)
        inverter = inverter_named(self.registry, name)
        if self.terms.invert:
            self.inversions.check(inverter, inverter_options(inverter, values))
        return (*inverter.extractors, *inverter.may_use)

    def open(self, given: Sequence[Given]) -> list[Picture]:
        """The pictures, in the order of the editor's names."""
        if self.kind.wants == "pixels":
            return [open_photo(each, self.device) for each in given]
        photos = any(each.kind == "photo" for each in given)
        self.terms.check_pictures(photos, self.opener.aligns)
        if photos and self.opener.domain is None and self.terms.crop == "auto":
            self.terms.calls.note(
                f"What {self.terms.generator} renders is not known, so photos are cut to their largest square; for a "
                "generator of faces add --crop face."
            )
        many = {place.name: place.many for place in map(Place.of, self.kind.photos)}
        found: list[Picture] = []
        for each in given:
            shown = self.opener.open(each)
            only_one_each(shown, many[each.place], self.kind.name)
            found += shown
        return found

    def edit(self, pictures: list[Picture]) -> Result:
        """The editor's result; photos get their latents first where it wants them."""
        if self.kind.wants == "latent":
            self.kind().check_photos(self.scene(pictures), self.options)
            self._invert(pictures)
        return _whole(self.kind().edit(self.scene(pictures), self.options), pictures)

    def _invert(self, pictures: list[Picture]) -> None:
        """Give latents to those without, in place.

        Raises:
            Interrupted: the user wants out, and the edit itself has not begun.
        """
        import torch

        without = [number for number, picture in enumerate(pictures) if picture.photo.latent is None]
        if not without:
            return
        name, values = split_method(self.terms.invert)
        images = torch.cat([pictures[number].photo.pixels for number in without])
        found = self.scene([]).invert(images, name, values)
        for number, inversion in zip(without, found, strict=True):
            picture = pictures[number]
            pictures[number] = replace(picture, photo=replace(picture.photo, latent=inversion.latent))
        if self.terms.calls.stop():
            raise Interrupted(NOTHING)

    def scene(self, pictures: Sequence[Picture]) -> Scene:
        """What the editor is given."""
        every: dict[str, list[Any]] = {Place.of(declared).name: [] for declared in self.kind.photos}
        for picture in pictures:
            every[picture.given.place].append(picture.photo)
        first = {name: photos[0] for name, photos in every.items() if photos}
        latent = next((photo.latent for photo in first.values()), None)
        watch = Watch(self.terms.calls)
        scene = Scene(
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
            inverters=self.registry.all("inverter"),
        )
        if self.inversions is not None:
            scene.invert = self.inversions.bound_to(scene)
        return scene


def _whole(result: Result, pictures: Sequence[Picture]) -> Result:
    """A latent that is a tensor gets the noise and the changes with which its picture was drawn."""
    if not isinstance(result, Result):
        return result
    parts = [
        replace(each, latent=replace(picture.photo.latent, w=each.latent))
        if picture.photo.latent is not None and each.latent is not None and not isinstance(each.latent, Latent)
        else each
        for each, picture in zip((result, *result.others), pictures, strict=False)
    ]
    rest = result.others[len(parts) - 1 :] if parts else result.others
    return replace(parts[0], others=(*parts[1:], *rest)) if parts else result
