"""Panels: what the web page shows for an editor or a trained run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    pass


class Panel:
    """What the web page shows for an editor or a trained run."""

    name: ClassVar[str]
    summary: ClassVar[str]
