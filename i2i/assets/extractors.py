"""Extractors by role or name: which one an edit, a metric or a command works with, and opening it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from ..api.device import Device
from ..api.errors import I2IError, UsageError, did_you_mean
from ..api.extractor import Role
from ..guards import build_plugin
from ..registry import Registry, load_registry

if TYPE_CHECKING:
    from ..api.extractor import Extractor

ROLES: tuple[Role, ...] = get_args(Role)
"""What an extractor can do, each a name that ``extractor`` takes."""


def choose(role: str, registry: Registry, name: str | None = None, domain: str | None = None) -> type[Extractor]:
    """The extractor of a role: the one the user names, else one for the domain, else the default, else the first.

    Args:
        name: The user's choice; None leaves it to the domain.
        domain: What the pictures show, such as a generator's own ``domain``; None where that is not known.

    Raises:
        UsageError: no extractor is called ``name``, or it has another role; names those of this role.
        I2IError: there is no extractor of this role at all.
    """
    found: dict[str, type[Extractor]] = {
        each: maker for each, maker in registry.all("extractor").items() if maker.role == role
    }
    if not found:
        raise I2IError(f"No plugin here brings an extractor of {role}: install one that does (see 'i2i plugins list').")
    if name is None:
        return _by_domain(list(found.values()), domain)
    if name in found:
        return found[name]
    if name in (others := registry.all("extractor")):
        known = ", ".join(found)
        raise UsageError(
            f"The extractor {name!r} gives {others[name].role}, not {role}; choose one that does: {known}."
        )
    raise UsageError(f"There is no extractor of {role} called {name!r}.{did_you_mean(name, found)}")


def _by_domain(makers: list[type[Extractor]], domain: str | None) -> type[Extractor]:
    """Of those that know the domain, or of all where none does, the default one; else the first."""
    fitting = [maker for maker in makers if maker.domain == domain] or makers
    return next((maker for maker in fitting if maker.default), fitting[0])


def open_chosen(
    role: str,
    device: Device,
    registry: Registry,
    name: str | None = None,
    domain: str | None = None,
    options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Extractor:
    """Open what ``choose`` gives; where that cannot be opened and the user has not named it, tell what else there is.

    Args:
        options: Options by the names of extractors; only those of the one that is opened are used.

    Raises:
        UsageError, I2IError: as ``choose``; or what the extractor needs has not been fetched or installed.
    """
    maker = choose(role, registry, name, domain)
    try:
        opened: Extractor = build_plugin(registry, "extractor", maker.name, device, values=options.get(maker.name))
        return opened
    except I2IError as error:
        others = [
            each.name
            for each in registry.all("extractor").values()
            if each.role == role and each is not maker and each.domain in (maker.domain, "any")
        ]
        if name is not None or not others:
            raise
        known = ", ".join(others)
        raise I2IError(f"{str(error).rstrip('.')}; or name another extractor of {role} instead: {known}.") from error


def extractor(
    role_or_name: str,
    device: str | Device = "auto",
    domain: str | None = None,
    registry: Registry | None = None,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Extractor:
    """Open an extractor; its networks are loaded onto the device.

    Args:
        role_or_name: A role such as ``landmarks``, or an extractor's own name.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; or a device that is chosen already.
        domain: What the pictures show; decides where a role is given and several extractors have it.
        registry: Where extractors are looked up; None for all installed plugins.
        name: The user's choice among the extractors of the role; None leaves it to the domain.
        options: Its options, where it declares any.

    Raises:
        UsageError: an option is wrong, or no extractor has this role or name; names the nearest.
        I2IError: what it needs has not been fetched or installed.
    """
    from ..runtime.device import choose_device

    registry = registry or load_registry()
    known: dict[str, type[Extractor]] = registry.all("extractor")
    roles = {*ROLES, *(each.role for each in known.values())}
    if role_or_name not in roles and role_or_name not in known:
        near = did_you_mean(role_or_name, [*known, *roles])
        raise UsageError(f"There is no extractor called {role_or_name!r}, nor is that a role.{near}")
    place = device if isinstance(device, Device) else choose_device(device, "fp32")
    if role_or_name not in roles:
        opened: Extractor = build_plugin(registry, "extractor", role_or_name, place, values=options)
        return opened
    own = {choose(role_or_name, registry, name, domain).name: options} if options else {}
    return open_chosen(role_or_name, place, registry, name, domain, own)
