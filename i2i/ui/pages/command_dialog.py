"""A dialog that shows a command line to copy."""

from __future__ import annotations

from nicegui import ui


def show_command(command: str, text: str) -> None:
    """Show a command in a dialog of the open page, with a button that copies it.

    Args:
        command: What is typed into a terminal.
        text: A sentence that says what it does.
    """

    def copy() -> None:
        ui.clipboard.write(command)
        ui.notify("Copied.")

    with ui.dialog(value=True).props('aria-label="Command"') as dialog, ui.card().classes("i2i-error"):
        ui.label(text)
        # Browsers allow the clipboard to pages of this machine and of HTTPS only; elsewhere the text can be selected.
        ui.label(command).classes("i2i-details full-width").props("tabindex=0").style("user-select: all")
        with ui.row().classes("self-end"):
            ui.button("Copy", icon="content_copy", on_click=copy).props("flat no-caps")
            ui.button("Close", on_click=dialog.close).props("flat no-caps autofocus")
    dialog.on("hide", dialog.delete)
