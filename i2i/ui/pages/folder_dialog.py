"""A dialog to choose a folder of the machine on which the page runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nicegui import ui

from ...api.errors import UsageError
from ..folders import list_folders, nearest_folder

_ICONS = {"run": "model_training", "dataset": "photo_library", "folder": "folder"}
_CAPTIONS = {"run": "a run", "dataset": "training images", "folder": ""}


class FolderDialog:
    """Lets the user walk through folders; ``choose`` waits for the choice."""

    def __init__(self, wanted: Literal["run", "dataset"]) -> None:
        """Create the dialog.

        Args:
            wanted: Kind of the folders that a click chooses; others are opened.
        """
        self._wanted = wanted
        self._folder = Path.cwd()
        with ui.dialog().props('aria-label="Choose a folder"') as self._dialog, ui.card().classes("i2i-error"):
            self._title = ui.label().classes("text-weight-medium").style("overflow-wrap: anywhere")
            self._list = ui.list().props('bordered separator dense aria-label="Folders"').classes("full-width")
            self._list.style("max-height: 50vh; overflow-y: auto")
            self._note = ui.label().classes("i2i-muted").props("role=status")
            with ui.row().classes("full-width"):
                ui.button("Up", icon="arrow_upward", on_click=self._go_up).props("flat no-caps")
                ui.space()
                ui.button("Cancel", on_click=self._dialog.close).props("flat no-caps")
                ui.button("Choose this folder", on_click=lambda: self._submit(self._folder)).props("no-caps")

    async def choose(self, start: str) -> str | None:
        """Open the dialog at a path, and return the folder that was chosen; None where it was closed."""
        self._show(nearest_folder(start))
        chosen: str | None = await self._dialog
        return chosen

    def _submit(self, folder: Path) -> None:
        self._dialog.submit(str(folder))

    def _go_up(self) -> None:
        self._show(self._folder.parent)

    def _show(self, folder: Path) -> None:
        self._folder = folder
        self._title.text = str(folder)
        self._list.clear()
        try:
            folders = list_folders(folder)
        except UsageError as error:
            self._note.text = str(error)
            return
        self._note.text = "" if folders else "There are no folders inside."
        with self._list:
            for each in folders:
                action = self._submit if each.kind == self._wanted else self._show
                with ui.item(on_click=lambda action=action, path=each.path: action(path)):
                    with ui.item_section().props("avatar"):
                        ui.icon(_ICONS[each.kind]).props("aria-hidden=true")
                    with ui.item_section():
                        ui.item_label(each.path.name)
                        if _CAPTIONS[each.kind]:
                            ui.item_label(_CAPTIONS[each.kind]).props("caption")
