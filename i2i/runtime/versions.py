"""Versions of installed distributions, for the records that runs and edits keep."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

from .. import __version__


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of i2i, Python and those distributions among ``names`` that are installed."""
    found: dict[str, str] = {"i2i": __version__, "python": platform.python_version()}
    for name in names:
        try:
            version: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:  # the record is for the reader; nothing here needs the library
            continue
        if version:  # None where the metadata of a distribution are damaged
            found[name] = version
    return found
