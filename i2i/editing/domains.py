"""Whether photos are of the domain of a generator: which one edits them, and whether their crop is pasted back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..api.errors import I2IError, UsageError
from ..assets.defaults import FACES, default_name
from ..assets.extractors import open_chosen
from ..assets.models import is_present
from ..toolkit.faces.alignment import extract_crop, square_placement
from ..toolkit.images import read_image, to_tensor
from ..toolkit.latents.files import read_latent

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from ..api.model import Model
    from ..registry import Registry
    from .session import EditRequest

LARGEST = 256
"""Side of the square by which the domain of a photo is recognised, pixels."""
ROLE = "domain"
SURE = 0.5
"""Score of a ``DomainExtractor`` from which an image counts as of its domain."""


class Domains:
    """The extractors with the role ``domain``; each is opened once, when it is first asked."""

    def __init__(self, registry: Registry, device: Device) -> None:
        self._registry, self._device = registry, device
        self._known = {str(entry.get("domain")) for entry in registry.where("extractor", role=ROLE).values()}
        self._open: dict[str, Any] = {}

    def __contains__(self, domain: object) -> bool:
        """Return whether an extractor knows this domain."""
        return domain in self._known

    def score(self, image: Tensor, domain: str) -> float:
        """Return how sure the extractor of a domain is of ``image (1, 3, S, S)``, in [0, 1]."""
        if domain not in self._open:
            self._open[domain] = open_chosen(ROLE, self._device, self._registry, domain=domain)
        with torch.no_grad():
            return float(self._open[domain](image.to(torch.device(self._device)))[0])

    def recognise(self, image: Tensor) -> str | None:
        """Return the domain of ``image (1, 3, S, S)``; None where no extractor that can be opened is sure of it."""
        scores = {}
        for domain in sorted(self._known):
            with suppress(I2IError):  # one that is not downloaded must not keep the others from their domains
                scores[domain] = self.score(image, domain)
        best = max(scores, key=lambda domain: scores[domain], default=None)
        return best if best is not None and scores[best] >= SURE else None


def choose_generator(request: EditRequest, domains: Domains) -> str:
    """Choose the generator of an edit for which the user names none, by its images.

    It is the generator that made a given latent; else, if a photo is foreign to the domain of the default model, one of
    the photo's domain whose file is present; else the default model. A note tells where it is not the default model.

    Raises:
        UsageError: a photo is foreign to the default model, and no model of its domain is present; says how to get one.
    """
    registry, note = request.registry, request.settings.calls.note
    default = default_name(registry, "model", "generator")
    for given in request.inputs:
        if given.kind == "latent" and given.path is not None:
            maker = _find_maker(given.path, registry)
            if maker is not None and maker != default:
                note(f"{given.path} is a latent of {maker}, which renders it.")
            return maker or default
    own = str(registry.get("model", default).domain)
    photos = [given.path for given in request.inputs if given.kind == "photo" and given.path is not None]
    for path in photos if own in domains else ():
        domain = domains.recognise(_square(path)) or FACES  # the finder says so where there is no face
        if domain == own:
            continue
        models = models_of_domain(registry, domain)
        if found := next((model for model in models if is_present(model)), None):
            note(f"{path} is foreign to {default}, which knows {own}; {found.name} edits it.")
            return found.name
        if request.editor.wants == "latent":  # one that works on crops need not render anything
            raise _missing_generator(path, default, own, domain, models)
    return default


def _square(path: Path) -> Tensor:
    """Read the largest centred square of a photo, ``(1, 3, S, S)`` of at most ``LARGEST`` px."""
    array = read_image(path)
    placement = square_placement(*array.shape[:2])
    return to_tensor(extract_crop(array, placement, min(*array.shape[:2], LARGEST)))


def _find_maker(path: Path, registry: Registry) -> str | None:
    """Return the generator that a latent file names, a model or a file; None where it names none that is known."""
    with suppress(I2IError, OSError, AttributeError):  # a damaged file is reported when the image is loaded
        source = str(read_latent(path)[1].get("generator", {}).get("source", ""))
        if source in registry.where("model", role="generator") or (source and Path(source).exists()):
            return source
    return None


def _missing_generator(path: Path, default: str, knows: str, domain: str, models: Sequence[Model]) -> UsageError:
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
    fetch = "" if any(is_present(model) for model in models) else f" type 'i2i models fetch {_target(models[0])}' and"
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
