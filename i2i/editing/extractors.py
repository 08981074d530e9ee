"""The extractors of one edit: required and named ones are opened before the editor starts, others on first use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..api.errors import UsageError
from ..api.extractor import Extractor
from ..assets.extractors import check_role, choose, open_chosen, roles
from ..guards import build_plugin

if TYPE_CHECKING:
    from ..api.device import Device
    from ..api.editor import Editor
    from ..api.generator import Generator
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
        generator: Generator | None = None,
    ) -> None:
        """Store the choices; no extractor is opened yet.

        Args:
            names: Extractors that the user chose, by role; for other roles ``domain`` decides.
            domain: What the images show, such as ``"faces"``; None if unknown.
            roles: The roles that the editor declares.
            options: Options of the extractors by extractor name.
            generator: The generator of the edit, which an encoder has to fit; None for editors of pixels.
        """
        self.generator = generator
        self.options = dict(options or {})
        self.registry, self.device, self.names, self.domain = registry, device, dict(names), domain
        self.roles = tuple(dict.fromkeys(roles))
        self._open: dict[str, Extractor] = {}

    def for_roles(self, roles: Iterable[str]) -> Extractors:
        """Return the same extractors with other keys; both share the opened extractors."""
        other = Extractors(*(self.registry, self.device, self.names, self.domain, roles, self.options, self.generator))
        other._open = self._open
        return other

    def __getitem__(self, key: str) -> Any:
        """Open the extractor of a role or name.

        Raises:
            KeyError: no plugin provides this role or name.
            I2IError: it cannot be opened; the message says what is missing.
        """
        if key not in self._open:
            if key in self.roles or key in roles(self.registry):
                layers = None if self.generator is None else self.generator.num_ws
                self._open[key] = open_chosen(
                    key, self.device, self.registry, self.names.get(key), self.domain, self.options, layers
                )
            elif key in self.registry.entries("extractor"):
                self._open[key] = build_plugin(
                    self.registry, "extractor", key, self.device, values=self.options.get(key)
                )
            else:
                raise KeyError(key)
        return self._open[key]

    def __contains__(self, key: object) -> bool:
        """Return whether a plugin provides an extractor of this role or name; opening it may still fail."""
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
        """Return whether the user chose an extractor of this role or one was trained for this domain."""
        return role in self.names or bool(self.registry.where("extractor", role=role, domain=self.domain))

    def check_named(self, generator: Generator) -> None:
        """Let the extractors that the user named, and that fit one generator only, refuse another one.

        Raises:
            I2IError: an extractor cannot be opened, or does not fit the generator.
        """
        for role, name in self.names.items():
            if self.registry.get("extractor", name).check is not Extractor.check:
                self[role].check(generator)

    @property
    def chosen(self) -> dict[str, str]:
        """The names of the opened extractors by role."""
        return {role: self._open[role].name for role in roles(self.registry) if role in self._open}


def open_required(kind: type[Editor], extractors: Extractors, more: Iterable[str] = ()) -> None:
    """Open the extractors that an editor requires or the user named: a missing one is reported before the edit starts.

    Args:
        more: Further roles that the user may choose: those of the inverter.

    Raises:
        UsageError: the user chose an extractor for a role that the editor does not use, or an unknown one.
        I2IError: an extractor cannot be opened.
    """
    usable = {*kind.extractors, *kind.may_use, *more} | ({"landmarks"} if kind.wants != "pixels" else set())
    for role, name in extractors.names.items():
        check_role(role, extractors.registry)
        if role not in usable:
            needs = ", ".join(sorted(usable)) or "none"
            raise UsageError(
                f"Editor {kind.name!r} uses no extractor of {role} (it needs: {needs}): leave {name!r} out."
            )
    for role, name in extractors.names.items():  # refuse a wrong choice now, not after minutes of work
        choose(role, extractors.registry, name)
    for role in (*extractors.names, *kind.extractors):  # named ones too: metrics are omitted where none can be opened
        extractors[role]


def names_for_domain(role: str, domain: str, registry: Registry) -> list[str]:
    """Return the names of the extractors of a role that were trained for a domain."""
    return list(registry.where("extractor", role=role, domain=domain))
