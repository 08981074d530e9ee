"""A hook without its mark."""

from __future__ import annotations

from typing import Any


def register_editors(register: Any) -> None:
    """Lack the mark."""
