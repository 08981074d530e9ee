"""Errors as sentences, with the details one click away."""

from __future__ import annotations

import traceback

from nicegui import ui

from ..api.errors import I2IError


def show_error(error: BaseException | str, details: str = "") -> None:
    """Show an error in a dialog of the open page.

    Args:
        error: The sentence, or an exception. The text of an ``I2IError`` is a sentence; of others a sentence says that
            something unexpected failed.
        details: What is shown on request; by default the traceback of the exception.
    """
    sentence, details = describe(error, details)
    with ui.dialog(value=True).props('aria-label="Error"') as dialog, ui.card().classes("i2i-error"):
        error_content(sentence, details)
        ui.button("Close", on_click=dialog.close).props("flat autofocus").classes("self-end")
    dialog.on("hide", dialog.delete)


def error_content(sentence: str, details: str) -> None:
    """Create the elements of an error in the container that is open."""
    ui.label(sentence).props("role=alert")
    if details:
        with ui.expansion("Details").props("dense").classes("full-width"):
            ui.label(details).classes("i2i-details").props("tabindex=0")


def describe(error: BaseException | str, details: str = "") -> tuple[str, str]:
    """Return the sentence and the details of an error."""
    if isinstance(error, str):
        return error, details
    details = details or str(getattr(error, "details", ""))  # of a JobError
    trace = details or "".join(traceback.format_exception(error))
    if isinstance(error, I2IError):
        return str(error), details or (trace if error.__cause__ else "")
    return "Something unexpected failed. The details help whoever repairs it.", trace
