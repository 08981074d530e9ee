"""The callbacks of one training or edit: chosen by name, called for each event, dropped when they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .api.callback import Callback
from .api.errors import I2IError, UsageError
from .guards import build_plugin
from .registry import Entry, Registry
from .runtime.notes import note


class Callbacks:
    """Callbacks that are called one after the other for each event."""

    def __init__(self, callbacks: Sequence[tuple[Callback, str]] = ()) -> None:
        """Take callbacks, each with the distribution that provides it, such as ``"i2i-csv 0.1.0"``."""
        self._callbacks = list(callbacks)

    def call(self, event: str, *arguments: Any) -> None:
        """Call a method of every callback; one that raises an exception is named on stderr and dropped."""
        for entry in list(self._callbacks):
            callback, provider = entry
            try:
                getattr(callback, event)(*arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # also SystemExit: a callback may not end a training
                self._callbacks.remove(entry)
                _report(callback.name, provider, event, error)


def choose_callbacks(
    registry: Registry, names: str | None, options: Mapping[str, Mapping[str, Any]] | None = None
) -> Callbacks:
    """Create the callbacks of one training or edit.

    Args:
        names: Names separated by commas, or ``none``; None for those that are callbacks by default.
        options: By the name of a callback, its options.

    Raises:
        UsageError: There is no callback of a name, or an option is unknown, wrong, or of one that is not chosen.
    """
    known = registry.entries("callback")
    if names is None:
        chosen = [name for name, entry in known.items() if _is_default(name, entry)]
    else:
        chosen = [name.strip() for name in names.split(",") if name.strip()]
        if not chosen:
            raise UsageError(f"--callbacks names none; type --callbacks none, or: {', '.join(known) or 'none'}.")
        chosen = [] if chosen == ["none"] else chosen
    options = options or {}
    if unused := sorted(options.keys() - set(chosen)):
        raise UsageError(
            f"--callback-options is for {unused[0]!r}, which is not among the callbacks: {', '.join(chosen) or 'none'}."
        )
    created = []
    for name in dict.fromkeys(chosen):
        provider = registry.provider("callback", name).release
        try:
            created.append((build_plugin(registry, "callback", name, values=options.get(name)), provider))
        except UsageError:  # a wrong option, which is the user's
            raise
        except Exception as error:
            _report(name, provider, "__init__", error)
    return Callbacks(created)


def _is_default(name: str, entry: Entry) -> bool:
    try:
        return bool(entry.get("default", False))
    except I2IError as error:  # it cannot be imported
        _report(name, entry.provider.release, "its import", error)
        return False


def _report(name: str, provider: str, event: str, error: BaseException) -> None:
    if isinstance(error, I2IError) and error.__cause__ is not None:
        error = error.__cause__  # the guard around the plugin's class named the plugin, as the warning does
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    note(f"warning: the callback {name!r} of {provider} failed in {event} and is dropped: {reason}")
