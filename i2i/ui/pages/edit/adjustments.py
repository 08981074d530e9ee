"""The cards "Face adjustments" and "Settings of the drag": presets with strengths, and what Start runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, ui

from ....api.errors import I2IError, Interrupted, UsageError
from ....api.options import RESERVED_OPTIONS
from ....guards import plugin_owner
from ...forms import OptionsForm
from .controller import EditController

if TYPE_CHECKING:
    from ....entries import Entry
    from ...surface.element import Point
    from ...tasks import ShownOutline
    from ...worker import Ticket

OWN_OPTIONS = frozenset({"point", "preset", "mask", "grid"})
"""Options of the drag that other controls of the page set, or that make no single image."""
_MOST = 2.0
"""Largest strength of a slider; presets are made for about 1."""
_PAUSE = 0.25
"""Seconds without a change after which an outline is computed."""


class Adjustments:
    """The points on the surface and the chosen presets: shown before they run, and run together."""

    def __init__(self, controller: EditController, local_files: bool) -> None:
        self.controller = controller
        self.editor = controller.drag_editor
        self.strengths: dict[str, float] = {}
        """Strength of each chosen preset."""
        self._local_files = local_files
        self._buttons: dict[str, ui.button] = {}
        self._form: OptionsForm | None = None
        self._outline: ShownOutline | None = None
        self._ticket: Ticket | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._node = 0

    # Elements

    def build(self) -> None:
        """Create the cards."""
        if self.editor is None:
            return
        entries = self.controller.registry.where("preset", editor=self.editor)
        with ui.element("section").classes("i2i-card").props('aria-label="Face adjustments"'):
            with ui.element("div").classes("i2i-row").style("justify-content: space-between"):
                ui.label("Face adjustments").classes("text-weight-medium").props("role=heading aria-level=2")
                self._numbers = ui.switch("Landmarks", on_change=self._landmarks_switched).props("dense")
                with self._numbers:
                    ui.tooltip("Show the 68 landmarks of the face with their numbers")
            with ui.element("div").classes("i2i-row").props('role=group aria-label="Presets"'):
                for entry in entries.values():
                    self._preset_button(entry)
            self._sliders = ui.element("div").classes("full-width")
            self._status = ui.label().classes("text-caption").props("role=status")
            self._status.set_visibility(False)
            self._apply = ui.button("Apply", icon="auto_fix_high", on_click=self.start).props("no-caps unelevated")
            self._apply.set_visibility(False)
            ui.separator()
            with ui.expansion("Settings of the drag").props("dense").classes("full-width"):
                owner = plugin_owner(self.controller.registry, "editor", self.editor)
                model = self.controller.registry.entry("editor", self.editor).options
                skip = OWN_OPTIONS | RESERVED_OPTIONS["editor"]
                self._form = OptionsForm(model, owner=owner, skip=skip, local_files=self._local_files)
        self.controller.listeners.append(self._update)

    def _preset_button(self, entry: Entry) -> None:
        button = ui.button(readable(entry.name), on_click=lambda: self._toggle(entry.name))
        button.props("no-caps outline dense padding='2px 10px' aria-pressed=false")
        self._buttons[entry.name] = button
        provider = entry.provider.distribution
        with button:
            ui.tooltip(entry.summary if provider == "i2i" else f"{entry.summary} ({provider})")

    def _toggle(self, name: str) -> None:
        if self.strengths.pop(name, None) is None:
            self.strengths[name] = 1.0
        self._show_chosen()
        self._schedule()

    def _clear(self) -> None:
        self.strengths.clear()
        self._show_chosen()

    def _show_chosen(self) -> None:
        for name, button in self._buttons.items():
            chosen = name in self.strengths
            button.props(add="unelevated", remove="outline") if chosen else button.props(
                add="outline", remove="unelevated"
            )
            button.props["aria-pressed"] = "true" if chosen else "false"
        self._apply.set_visibility(bool(self.strengths))
        self._sliders.clear()
        with self._sliders:
            for name, strength in self.strengths.items():
                self._slider(name, strength)

    def _slider(self, name: str, strength: float) -> None:
        def changed(event: Any) -> None:
            self.strengths[name] = float(event.value)
            self._schedule()

        with ui.element("div").classes("i2i-row").style("flex-wrap: nowrap"):
            ui.label(readable(name)).style("width: 7rem")
            slider = ui.slider(min=-_MOST, max=_MOST, step=0.1, value=strength, on_change=changed).classes("col")
            slider.props["aria-label"] = f"Strength of {readable(name)}"
            slider.props("dense markers=1")
            ui.label().bind_text_from(slider, "value", lambda value: f"{value:+.1f}").style("width: 2.2rem")

    def _update(self) -> None:
        controller = self.controller
        idle = controller.running is None and controller.node is not None
        self._apply.set_enabled(controller.can_start)
        number = 0 if controller.node is None else controller.node.number
        if idle and controller.image is not None and number != self._node:
            self._node = number
            self._schedule()

    def _say(self, text: str) -> None:
        self._status.text = text
        self._status.set_visibility(bool(text))

    # What it would do

    def _schedule(self) -> None:
        """Show the outline once nothing has changed for a moment."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._ticket is not None:
            self.controller.jobs.cancel(self._ticket)
            self._ticket = None
        self._outline = None
        self._waiting = background_tasks.create(self._show_outline(), name="outline")

    async def _show_outline(self) -> None:
        controller, surface = self.controller, self.controller.surface
        await asyncio.sleep(_PAUSE)
        if controller.running is not None or self.editor is None:
            return
        if not self._presets:
            surface.set_arrows(None)
            self._say("")
            if not self._numbers.value:
                surface.set_landmarks(None)
                return
        self._say("Finding the face ...")
        presets = self._presets or f"{next(iter(self._buttons))}=1"  # any preset finds the landmarks

        def submitted(ticket: Ticket) -> None:
            self._ticket = ticket

        try:
            shown = await controller.outline(self.editor, {"preset": presets}, submitted)
        except Interrupted:
            return
        except I2IError as error:
            self._say(controller.session.without_folders(str(error)))
            surface.set_arrows(None)
            return
        if shown is None:
            return
        self._say("")
        self._outline = shown if self._presets else None
        surface.set_arrows(zip(shown.points, shown.targets, strict=True) if self._presets else None)
        surface.set_landmarks(shown.landmarks if self._numbers.value else None, numbers=True)

    def _landmarks_switched(self) -> None:
        self._schedule()

    # Running

    @property
    def _presets(self) -> str:
        """The chosen presets as the option takes them."""
        return ",".join(f"{name}={strength:g}" for name, strength in self.strengths.items() if strength)

    async def start(self) -> None:
        """Drag the points on the surface and make the chosen adjustments, within the painted mask."""
        controller = self.controller
        if self.editor is None:
            raise I2IError("No editor is installed with which points can be dragged; see the tab Plugins.")
        mask = await controller.mask_file()  # first: by its answer the browser has told the points of the last click
        pairs = controller.pairs
        if not pairs and not self._presets:
            raise UsageError(
                "There is nothing to do yet: click a point of the image and then where it shall go, or choose a face "
                "adjustment."
            )
        if self._form is not None and self._form.options() is None:
            raise UsageError("A value in the settings of the drag is wrong; correct the field that is marked red.")
        options: dict[str, Any] = {} if self._form is None else self._form.values()
        if pairs:
            options["point"] = tuple(_point(pair.handle, pair.target) for pair in pairs if pair.target is not None)
        if self._presets:
            options["preset"] = self._presets
        if mask is not None:
            options["mask"] = str(mask)
        controller.aims = [] if self._outline is None else list(self._outline.targets)
        title = self._title(len(pairs))
        # On a phone the button lies below the image, which is what the user wants to watch now.
        ui.run_javascript(f"getHtmlElement({controller.surface.id}).scrollIntoView({{block: 'nearest'}})")
        node = await controller.run_edit(self.editor, options, title=title)
        if node is not None and node.outcome is not None and not node.outcome.stopped:
            self._clear()
            self._schedule()

    def _title(self, points: int) -> str:
        names = [readable(name) for name, strength in self.strengths.items() if strength]
        dragged = ["Dragging 1 point" if points == 1 else f"Dragging {points} points"] if points else []
        return ", ".join([*dragged, *names])


def readable(name: str) -> str:
    """Return the name of a preset as words: ``"Open mouth"``."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _point(handle: Point, target: Point) -> str:
    """Return a pair as the option ``point`` takes it, with a precision of a thousandth of a pixel."""
    (x0, y0), (x1, y1) = handle, target
    return f"{_number(x0)},{_number(y0)}:{_number(x1)},{_number(y1)}"


def _number(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")  # without a minus before 0
