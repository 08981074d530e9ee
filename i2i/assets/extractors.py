"""Extractors by role or name: which one an edit, a metric or a command works with, and opening it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..api.device import Device
from ..api.errors import I2IError, UsageError, did_you_mean
from ..api.extractor import STANDARD_ROLES, Role
from ..guards import build_plugin
from ..registry import Entry, Registry, load_registry
from .models import is_present

if TYPE_CHECKING:
    from ..api.extractor import Extractor
    from ..api.model import Model


def roles(registry: Registry) -> tuple[Role, ...]:
    """Return the standard roles, then those that only plugins know, such as ``depth``; imports nothing slow."""
    own = {role for role in registry.values("extractor", "role").values() if isinstance(role, str)}
    return (*STANDARD_ROLES, *sorted(own.difference(STANDARD_ROLES)))


def check_role(role: str, registry: Registry) -> None:
    """Refuse a role that is neither standard nor that of an extractor.

    Raises:
        UsageError: there is no such role; names the known ones.
    """
    if role not in (known := roles(registry)):
        raise UsageError(f"There is no role {role!r} of extractors; the roles are {', '.join(known)}.")


def choose(role: str, registry: Registry, name: str | None = None, domain: str | None = None) -> Entry:
    """Choose the extractor of a role: the one the user names, else one for the domain that is ready to use.

    Args:
        name: The user's choice; None leaves it to the domain.
        domain: What the images show, such as a generator's own ``domain``; None where that is not known.

    Raises:
        UsageError: no extractor is called ``name``, or it has another role; names those of this role.
        I2IError: there is no extractor of this role at all.
    """
    found = registry.where("extractor", role=role)
    if not found:
        known = "" if role in STANDARD_ROLES else f"; the known roles are {', '.join(roles(registry))}"
        raise I2IError(
            f"No plugin provides an extractor of {role}: install one that does (see 'i2i plugins list'){known}."
        )
    if name is None:
        return _by_domain(list(found.values()), domain, registry)
    if name in found:
        return found[name]
    if name in (others := registry.entries("extractor")):
        known = ", ".join(found)
        raise UsageError(
            f"The extractor {name!r} gives {others[name].get('role')}, not {role}; choose one that does: {known}."
        )
    raise UsageError(f"There is no extractor of {role} called {name!r}.{did_you_mean(name, found)}")


def _by_domain(entries: list[Entry], domain: str | None, registry: Registry) -> Entry:
    """Choose among the extractors of a role where the user names none.

    Those of the domain come first; where there are none, or the domain is unknown, those of the domain of the default.
    Of these, one that is ready to use comes before one that must be downloaded or installed first. Of several that are
    ready, the default comes first, then those with gradients. Of several that are not, those come first that bundles
    of ``i2i models fetch`` complete, then the default. Equal ones are in the order of their names.
    """
    entries = [entry for entry in entries if entry.get("automatic", True)] or entries
    fitting = [entry for entry in entries if entry.get("domain") == domain] or entries
    default = next((entry for entry in fitting if entry.get("default")), fitting[0])
    rivals = [entry for entry in fitting if entry.get("domain") == default.get("domain")]

    def rank(entry: Entry) -> tuple[bool, ...]:
        ready = is_ready(entry, registry)
        models = _models(entry, registry)
        bundled = _is_installed(entry) and all(
            model is not None and (is_present(model) or model.bundles) for model in models
        )
        return not ready, not bundled, not entry.get("default"), not entry.get("differentiable", True)

    return min(rivals, key=rank)


def is_ready(entry: Entry, registry: Registry) -> bool:
    """Return whether the packages and model files that an extractor needs are here."""
    return _is_installed(entry) and all(model is not None and is_present(model) for model in _models(entry, registry))


def _is_installed(entry: Entry) -> bool:
    """Return whether the packages that an extractor needs are installed."""
    return all(find_spec(name) is not None for name in entry.get("packages", ()))


def _models(entry: Entry, registry: Registry) -> list[Model | None]:
    """Return the model records that an extractor declares; None for one that no plugin registers, or with a fault."""
    records, found = registry.entries("model"), []
    for name in entry.get("models", ()):
        model = None
        with suppress(I2IError):  # a record with a fault is refused when it is chosen
            model = records[name].load_checked() if name in records else None
        found.append(model)
    return found


def open_chosen(
    role: str,
    device: Device,
    registry: Registry,
    name: str | None = None,
    domain: str | None = None,
    options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    layers: int | None = None,
) -> Any:
    """Open what ``choose`` returns; if it cannot be opened and the user has not named it, name the alternatives.

    Args:
        options: Options by the names of extractors; only those of the one that is opened are used.
        layers: Layers of w of the generator that it is for; None where there is no generator.

    Raises:
        UsageError, I2IError: as ``choose``; what the extractor needs is not downloaded or installed; or the user has
            not named it, and it is for generators with another number of layers.
    """
    entry = choose(role, registry, name, domain)
    if name is None and layers is not None and (own := entry.get("generator_layers")) not in (None, layers):
        raise I2IError(  # before it is opened, so that no download is advised that could not be used
            f"The {role} {entry.name!r} is for generators with {own} layers of w, and this one has {layers}; "
            "'i2i train encoder' trains one for it."
        )
    try:
        return build_plugin(registry, "extractor", entry.name, device, values=options.get(entry.name))
    except I2IError as error:
        others = [
            each.name
            for each in registry.where("extractor", role=role).values()
            if each is not entry and each.get("domain") in (entry.get("domain"), "any")
        ]
        if name is not None or not others:
            raise
        known = ", ".join(others)
        raise I2IError(
            f"{str(error).rstrip('.')}; or name another extractor of {role} than {entry.name}: {known}."
        ) from error


def extractor(
    role_or_name: str,
    device: str | Device = "auto",
    domain: str | None = None,
    registry: Registry | None = None,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    named_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Extractor:
    """Open an extractor; its networks are loaded onto the device.

    Args:
        role_or_name: A role such as ``landmarks``, or an extractor's own name.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; or a device that is chosen already.
        domain: What the images show; decides where a role is given and several extractors have it.
        registry: Where extractors are looked up; None for all installed plugins.
        name: The user's choice among the extractors of the role; None leaves it to the domain.
        options: Its options, where it declares any.
        named_options: Options by the name of an extractor, as ``--extractor-options`` gives them; those of others than
            the opened one are refused.

    Raises:
        UsageError: an option is wrong, or no extractor has this role or name; names the nearest.
        I2IError: what it needs has not been fetched or installed.
    """
    from ..runtime.device import choose_device

    registry = registry or load_registry()
    names, known_roles = registry.names("extractor"), roles(registry)
    if role_or_name not in known_roles and role_or_name not in names:
        near = did_you_mean(role_or_name, [*names, *known_roles])
        raise UsageError(f"There is no extractor called {role_or_name!r}, nor is that a role.{near}")
    place = device if isinstance(device, Device) else choose_device(device, "fp32")
    if named_options:
        opening = role_or_name
        if role_or_name in known_roles:
            opening = choose(role_or_name, registry, name, domain).name
        if unused := sorted(named_options.keys() - {opening}):
            raise UsageError(f"--extractor-options is for {unused[0]!r}, and the extractor here is {opening!r}.")
        options = {**named_options[opening], **(options or {})}
    if role_or_name not in known_roles:
        opened: Extractor = build_plugin(registry, "extractor", role_or_name, place, values=options)
        return opened
    own = {choose(role_or_name, registry, name, domain).name: options} if options else {}
    found: Extractor = open_chosen(role_or_name, place, registry, name, domain, own)
    return found
