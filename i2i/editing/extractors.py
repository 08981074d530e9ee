"""The extractors of one edit: those an editor needs are opened before it starts, those it may use when it asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..api.errors import UsageError
from ..assets.extractors import check_role, choose, open_chosen, roles
from ..guards import build_plugin

if TYPE_CHECKING:
    from ..api.device import Device
    from ..api.editor import Editor
    from ..api.extractor import Extractor
    from ..registry import Registry


class Extractors(Mapping[str, Any]):
    """The extractors of one edit by role; each is opened once, when it is looked up.

    The keys are the roles that the editor declares and some plugin provides, whether opened yet or not. ``in`` and
    ``[...]`` also take the other roles that a plugin provides, and the names of registered extractors.
    """

    def __init__(
        self,
        registry: Registry,
        device: Device,
        names: Mapping[str, str],
        domain: str | None,
        roles: Iterable[str] = (),
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            names: The user's choices by role; the others are chosen by ``domain``.
            domain: What the pictures show, such as ``"faces"``; None where that is not known.
            roles: The roles that the editor declares.
            options: By the names of extractors, their options.
        """
        self.options = dict(options or {})
        self.registry, self.device, self.names, self.domain = registry, device, dict(names), domain
        self.roles = tuple(dict.fromkeys(roles))
        self._open: dict[str, Extractor] = {}

    def for_roles(self, roles: Iterable[str]) -> Extractors:
        """Return the same extractors with other keys; what one of the two opens is open in both."""
        other = Extractors(self.registry, self.device, self.names, self.domain, roles, self.options)
        other._open = self._open
        return other

    def __getitem__(self, key: str) -> Any:
        """Open the extractor of a role or name.

        Raises:
            KeyError: there is no such role or name.
            I2IError: it cannot be opened; says what is missing.
        """
        if key not in self._open:
            if key in self.roles or key in roles(self.registry):
                self._open[key] = open_chosen(
                    key, self.device, self.registry, self.names.get(key), self.domain, self.options
                )
            elif key in self.registry.entries("extractor"):
                self._open[key] = build_plugin(
                    self.registry, "extractor", key, self.device, values=self.options.get(key)
                )
            else:
                raise KeyError(key)
        return self._open[key]

    def __contains__(self, key: object) -> bool:
        """Whether a plugin provides an extractor of this role or name; opening it may still fail."""
        return isinstance(key, str) and (key in self.registry.entries("extractor") or self._provided(key))

    def __iter__(self) -> Iterator[str]:
        return (role for role in self.roles if self._provided(role))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, key: str, default: Any = None) -> Any:
        """Open the extractor of a role or name as ``[...]`` does; ``default`` where no plugin provides one.

        Raises:
            I2IError: a plugin provides one, and it cannot be opened.
        """
        if key not in self:
            return default
        return self[key]

    def _provided(self, role: str) -> bool:
        return bool(self.registry.where("extractor", role=role))

    def knows(self, role: str) -> bool:
        """Whether an extractor of this role was made for such pictures, or the user says which to take."""
        return role in self.names or bool(self.registry.where("extractor", role=role, domain=self.domain))

    @property
    def chosen(self) -> dict[str, str]:
        """By role, the names of those that are open."""
        return {role: self._open[role].name for role in roles(self.registry) if role in self._open}


def open_for(kind: type[Editor], found: Extractors, more: Iterable[str] = ()) -> None:
    """Open what an editor needs, so that what is missing is told before it starts.

    Args:
        more: Further roles that may be chosen: those of the inverter that gives photos their latents.

    Raises:
        UsageError: the user chose an extractor for a role that the editor has no use for, or one that is not there.
        I2IError: one cannot be opened.
    """
    usable = {*kind.extractors, *kind.may_use, *more} | ({"landmarks"} if kind.wants != "pixels" else set())
    for role, name in found.names.items():
        check_role(role, found.registry)
        if role not in usable:
            needs = ", ".join(sorted(usable)) or "none"
            raise UsageError(
                f"Editor {kind.name!r} uses no extractor of {role} (it needs: {needs}): leave {name!r} out."
            )
    for role, name in found.names.items():  # a wrong choice is refused now, not in the middle of the work
        choose(role, found.registry, name)
    for role in kind.extractors:
        found[role]


def named(role: str, domain: str, registry: Registry) -> list[str]:
    """Names of the extractors of a role that were made for a domain."""
    return list(registry.where("extractor", role=role, domain=domain))
