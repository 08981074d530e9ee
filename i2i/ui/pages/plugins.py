"""The tab "Plugins": what is installed, what it provides, and the form or panel of each editor and trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ...api.errors import I2IError
from ...api.options import RESERVED_OPTIONS
from ...entries import RECORDS
from ...guards import build_plugin, plugin_owner
from ...registry import KINDS, Plugin, Registry
from ..errors import describe, error_content
from ..forms import OptionsForm

if TYPE_CHECKING:
    import numpy as np

    from ...api.panel import SurfaceEvent
    from ...entries import Entry
    from ..server import PageContext

_WITH_FORMS = ("editor", "trainer")


class EmptySession:
    """The session of panels on this tab: there is no image, so that they can be looked at but not run."""

    image: np.ndarray | None = None

    async def run(self, editor: str, /, **options: Any) -> np.ndarray:
        """Refuse: nothing can be edited here."""
        raise I2IError("There is no image on this tab, so that nothing can be edited.")

    def on_surface(self, handler: Callable[[SurfaceEvent], Any]) -> None:
        """Ignore the handler, as there is no image on which something could be drawn."""

    async def read_mask(self) -> np.ndarray | None:
        """Return None: nothing is painted."""
        return None

    async def read_drawing(self) -> np.ndarray | None:
        """Return None: there is no image."""
        return None

    def note(self, text: str) -> None:
        """Show a sentence for a few seconds."""
        ui.notify(text)


def build(context: PageContext) -> None:
    """Create the tab."""
    registry = context.registry
    entries = [entry for kind in KINDS for entry in registry.entries(kind).values()]
    ui.label("Plugins").classes("text-h5").props("role=heading aria-level=1")
    ui.label(f"Installed: {len(registry.plugins)}. Plugins provide everything that i2i trains and edits with.")
    search = ui.input("Search").props("clearable dense outlined").classes("full-width q-my-sm")
    nothing = ui.label("Nothing of this name is installed.").classes("i2i-muted")
    nothing.set_visibility(False)
    rows: list[tuple[str, ui.expansion]] = []
    for plugin in registry.plugins.values():
        own = [entry for entry in entries if entry.provider is plugin]
        text = " ".join(
            [plugin.name, plugin.distribution, *(f"{each.kind} {each.name} {each.summary}" for each in own)]
        )
        rows.append((text.lower(), _plugin_row(context, plugin, own)))

    def filter_rows() -> None:
        words = (search.value or "").lower().split()
        for text, row in rows:
            row.set_visibility(all(word in text for word in words))
        nothing.set_visibility(not any(row.visible for _, row in rows))

    search.on_value_change(filter_rows)


def _plugin_row(context: PageContext, plugin: Plugin, entries: list[Entry]) -> ui.expansion:
    kinds = sorted({entry.kind for entry in entries}, key=KINDS.index)
    counts = [f"{sum(entry.kind == kind for entry in entries)} {kind}" for kind in kinds]
    counts = [f"{text}s" if not text.startswith("1 ") else text for text in counts]
    # The summary of what the plugin is for: records of weights and presets come with something else.
    main = next((entry for entry in entries if entry.kind not in RECORDS), entries[0] if entries else None)
    summary = f"{main.summary} " if main else ""
    caption = f"{summary}({plugin.release}: {', '.join(counts) or 'commands'})"
    faults = [fault for fault in (plugin.error, *plugin.warnings) if fault]
    row = ui.expansion(plugin.name, caption=f"{caption}; has a fault" if faults else caption).classes("full-width")
    row.props('header-class="text-weight-medium"')
    with row:
        for fault in faults:
            ui.label(fault).classes("text-negative").props("role=alert")
        place = ui.column().classes("full-width q-gutter-none")

    def fill() -> None:
        for entry in entries:
            _thing_row(context, entry)

    _fill_once(row, place, fill)
    return row


def _fill_once(row: ui.expansion, place: ui.element, fill: Callable[[], Any]) -> None:
    """Create the content of a row when it is first opened: all forms at once would be thousands of elements."""

    def opened() -> None:
        if row.value and not place.default_slot.children:
            with place:
                try:
                    fill()
                except Exception as error:  # a plugin of a stranger may fail in any way
                    error_content(*describe(error))

    row.on_value_change(opened)


def _thing_row(context: PageContext, entry: Entry) -> None:
    if entry.kind not in _WITH_FORMS:
        with ui.column().classes("i2i-thing q-py-sm").style("gap: 0"):
            ui.label(f"{entry.kind} {entry.name}").classes("text-weight-medium")
            ui.label(entry.summary).classes("i2i-muted")
        return
    row = ui.expansion(f"{entry.kind} {entry.name}", caption=entry.summary).classes("i2i-thing")
    with row:
        place = ui.column().classes("full-width")
    _fill_once(row, place, lambda: _controls(context, entry))


def _controls(context: PageContext, entry: Entry) -> None:
    """Create the panel of an editor, or else its form."""
    if entry.kind == "editor" and (panel := panel_of(context.registry, entry.name)):
        build_plugin(context.registry, "panel", panel).build(EmptySession())
        return
    model = entry.options
    skip = RESERVED_OPTIONS[entry.kind]
    if model is None or not set(model.model_fields) - skip:
        ui.label("It has no options.").classes("i2i-muted")
        return
    owner = plugin_owner(context.registry, entry.kind, entry.name)
    OptionsForm(model, owner=owner, skip=skip, local_files=context.local_files)


def panel_of(registry: Registry, editor: str) -> str | None:
    """Return the name of the panel that replaces the form of an editor; the first by name where there are several."""
    return next((name for name, value in registry.values("panel", "editor").items() if value == editor), None)
