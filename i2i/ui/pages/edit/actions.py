"""The bar below the surface: Start, Stop, undo, redo, reset, compare, progress, and what is done with the result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from ....api.errors import UsageError
from .adjustments import Adjustments
from .controller import RESULT, EditController
from .source import ImageSource


def build_actions(controller: EditController, adjustments: Adjustments, source: ImageSource) -> None:
    """Create the bar."""
    _Actions(controller, adjustments, source)


class _Actions:
    def __init__(self, controller: EditController, adjustments: Adjustments, source: ImageSource) -> None:
        self.controller = controller
        with ui.element("div").classes("i2i-row").props('role=toolbar aria-label="Edit"'):
            self.start = ui.button("Start", icon="play_arrow", on_click=adjustments.start).props("no-caps unelevated")
            self.stop = ui.button("Stop", icon="stop", on_click=controller.stop)
            self.stop.props("no-caps unelevated color=negative")
            self.undo = _icon("undo", "Undo", controller.undo)
            self.redo = _icon("redo", "Redo", controller.redo)
            self.reset = _icon("restart_alt", "Back to the first image", controller.reset)
            ui.separator().props("vertical")
            self.compare = _toggle("compare", "Compare", "Before and after, with a slider", self._compare)
            self.whole = _toggle("crop_original", "Whole photo", "The photo with the edit pasted back", self._whole)
            ui.space()
            self.photo = _icon("add_photo_alternate", "Open a photo", source.pick).classes("lt-md")
            self.save = ui.button("Save", icon="download").props("no-caps flat")
            with self.save, ui.menu().props('aria-label="Save"') as menu:
                self._menu = menu
            menu.on("before-show", self._fill_menu, [])
        with ui.element("div").classes("full-width").style("min-height: 1.6rem"):
            self.bar = ui.linear_progress(show_value=False, size="6px").props('aria-label="Progress" instant-feedback')
            self.text = ui.label().classes("text-caption").props("role=status")
            with ui.expansion("").props("dense dense-toggle").classes("full-width i2i-notes") as self.notes:
                self._all_notes = ui.label()
        controller.listeners.append(self.update)
        controller.progress_listeners.append(self.progress)
        self._quiet = False
        self.update()

    def update(self) -> None:
        """Show what can be done now."""
        controller, history = self.controller, self.controller.session.history
        idle = controller.running is None
        self.start.set_visibility(idle)
        self.start.set_enabled(controller.can_start)
        self.stop.set_visibility(not idle)
        self.undo.set_enabled(idle and history.can_undo)
        self.redo.set_enabled(idle and history.can_redo)
        self.reset.set_enabled(idle and history.can_undo)
        edited = controller.node is not None and controller.node.outcome is not None
        self.compare.set_enabled(idle and edited and not controller.whole)
        self.whole.set_visibility(controller.has_whole)
        self.whole.set_enabled(idle)
        self.save.set_enabled(idle and controller.image is not None)
        self._press(self.compare, controller.comparing)
        self._press(self.whole, controller.whole)
        notes = list(dict.fromkeys(controller.notes))
        self.notes.text = notes[-1] if notes and idle else ""  # the progress is enough while it runs
        self._all_notes.text = "\n".join(notes)
        self.notes.set_visibility(bool(self.notes.text))
        self.progress()

    def progress(self) -> None:
        """Show the progress of the running job."""
        running = self.controller.running
        self.bar.set_visibility(running is not None)
        self.text.set_visibility(running is not None)
        if running is None:
            return
        self.stop.set_enabled(not running.stopping and running.ticket is not None)
        self.text.text = running.text
        self.bar.props["indeterminate"] = running.fraction is None
        self.bar.value = running.fraction or 0.0

    @staticmethod
    def _press(button: ui.button, on: bool) -> None:
        button.props["aria-pressed"] = "true" if on else "false"
        button.props(add="unelevated" if on else "flat", remove="flat" if on else "unelevated")

    async def _compare(self) -> None:
        await self.controller.compare(not self.controller.comparing)

    async def _whole(self) -> None:
        await self.controller.show_whole(not self.controller.whole)

    # Saving

    def _fill_menu(self) -> None:
        controller, node = self.controller, self.controller.node
        self._menu.clear()
        if node is None:
            return
        with self._menu:
            if node.outcome is None:
                _item("Image", "image", self._download_image)
                return
            for name in controller.session.files(node.number):
                _item(_CAPTIONS.get(name, name), _ICONS.get(name.rpartition(".")[2], "description"), self._saver(name))
            ui.separator()
            _item("Copy as command", "terminal", lambda: self._show_text("Command", controller.session.as_command))
            _item("Copy as Python", "code", lambda: self._show_text("Python", controller.session.as_python))

    def _saver(self, name: str) -> Callable[[], None]:
        def save() -> None:
            node = self.controller.node
            if node is not None:
                ui.download.file(self.controller.session.file(node.number, name), name)

        return save

    def _download_image(self) -> None:
        node, image = self.controller.node, self.controller.image
        if node is None or image is None:
            raise UsageError("There is no image to save yet; wait until it is shown.")
        kind = "png" if image.data.startswith(b"\x89PNG") else "jpg"
        ui.download.content(image.data, f"{node.label.replace(':', '-').rpartition('.')[0] or 'image'}.{kind}")

    async def _show_text(self, title: str, make: Callable[[int], str]) -> None:
        node = self.controller.node
        if node is None:
            return
        text = await asyncio.to_thread(make, node.number)
        with ui.dialog(value=True).props(f'aria-label="{title}"') as dialog, ui.card().classes("i2i-error"):
            ui.label("This makes the same image again:")
            ui.label(text).classes("i2i-details full-width").props("tabindex=0 role=textbox aria-readonly=true")
            with ui.row().classes("self-end"):
                ui.button("Close", on_click=dialog.close).props("flat no-caps")

                async def copy() -> None:
                    copied = await ui.run_javascript(
                        f"navigator.clipboard ? navigator.clipboard.writeText({text!r}).then(() => true, () => false)"
                        " : false"
                    )
                    self.controller.note("Copied." if copied else "The browser does not allow it; select and copy it.")

                ui.button("Copy", icon="content_copy", on_click=copy).props("no-caps unelevated autofocus")
        dialog.on("hide", dialog.delete)


_CAPTIONS = {
    RESULT: "Image (result.png)",
    "photo.png": "Whole photo (photo.png)",
    "before_after.png": "Before and after (before_after.png)",
    "frames.gif": "Animation (frames.gif)",
    "latent.safetensors": "Latent, to go on later (latent.safetensors)",
    "recipe.json": "Recipe (recipe.json)",
}
_ICONS = {
    "png": "image",
    "gif": "gif_box",
    "mp4": "movie",
    "safetensors": "scatter_plot",
    "csv": "table",
    "html": "web",
}


def _item(caption: str, icon: str, action: Callable[[], Any]) -> None:
    with ui.menu_item(on_click=action), ui.row().classes("items-center no-wrap q-gutter-sm"):
        ui.icon(icon)
        ui.label(caption)


def _icon(icon: str, label: str, action: Callable[[], Any]) -> ui.button:
    button = ui.button(icon=icon, on_click=action).props("flat round dense")
    button.props["aria-label"] = label
    with button:
        ui.tooltip(label)
    return button


def _toggle(icon: str, label: str, help_text: str, action: Callable[[], Any]) -> ui.button:
    button = ui.button(label, icon=icon, on_click=action).props("flat dense no-caps aria-pressed=false")
    with button:
        ui.tooltip(help_text)
    return button
