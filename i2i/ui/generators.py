"""The generators that the page offers, and the bundles of models that it can download. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..api.errors import I2IError
from ..assets.defaults import find_default
from ..assets.models import bundles, download_bytes, file_bytes, is_present, state

if TYPE_CHECKING:
    from ..api.model import Model
    from ..registry import Registry


@dataclass(frozen=True)
class GeneratorChoice:
    """A generator that can be used at once."""

    name: str
    domain: str
    """What it renders, such as ``"faces"``; empty where that is not known."""
    resolution: int | None
    """Height and width of its images, pixels."""

    @property
    def caption(self) -> str:
        """What the select shows: ``"mobile-ffhq (faces, 1024 px)"``."""
        parts = [self.domain, f"{self.resolution} px" if self.resolution else ""]
        text = ", ".join(filter(None, parts))
        return f"{self.name} ({text})" if text else self.name


@dataclass(frozen=True)
class BundleOffer:
    """A bundle of models with a generator that is not downloaded."""

    name: str
    generators: Sequence[str]
    """The generators in it."""
    models: Sequence[tuple[str, str, int | None, str]]
    """Of each model that is not downloaded its name, what it is, its size in bytes and its licence."""
    bytes: int
    """What is downloaded, as far as known."""


def generator_choices(registry: Registry) -> list[GeneratorChoice]:
    """Return the generators that are downloaded or built in: those of bundles first, then the default one."""
    default = find_default(registry, "model", "generator")
    models = [model for model in _generator_models(registry) if is_present(model)]
    models.sort(key=lambda model: (not model.bundles, model.name != default, model.name))
    return [GeneratorChoice(model.name, model.domain, model.resolution) for model in models]


def bundle_offers(registry: Registry) -> list[BundleOffer]:
    """Return the bundles with a generator that can be downloaded."""
    offers = []
    for name, models in bundles(registry).items():
        missing = [model for model in models if state(model) == "to fetch"]
        generators = [model.name for model in missing if model.role == "generator"]
        if generators:
            rows = [(model.name, model.summary, file_bytes(model), model.licence) for model in missing]
            offers.append(BundleOffer(name, generators, rows, download_bytes(missing)))
    return offers


def size_text(count: int | None) -> str:
    """Return a number of bytes as a person reads it, such as ``"79 MB"``."""
    if count is None:
        return "size not known"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def _generator_models(registry: Registry) -> list[Model]:
    found = []
    for entry in registry.where("model", role="generator").values():
        with suppress(I2IError):  # a record with a fault is refused when it is chosen
            found.append(entry.load_checked())
    return found
