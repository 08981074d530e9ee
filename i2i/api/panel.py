"""Panels: controls on the web page that replace the form of an editor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    Point = tuple[float, float]


@dataclass(frozen=True)
class SurfaceEvent:
    """A change that the user made on the image of the web page."""

    kind: Literal["points", "mask", "drawing"]
    """What has changed: handles and targets, the mask, or rectangles and pen strokes."""
    points: tuple[tuple[Point, Point | None], ...] = ()
    """Of ``"points"``: each handle with its target, as column and row of a pixel from the upper left corner. The target
    is None while the user has not placed it."""
    final: bool = True
    """False while the mouse button is down; further events follow."""


class PanelSession(Protocol):
    """What the web page gives to a panel: the image of one browser tab, and what can be done with it."""

    @property
    def image(self) -> np.ndarray | None:
        """The image that is shown, uint8 ``(H, W, 3)``; None while there is none."""

    async def run(self, editor: str, /, **options: Any) -> np.ndarray:
        """Edit the image in the background; await it in an ``async`` event handler.

        The page shows progress, the result and its place in the history. Errors need no handling: the page shows what
        an event handler raises.

        Args:
            editor: Name of the editor.
            **options: Its options, as for ``i2i.edit``.

        Returns:
            The new image, which is then ``image``.

        Raises:
            I2IError: there is no image, an option is wrong, or the edit failed or was stopped.
        """

    def on_surface(self, handler: Callable[[SurfaceEvent], Any]) -> None:
        """Call ``handler`` after each change that the user makes on the image, until the page is closed."""

    async def read_mask(self) -> np.ndarray | None:
        """Return the mask, bool ``(H, W)``, True where the image may change; None if none is painted."""

    async def read_drawing(self) -> np.ndarray | None:
        """Return the image with the user's rectangles and strokes, uint8 ``(H, W, 3)``; None without an image."""

    def note(self, text: str) -> None:
        """Show a sentence for a few seconds; screen readers read it."""


class Panel(ABC):
    """Controls on the web page of ``i2i ui``, made of NiceGUI elements; they replace the form of an editor.

    Import NiceGUI inside ``build``: it is an optional dependency, and the class is also imported without the page.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    editor: ClassVar[str | None] = None
    """Name of the editor whose form it replaces; None for a panel of its own."""

    @abstractmethod
    def build(self, session: PanelSession) -> None:
        """Create the elements, in the container that is open; one panel object is made for each browser tab.

        Args:
            session: The image and what can be done with it. Keep it for event handlers.
        """
