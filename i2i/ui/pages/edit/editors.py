"""The card "More edits": any registered editor, with its panel or the form of its options."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ....api.errors import I2IError, UsageError
from ....api.options import RESERVED_OPTIONS
from ....api.panel import SurfaceEvent
from ....editing.inputs import InputSlot
from ....guards import build_plugin, plugin_owner
from ...errors import describe, error_content
from ...forms import OptionsForm
from ..plugins import panel_of
from .controller import EditController
from .history_strip import node_label, shown_nodes

if TYPE_CHECKING:
    import numpy as np


class PageSession:
    """The session that panels get: the image of this tab, and what can be done with it."""

    def __init__(self, controller: EditController) -> None:
        self._controller = controller

    @property
    def image(self) -> np.ndarray | None:
        """The image that is shown; None while there is none."""
        shown = self._controller.image
        return None if shown is None else _decode(shown.data)

    async def run(self, editor: str, /, **options: Any) -> np.ndarray:
        """Edit the image in the background.

        Raises:
            I2IError: there is no image, an option is wrong, or the edit failed or was stopped.
        """
        node = await self._controller.run_edit(editor, options)
        image = self.image
        if node is None or image is None:
            raise I2IError("The edit was stopped before there was a result; start it again.")
        return image

    def on_surface(self, handler: Callable[[SurfaceEvent], Any]) -> None:
        """Call the handler after each change on the surface."""

        def changed(kind: Any, final: bool) -> None:
            pairs = tuple((pair.handle, pair.target) for pair in self._controller.surface.points)
            handler(SurfaceEvent(kind, pairs if kind == "points" else (), final))

        self._controller.surface_handlers.append(changed)

    async def read_mask(self) -> np.ndarray | None:
        """Return the mask, True where the image may change; None if none is painted."""
        data = await self._controller.surface.read_mask()
        return None if data is None else _decode(data)[:, :, 0] > 127

    async def read_drawing(self) -> np.ndarray | None:
        """Return the image; this tab has no rectangles and pens."""
        return self.image

    def note(self, text: str) -> None:
        """Show a sentence for a few seconds."""
        self._controller.note(text)


def _decode(data: bytes) -> np.ndarray:
    from ....toolkit.images import read_image

    return read_image(BytesIO(data))


def build_editors(controller: EditController, local_files: bool) -> None:
    """Create the card."""
    _Editors(controller, local_files)


class _Editors:
    def __init__(self, controller: EditController, local_files: bool) -> None:
        self.controller, self.local_files = controller, local_files
        self.form: OptionsForm | None = None
        self.inputs: ui.select | None = None
        entries = controller.registry.entries("editor")
        with (
            ui.element("section").classes("i2i-card").props('aria-label="More edits"'),
            ui.expansion("More edits").props("dense").classes("full-width"),
        ):
            ui.label("Mix, swap, text and every other installed editor.").classes("text-caption i2i-muted")
            names = {name: f"{name}: {entry.summary}" for name, entry in entries.items()}
            self.select = ui.select(names, label="Editor", on_change=self.show).props("dense outlined options-dense")
            self.select.classes("full-width")
            self.place = ui.column().classes("full-width").style("gap: 8px; padding-top: 8px")
        self._drawn: object = None
        controller.listeners.append(self.update)

    def show(self) -> None:
        """Show the panel or the form of the chosen editor."""
        self.place.clear()
        self.form = self.inputs = None
        name = self.select.value
        if name is None:
            return
        with self.place:
            try:
                self._controls(name)
            except Exception as error:  # a plugin of a stranger may fail in any way
                error_content(*describe(error))
        self._drawn = None
        self.update()

    def _controls(self, name: str) -> None:
        registry = self.controller.registry
        if panel := panel_of(registry, name):
            build_plugin(registry, "panel", panel).build(PageSession(self.controller))
            return
        entry = registry.entry("editor", name)
        slots = [InputSlot.of(declared) for declared in entry.get("photos")]
        model, skip = entry.options, RESERVED_OPTIONS["editor"]
        self._run = ui.button(f"Run {name}", icon="play_arrow", on_click=self.run).props("no-caps unelevated")
        if len(slots) > 1:
            wanted = " and ".join(slot.name for slot in slots[1:])
            needed = any(slot.least for slot in slots[1:])
            self.inputs = ui.select({}, label=f"Images for {wanted}{' *' if needed else ''}", multiple=True)
            self.inputs.props("dense outlined use-chips").classes("full-width")
            ui.label(
                f"The image that is shown is the {slots[0].name}. To choose others here, open them first."
                if slots[0].name != "image"
                else "To choose further images here, open them first, then go back to this one in the history."
            ).classes("text-caption i2i-muted")
        if model is not None and set(model.model_fields) - skip:
            owner = plugin_owner(registry, "editor", name)
            self.form = OptionsForm(model, owner=owner, skip=skip, local_files=self.local_files)

    def update(self) -> None:
        """Offer the images of the session, and allow a run when nothing else runs."""
        if self.select.value is None or not hasattr(self, "_run"):
            return
        history = self.controller.session.history
        self._run.set_enabled(self.controller.running is None and self.controller.node is not None)
        if self.inputs is None:
            return
        names = {node.number: f"{node.number} {node_label(node)}" for node in shown_nodes(history)}
        names |= {node.number: f"{node.number} {node_label(node)}" for node in history}
        if names != self._drawn:
            self._drawn = names
            self.inputs.set_options(names)

    async def run(self) -> None:
        """Run the editor with the values of the form."""
        name = str(self.select.value)
        if self.form is not None and self.form.options() is None:
            raise UsageError(f"A value of {name} is wrong; correct the field that is marked red.")
        options = {} if self.form is None else self.form.values()
        images = [] if self.inputs is None else list(self.inputs.value or [])
        await self.controller.run_edit(name, options, images=images)
