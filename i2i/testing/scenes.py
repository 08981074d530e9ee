"""Editing scenes for tests: an editor's photos and latents, with a small generator and small extractors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..api.extractor import STANDARD_ROLES
from ..api.scene import Latent, Photo, Scene
from ..editing.comparison import ImageComparison
from ..editing.extractors import Extractors
from ..editing.inputs import InputSlot
from ..editing.inversion import Inversions, RegisteredInverters
from ..editing.presets import presets_of
from ..registry import Registry, load_registry
from ..runtime.device import choose_device
from ..toolkit.latents.sampling import latents
from .registries import with_stand_ins

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.editor import Editor

SIZE = 64
"""Height and width of the photos of editors that work without a generator, pixels."""
STAND_INS = {role: f"tiny-{role}" for role in STANDARD_ROLES}
"""By role, the extractors of ``i2i.testing.stand_ins``."""


class GivenExtractors(Extractors):
    """Extractors of which some are given as instances."""

    def __init__(self, given: Mapping[str, Any], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._given = set(given)
        self._open |= dict(given)

    def for_roles(self, roles: Iterable[str]) -> Extractors:
        """Return the same extractors with other keys."""
        given = {role: self._open[role] for role in self._given}
        other = GivenExtractors(given, self.registry, self.device, self.names, self.domain, roles)
        other._open = self._open
        return other

    def __contains__(self, key: object) -> bool:
        return key in self._given or super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        return (role for role in self.roles if role in self)


def build_scene(
    editor: str | type[Editor],
    images: Sequence[Tensor | Latent] | Mapping[str, Sequence[Tensor | Latent]] = (),
    *,
    generator: Any = None,
    extractors: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    **fields: Any,
) -> Scene:
    """Build the scene that an editor is given, on the CPU and without files.

    Args:
        editor: The class, or the name of a registered editor.
        images: Photos ``(1, 3, H, W)`` in [-1, 1] or latents (``i2i.Latent``, rendered by the generator), in the order
            of the editor's ``photos`` or by their names. For names that get none, images are made up: synthetic photos,
            or latents of random seeds for editors of crops and latents. Editors of latents need latents.
        generator: For editors of crops and latents; None for a ``TinyGenerator``.
        extractors: By role, an extractor or the name of a registered one; None and other standard roles are those of
            ``i2i.testing``, further roles those of the registry.
        registry: Where the editor, presets, inverters and other extractors are looked up; None for installed plugins.
        **fields: Further fields of ``i2i.Scene``, such as ``progress``, ``stop`` and ``note``.

    Raises:
        UsageError: no editor has this name.
        ValueError: there are more images than the editor takes, or a photo for an editor of latents.
    """
    registry = with_stand_ins(registry or load_registry())
    kind: type[Editor] = registry.get("editor", editor) if isinstance(editor, str) else editor
    device = choose_device("cpu", "fp32")
    if generator is None and kind.wants != "pixels":
        from .stand_ins import TinyGenerator

        generator = TinyGenerator(None, device)
    names = STAND_INS | {role: one for role, one in (extractors or {}).items() if isinstance(one, str)}
    given = {role: one for role, one in (extractors or {}).items() if not isinstance(one, str)}
    found = GivenExtractors(given, registry, device, names, None, (*kind.extractors, *kind.may_use))
    every = _photos(kind, images, generator)
    photos = {name: several[0] for name, several in every.items() if several}
    note = fields.setdefault("note", lambda text: None)
    defaults: dict[str, Any] = {
        "presets": presets_of(registry, kind.name),
        "compare": ImageComparison(registry, device, found, note),
        "inverters": RegisteredInverters(registry),
    }
    scene = Scene(photos, device, found, every=every, **{**defaults, **fields})
    if generator is not None:
        scene.untuned = generator
        scene.generator = scene.generator_for(next(iter(photos.values()), Photo(pixels=None)))  # type: ignore[arg-type]
        scene.invert = Inversions(registry, generator, device, found, {}, cached=False).bound_to(scene)
    return scene


def _photos(
    kind: type[Editor], images: Sequence[Tensor | Latent] | Mapping[str, Sequence[Tensor | Latent]], generator: Any
) -> dict[str, list[Photo]]:
    slots = [InputSlot.of(declared) for declared in kind.photos]
    if isinstance(images, Mapping):
        chosen = {slot.name: list(images.get(slot.name, ())) for slot in slots}
        unknown = sorted(images.keys() - chosen.keys())
        if unknown:
            raise ValueError(f"the editor {kind.name!r} has no images called {unknown[0]!r}: it has {list(chosen)}")
    else:
        chosen, rest = {}, list(images)
        for slot in slots:
            chosen[slot.name] = rest if slot.many and slot is slots[-1] else rest[:1]
            rest = [] if slot.many and slot is slots[-1] else rest[1:]
        if rest:
            raise ValueError(f"the editor {kind.name!r} takes {len(slots)} images, and there are {len(rest)} more")
    every = {}
    for number, slot in enumerate(slots):
        if not chosen[slot.name] and slot.least:
            chosen[slot.name] = [_default_image(kind, number, generator)]
        every[slot.name] = [
            _photo(kind, image, f"{slot.name} {count}", generator) for count, image in enumerate(chosen[slot.name])
        ]
    return every


def _default_image(kind: type[Editor], seed: int, generator: Any) -> Tensor | Latent:
    import numpy as np

    if kind.wants != "pixels":
        return Latent(latents(generator, [seed]))
    from ..toolkit.images import to_tensor
    from .stand_ins import draw_photo

    return to_tensor(draw_photo(np.random.default_rng(seed), SIZE))


def _photo(kind: type[Editor], image: Tensor | Latent, name: str, generator: Any) -> Photo:
    if not isinstance(image, Latent):
        if kind.wants == "latent":
            raise ValueError(f"the editor {kind.name!r} wants latents: give i2i.Latent(w), or use scene.invert first")
        return Photo(image, name=name)
    if kind.wants == "pixels":
        raise ValueError(f"the editor {kind.name!r} works on pixels, and not on latents")
    import torch

    tuned = generator.tuned(image.changes, image.noise) if image.changes or image.noise else generator
    with torch.no_grad():
        pixels = tuned.render(image.w).clamp(-1, 1).expand(-1, 3, -1, -1)
    return Photo(pixels, name=name, latent=image)
