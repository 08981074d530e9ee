"""Whether photos are of the domain of a generator: which one edits them, and whether their crop is pasted back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, UsageError
from ..assets.defaults import default_name

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from ..api.editor import Editor
    from ..api.model import Model
    from ..registry import Registry
    from .inputs import InputImage

FACES = "faces"
"""Domain of generators that were trained on photos of faces, aligned as in FFHQ."""
SURE = 0.5
"""Score of a ``DomainExtractor`` from which an image counts as of its domain."""


class Domains:
    """The extractors with the role ``domain``; each is opened once, when it is first asked."""

    def __init__(self, registry: Registry, device: Device) -> None:
        self._registry, self._device = registry, device
        self._names: dict[str, str] = {}
        for name, entry in registry.where("extractor", role="domain").items():
            self._names.setdefault(str(entry.get("domain")), name)
        self._open: dict[str, Any] = {}

    def __contains__(self, domain: object) -> bool:
        """Return whether an extractor knows this domain."""
        return domain in self._names

    def score(self, image: Tensor, domain: str) -> float:
        """Return how sure the extractor of a domain is of ``image (1, 3, S, S)``, in [0, 1]."""
        import torch

        from ..guards import build_plugin

        if domain not in self._open:
            self._open[domain] = build_plugin(self._registry, "extractor", self._names[domain], self._device)
        with torch.no_grad():
            return float(self._open[domain](image.to(torch.device(self._device)))[0])

    def recognise(self, image: Tensor) -> str | None:
        """Return the domain of ``image (1, 3, S, S)``; None where no extractor is sure of it."""
        scores = {domain: self.score(image, domain) for domain in self._names}
        best = max(scores, key=lambda domain: scores[domain], default=None)
        return best if best is not None and scores[best] >= SURE else None


def choose_generator(
    registry: Registry, editor: type[Editor], inputs: Sequence[InputImage], note: Callable[[str], None]
) -> str:
    """Choose the generator of an edit for which the user names none, by its images; imports nothing slow for seeds.

    It is the generator that made a given latent; else, if a photo is foreign to the domain of the default model, one of
    the photo's domain whose file is here; else the default model.

    Args:
        note: Called with a sentence where another than the default model is taken.

    Raises:
        UsageError: a photo is foreign to the default model, and no model of its domain is here; says how to get one.
    """
    default = default_name(registry, "model", "generator")
    for given in inputs:
        if given.kind == "latent" and given.path is not None:
            maker = _maker(given.path, registry)
            if maker is not None and maker != default:
                note(f"{given.path} is a latent of {maker}, which renders it.")
            return maker or default
    for given in inputs:
        if given.kind == "photo" and given.path is not None:
            domain = _foreign_domain(given.path, default, registry)
            if domain is None:
                continue
            models = models_of_domain(registry, domain)
            knows = registry.get("model", default).domain
            if found := present(models):
                note(f"{given.path} is foreign to {default}, which knows {knows}; {found[0].name} edits it.")
                return found[0].name
            if editor.wants == "latent":  # one that works on crops need not render anything
                raise _lacking(given.path, default, knows, domain, models)
    return default


def _maker(path: Path, registry: Registry) -> str | None:
    """Return the generator that a latent file names, a model or a file; None where it names none that is known here."""
    from ..toolkit.latents.files import read_latent

    with suppress(I2IError, OSError, AttributeError):  # a damaged file is reported when the image is loaded
        source = str(read_latent(path)[1].get("generator", {}).get("source", ""))
        if source in registry.where("model", role="generator") or (source and Path(source).exists()):
            return source
    return None


def _foreign_domain(path: Path, default: str, registry: Registry) -> str | None:
    """Return the domain of a photo, where it is not that of the default model; None where it is, or may be."""
    from ..runtime.device import choose_device
    from ..toolkit.faces.alignment import extract_crop, square_placement
    from ..toolkit.images import read_image, to_tensor

    domains = Domains(registry, choose_device("cpu", "fp32"))
    own = str(registry.get("model", default).domain)
    if own not in domains:
        return None
    array = read_image(path)
    side = min(array.shape[:2])
    square = to_tensor(extract_crop(array, square_placement(*array.shape[:2]), side))
    domain = domains.recognise(square) or FACES  # the finder says so where there is no face
    return None if domain == own else domain


def _lacking(path: Path, default: str, knows: str, domain: str, models: Sequence[Model]) -> UsageError:
    way = f"type 'i2i models fetch {_target(models[0])}' to get what edits photos of {domain}, or " if models else ""
    return UsageError(
        f"{path} cannot be edited with {default}, the built-in generator, which knows {knows} only: {way}name another "
        "generator with --generator (see 'i2i models list --role generator')."
    )


def generator_advice(registry: Registry) -> str:
    """Continue a sentence with what edits photos of faces; empty where no record does."""
    models = models_of_domain(registry, FACES)
    if not models:
        return ""
    fetch = "" if present(models) else f" type 'i2i models fetch {_target(models[0])}' and"
    return f"; for a photo of a face{fetch} leave --generator out"


def models_of_domain(registry: Registry, domain: str) -> list[Model]:
    """Return the generators' records of a domain: those of bundles first, then by name."""
    found = []
    for entry in registry.where("model", role="generator").values():
        with suppress(I2IError):  # a record with a fault is refused when it is chosen
            found.append(entry.load_checked())
    return sorted((each for each in found if each.domain == domain), key=lambda each: (not each.bundles, each.name))


def _target(model: Model) -> str:
    """Return what is fetched to edit with a model: its bundle, or itself where it is in none."""
    return min(model.bundles, default=model.name)


def present(models: Sequence[Model]) -> list[Model]:
    """Return the models whose files are here."""
    from ..assets.models import state

    return [model for model in models if state(model) in ("here", "shipped")]
