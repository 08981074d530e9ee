"""The extractors of one edit: those an editor needs are opened before it starts, those it may use when it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..extracting import ROLES, open_chosen

if TYPE_CHECKING:
    from ..contracts import Editor, Extractor
    from ..devices import Device
    from ..registry import Registry


class Extractors(Mapping[str, Any]):
    """By role, or by an extractor's own name, each opened once."""

    def __init__(self, registry: Registry, device: Device, names: Mapping[str, str], domain: str | None) -> None:
        """``names`` are the user's choices by role; the others are chosen by ``domain``, what the pictures show."""
        self.registry, self.device, self.names, self.domain = registry, device, dict(names), domain
        self._open: dict[str, Extractor] = {}

    def __getitem__(self, key: str) -> Any:
        """Open the extractor of a role or name.

        Raises:
            KeyError: there is no such role or name.
            I2IError: it cannot be opened; says what is missing.
        """
        if key not in self._open:
            role = next((each for each in ROLES if each == key), None)
            if role is not None:
                self._open[key] = open_chosen(role, self.device, self.registry, self.names.get(key), self.domain)
            elif key in (known := self.registry.all("extractor")):
                self._open[key] = known[key](self.device)
            else:
                raise KeyError(key)
        return self._open[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def knows(self, role: str) -> bool:
        """Whether an extractor of this role was made for such pictures, or the user says which to take."""
        makers = self.registry.all("extractor").values()
        return role in self.names or any(each.role == role and each.domain == self.domain for each in makers)

    @property
    def chosen(self) -> dict[str, str]:
        """By role, the names of those that are open."""
        return {role: self._open[role].name for role in ROLES if role in self._open}


def open_for(kind: type[Editor], found: Extractors) -> None:
    """Open what an editor needs, so that what is missing is told before it starts.

    Raises:
        UsageError: the user chose an extractor for a role that the editor has no use for.
        I2IError: one cannot be opened.
    """
    usable = {*kind.extractors, *kind.may_use} | ({"landmarks"} if kind.wants != "pixels" else set())
    for role, name in found.names.items():
        if role not in usable:
            needs = ", ".join(sorted(usable)) or "none"
            raise UsageError(
                f"Editor {kind.name!r} uses no extractor of {role} (it needs: {needs}): leave {name!r} out."
            )
    for role in kind.extractors:
        found[role]


def named(role: str, domain: str, registry: Registry) -> list[str]:
    """Names of the extractors of a role that were made for a domain."""
    makers = registry.all("extractor").items()
    return [name for name, maker in makers if maker.role == role and maker.domain == domain]
