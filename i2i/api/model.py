"""Model records: published weights and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .extractor import Role


@dataclass(frozen=True)
class Model:
    """A record of published weights: what they are and where they come from."""

    name: str
    summary: str
    role: Role
    """``generator``, or the role of the extractor that reads the weights, standard or of a plugin's own."""
    url: str
    licence: str
    domain: str = "any"
    """What it knows: ``"faces"``, ``"cats"``, ``"cars"``, ..."""
    resolution: int | None = None
    """Height and width of its images, pixels."""
    bytes: int | None = None
    """Size of the file, where it is known."""
    sha256: str | None = None
    """Of the file. Where it is not known, the hash of the first download is stored and later ones must match."""
    homepage: str = ""
    path: Path | None = None
    """Where it lies already, for weights that a package carries; such a record needs no ``url``."""
    default: bool = False
    """True for the model of its role that is used where the user names none."""
