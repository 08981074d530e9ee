"""The tabs of the web page, which needs NiceGUI (``pip install 'i2i[ui]'``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..server import PageContext


@dataclass(frozen=True)
class Page:
    """One tab."""

    name: str
    """Its path: ``"plugins"`` is at ``/plugins``. The first page is also at ``/``."""
    title: str
    icon: str
    """Name of a Material icon."""
    target: str
    """``"module:function"``; the function gets the ``PageContext`` and creates the elements in the open container."""

    def load(self) -> Callable[[PageContext], None]:
        """Import the function."""
        module, _, name = self.target.partition(":")
        function: Callable[[PageContext], None] = getattr(import_module(module), name)
        return function


PAGES: tuple[Page, ...] = (
    Page("edit", "Edit", "face_retouching_natural", "i2i.ui.pages.edit.page:build"),
    Page("translate", "Translate", "brush", "i2i.ui.pages.translate:build"),
    Page("train", "Train", "model_training", "i2i.ui.pages.train:build"),
    Page("plugins", "Plugins", "extension", "i2i.ui.pages.plugins:build"),
)
"""The tabs in their order."""
