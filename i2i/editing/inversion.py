"""Inversion for an edit: registered inverters compute latents of images; results are cached on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.editor import Plot
from ..api.errors import I2IError, UsageError
from ..api.inverter import Inversion, Inverter, split_method
from ..api.options import Options, build_options
from ..api.scene import Latent
from ..assets.defaults import default_name
from ..assets.extractors import choose, is_ready
from ..guards import build_plugin
from ..toolkit.files import user_directory
from ..toolkit.latents.files import read_latent, save_latent
from ..toolkit.locks import file_lock
from .generators import check_requirement, render

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from ..api.generator import Generator
    from ..api.scene import Scene
    from ..registry import Registry
    from .extractors import Extractors


def inverter_named(registry: Registry, name: str = "") -> type[Inverter]:
    """Return the inverter of this name; for an empty name the default one.

    Raises:
        UsageError: there is no inverter of this name.
        I2IError: no plugin provides an inverter.
    """
    if not registry.entries("inverter"):
        raise I2IError(
            "No installed plugin provides an inverter, which computes the latents of photos: install one "
            "(see 'i2i plugins list'), or edit seed:0 or a latent.safetensors instead."
        )
    found: type[Inverter] = registry.get("inverter", name or default_name(registry, "inverter"))
    return found


class RegisteredInverters(Mapping[str, type[Inverter]]):
    """The classes of the registered inverters by name; each is imported when it is looked up."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def __getitem__(self, name: str) -> type[Inverter]:
        if name not in self.registry.entries("inverter"):
            raise KeyError(name)
        found: type[Inverter] = self.registry.get("inverter", name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.registry.entries("inverter")

    def __iter__(self) -> Iterator[str]:
        return iter(self.registry.names("inverter"))

    def __len__(self) -> int:
        return len(self.registry.entries("inverter"))


def inverter_options(kind: type[Inverter], values: Mapping[str, Any], what: str = "--invert") -> Options:
    """Build the options of an inverter from what the user typed.

    Raises:
        UsageError: there is no such option, or a value is out of range.
    """
    return build_options(kind.Options, values, f"{what} (options of inverter {kind.name!r})")


@dataclass
class Inversions:
    """Inverts images for one edit, each image once."""

    registry: Registry
    generator: Generator
    """The generator without the weight changes of any latent."""
    device: Device
    extractors: Extractors
    facts: Mapping[str, Any]
    """Further inputs of the cache key: the generator's identity, its options and the seed."""
    cached: bool = True
    """Read and write the cache in the user's folder."""
    origins: dict[str, dict[str, str]] = field(default_factory=dict)
    """``Plugin.origin`` of the inverters that this edit has used and that are not installed, by name."""
    _found: dict[str, Inversion] = field(default_factory=dict)
    """Inversions of this edit by cache key, so that one inverter may start from the result of another."""

    def check(self, kind: type[Inverter], options: Options) -> None:
        """Check, before any optimisation, that the inverter works with this generator.

        Raises:
            I2IError: the generator is of another class, or the options do not fit it.
        """
        check_requirement("inverter", kind.name, kind.requires, self.generator)
        build_plugin(self.registry, "inverter", kind.name).check(self.generator, options)

    def bound_to(self, scene: Scene) -> Callable[..., list[Inversion]]:
        """Return ``Scene.invert`` for a scene: progress, notes and cancellation are the scene's."""

        def invert(
            images: Tensor,
            method: str = "",
            options: Mapping[str, Any] = {},
            *,
            progress: Callable[..., None] | None = None,
            cache: bool = True,
        ) -> list[Inversion]:
            name, values = split_method(method)
            kind = inverter_named(self.registry, name)
            built = inverter_options(kind, {**options, **values}, method or kind.name)
            self.check(kind, built)
            caller = scene if progress is None else replace(scene, progress=progress)
            return self.invert(kind, built, images, caller, cache=cache)

        return invert

    def invert(
        self, kind: type[Inverter], options: Options, images: Tensor, caller: Scene, *, cache: bool = True
    ) -> list[Inversion]:
        """Return the inversion of each image: those that are cached, and the others computed in one call.

        Args:
            images: ``(N, 3, R, R)`` in [-1, 1].
            caller: The scene whose progress, notes and cancellation are used.
            cache: Read and write the cache; False also forgets the results within this edit.

        Raises:
            UsageError: the images have another shape.
            I2IError: the inverter failed or did not return one inversion for each image.
        """
        self._check_size(images)
        if origin := self.registry.provider("inverter", kind.name).origin:
            self.origins[kind.name] = origin
        scene = self._scene(kind, caller)
        described = self._describe(kind, options)
        keys = [_key(described, image) for image in images]
        found: dict[int, Inversion] = {}
        self._look_up(keys, found, cache)
        missing = [number for number in range(len(images)) if number not in found]
        with self._lock([keys[number] for number in missing], scene, cache):
            self._look_up(keys, found, cache)  # another process may have finished some of them meanwhile
            missing = [number for number in missing if number not in found]
            if missing:
                inverter: Inverter = build_plugin(self.registry, "inverter", kind.name)
                results = inverter.invert(scene, images[missing], options)
                for number, inversion in zip(missing, results, strict=True):
                    found[number] = self._with_image(inversion)
                    if cache:
                        self._store(keys[number], found[number], scene)
        return [found[number] for number in range(len(images))]

    def _scene(self, kind: type[Inverter], caller: Scene) -> Scene:
        """Return the scene that an inverter is given."""
        extractors = self.extractors.for_roles((*kind.extractors, *kind.may_use))
        for role in kind.extractors:
            extractors[role]
        scene = replace(caller, photos={}, every={}, extractors=extractors, generator=self.generator, untuned=None)
        scene.invert = self.bound_to(scene)
        return scene

    def _check_size(self, images: Tensor) -> None:
        side = self.generator.resolution
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
            raise UsageError(
                f"The images to invert have the shape {tuple(images.shape)}, and this generator renders "
                f"(N, 3, {side}, {side}): resize them first."
            )

    def _with_image(self, inversion: Inversion) -> Inversion:
        if inversion.image is not None:
            return inversion
        return replace(inversion, image=render(self.generator, inversion.latent))

    def _describe(self, kind: type[Inverter], options: Options) -> str:
        """Return everything that a result depends on besides its image, as JSON."""
        provider = self.registry.provider("inverter", kind.name)
        version = provider.sha256 or provider.version  # the version of a plugin in one file is its contents
        inverter = [kind.name, provider.distribution, version, options.model_dump(mode="json")]
        own = build_plugin(self.registry, "inverter", kind.name).cache_facts(self.generator, options)
        facts = {**self.facts, **({"inverter": dict(own)} if own else {})}
        return json.dumps([inverter, self._extractors_of(kind), facts], sort_keys=True)

    def _extractors_of(self, kind: type[Inverter]) -> dict[str, list[Any]]:
        """Return by role the name, distribution and version of the extractors that an inverter would be given.

        And whether what they need is here, as an inverter may do without those of its ``may_use``.
        """
        chosen: dict[str, list[Any]] = {}
        for role in dict.fromkeys((*kind.extractors, *kind.may_use)):
            with suppress(I2IError):  # no extractor of this role is installed
                entry = choose(role, self.registry, self.extractors.names.get(role), self.extractors.domain)
                provider = self.registry.provider("extractor", entry.name)
                version = provider.sha256 or provider.version
                chosen[role] = [entry.name, provider.distribution, version, is_ready(entry, self.registry)]
        return chosen

    def _file(self, key: str) -> Path:
        return user_directory() / "inversions" / f"{key}.safetensors"

    def _look_up(self, keys: Sequence[str], found: dict[int, Inversion], cache: bool) -> None:
        """Add to ``found`` what this edit or an earlier one has computed."""
        for number, key in enumerate(keys):
            if cache and number not in found:
                known = self._found.get(key) or (self._read(key) if self.cached else None)
                if known is not None:
                    found[number] = self._found[key] = known

    def _read(self, key: str) -> Inversion | None:
        """Read a cached inversion and render its image; None where there is none, or the file is damaged."""
        file = self._file(key)
        if not file.is_file():
            return None
        try:
            latent, record = read_latent(file)
            latent = _to_device(latent, self.generator.device)
            plots = {name: _plot(values) for name, values in record["plots"].items()}
            scalars = {str(name): float(value) for name, value in record["scalars"].items()}
            return Inversion(latent, scalars, plots, render(self.generator, latent))
        except (I2IError, KeyError, TypeError, ValueError, AttributeError):
            file.unlink(missing_ok=True)
            return None

    def _store(self, key: str, inversion: Inversion, scene: Scene) -> None:
        """Cache an inversion for this edit, and on disk if it is complete; an unwritable folder is no error."""
        self._found[key] = inversion
        if scene.cancelled or not self.cached or inversion.frames:
            return
        plots = {name: _plain(plot) for name, plot in inversion.plots.items()}
        with suppress(OSError):
            save_latent(self._file(key), inversion.latent, {"scalars": dict(inversion.scalars), "plots": plots})

    @contextmanager
    def _lock(self, keys: Sequence[str], scene: Scene, cache: bool) -> Iterator[None]:
        """Hold the cache files of images, so that two processes do not compute the same inversions at once."""

        def waiting() -> None:
            scene.note("Waiting for another process that inverts the same photo.")

        files = sorted({self._file(key) for key in keys}) if self.cached and cache else []
        with ExitStack() as stack:
            for file in files:  # a fixed order avoids deadlocks between processes
                stack.enter_context(file_lock(file, waiting=waiting, stop=lambda: scene.cancelled))
            yield


def _key(described: str, image: Tensor) -> str:
    """Return the cache key of an image: a hash of everything that the result depends on."""
    digest = hashlib.sha256(described.encode())
    array = image.detach().float().cpu().contiguous().numpy()
    digest.update(str(array.shape).encode() + array.tobytes())
    return digest.hexdigest()[:32]


def _to_device(latent: Latent, device: Device) -> Latent:
    """Return a latent on a device."""
    return replace(
        latent,
        w=latent.w.to(device),
        noise={name: plane.to(device) for name, plane in latent.noise.items()},
        changes={name: change.to(device) for name, change in latent.changes.items()},
    )


def _plain(plot: Plot) -> dict[str, Any]:
    lines, right_lines = ({name: list(line) for name, line in side.items()} for side in (plot.lines, plot.right_lines))
    values = {"x": plot.x, "y": plot.y, "lines": lines, "log": plot.logarithmic}
    return values | {"right": plot.right, "right_lines": right_lines, "csv": plot.csv}


def _plot(values: Mapping[str, Any]) -> Plot:
    lines, right_lines = (
        {str(name): [(float(x), float(y)) for x, y in points] for name, points in values.get(key, {}).items()}
        for key in ("lines", "right_lines")
    )
    right, csv = str(values.get("right", "")), bool(values.get("csv", False))
    return Plot(str(values["x"]), str(values["y"]), lines, bool(values["log"]), right, right_lines, csv)
