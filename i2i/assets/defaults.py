"""Defaults: which editor, inverter, generator and metrics are used where the user names none.

Plugins declare them (``default = True``, ``default_for = ("edit",)``); the engine knows no plugin by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..api.errors import UsageError

if TYPE_CHECKING:
    from ..registry import Registry


FACES = "faces"
"""Domain of generators that were trained on photos of faces, aligned as in FFHQ."""


def find_default(registry: Registry, kind: str, role: str | None = None) -> str | None:
    """Return the name of what declares itself the default of a kind; None where nothing does.

    Of several defaults the one of i2i itself is taken, then the first by name.

    Args:
        kind: ``"editor"``, ``"inverter"`` or ``"model"``.
        role: Of models, the role, such as ``"generator"``.
    """
    names = registry.where(kind, **_with_role(role), default=True)
    return min(names, key=lambda name: (registry.provider(kind, name).distribution != "i2i", name), default=None)


def default_name(registry: Registry, kind: str, role: str | None = None) -> str:
    """Return ``find_default``, else the only one there is.

    Raises:
        UsageError: nothing declares itself the default, and there are several or none.
    """
    name = find_default(registry, kind, role)
    if name is not None:
        return name
    names = list(registry.where(kind, **_with_role(role)))
    if len(names) == 1:
        return names[0]
    what = f"{kind} of role {role}" if role else kind
    known = (
        f"name one of {', '.join(names)}" if names else "install a plugin that provides one (see 'i2i plugins list')"
    )
    raise UsageError(f"No {what} is the default here; {known}.")


def _with_role(role: str | None) -> dict[str, str]:
    """Return the attributes to look up things of a role by; none for things without roles."""
    return {} if role is None else {"role": role}
