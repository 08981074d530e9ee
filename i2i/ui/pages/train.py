"""The tab "Train": start trainings, watch, stop and resume them, and compare runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ..trainings import RUNS, STATES, FactsReader, RunFacts, Training, can_translate
from .run_view import COLOURS, RunView
from .train_form import TrainForm
from .translate import PAIR_STYLE

if TYPE_CHECKING:
    from ..server import PageContext

_INTERVAL = 1.5
"""Seconds between two looks at the runs."""
_STYLE = """
.i2i-train { display: grid; gap: 20px; width: 100%; align-items: start;
  grid-template-columns: minmax(240px, 300px) minmax(0, 1fr); }
.i2i-charts { display: grid; gap: 12px; width: 100%;
  grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
.i2i-runs { width: 100%; max-height: 70vh; overflow-y: auto; }
@media (max-width: 799px) {
  .i2i-train { grid-template-columns: minmax(0, 1fr); }
  .i2i-runs { max-height: 40vh; }
}
"""


def build(context: PageContext) -> None:
    """Create the tab."""
    TrainTab(context)


class TrainTab:
    """The tab of one browser: the list of runs, and beside it the form or the run that is chosen."""

    def __init__(self, context: PageContext) -> None:
        """Create the elements in the container that is open."""
        self.context = context
        self._reader = FactsReader(RUNS)
        self._facts: dict[str, RunFacts] = {}
        self._rows: dict[str, RunRow] = {}
        self._started: Training | None = None
        self._view: RunView | None = None
        self._busy = False
        ui.add_css(_STYLE + PAIR_STYLE)
        ui.label("Train").classes("text-h5").props("role=heading aria-level=1")
        ui.label("Trainings run on their own: they go on when this page or its server is closed.")
        with ui.element().classes("i2i-train q-mt-md"):
            with ui.column().style("gap: 8px; min-width: 0"):
                new = ui.button("New training", icon="add", on_click=self._show_form)
                new.props("no-caps").classes("full-width")
                self._list = ui.list().props('bordered separator aria-label="Runs"').classes("i2i-runs")
                self._nothing = ui.label("There are no runs yet.").classes("i2i-muted")
            with ui.column().classes("full-width").style("min-width: 0"):
                with ui.column().classes("full-width").style("gap: 8px") as self._form_place:
                    ui.label("New training").classes("text-h6").props("role=heading aria-level=2")
                    self._form = TrainForm(context, self._training_started)
                self._view_place = ui.column().classes("full-width").style("gap: 8px")
        ui.timer(_INTERVAL, self._tick, immediate=True)

    # The list

    async def _tick(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            found = await asyncio.to_thread(self._reader.read)
            self._show_list(found)
            self._follow_start()
            if self._view is not None and self._view.facts.name in self._facts:
                await self._view.update(self._facts[self._view.facts.name])
        finally:
            self._busy = False

    def _show_list(self, found: list[RunFacts]) -> None:
        self._facts = {facts.name: facts for facts in found}
        self._nothing.set_visibility(not found)
        self._list.set_visibility(bool(found))
        if list(self._rows) != list(self._facts):
            self._list.clear()
            with self._list:
                self._rows = {name: RunRow(name, self._choose) for name in self._facts}
        for name, facts in self._facts.items():
            chosen = self._view is not None and self._view.facts.name == name
            self._rows[name].update(facts, self.context.trainings.state_of(facts), chosen)

    async def _choose(self, name: str) -> None:
        facts = self._facts[name]
        self._form_place.set_visibility(False)
        self._view_place.clear()
        self._view = None
        translates = can_translate(facts.trainer, self.context.registry)
        with self._view_place:
            view = self._view = RunView(self.context, facts, list(self._facts.values()), translates)
        self._show_list(list(self._facts.values()))
        await view.update(facts)

    def _show_form(self) -> None:
        self._view_place.clear()
        self._view = None
        self._form_place.set_visibility(True)
        self._show_list(list(self._facts.values()))

    # A training that starts: its run has a folder once the options and the dataset are checked

    def _training_started(self, training: Training) -> None:
        self._started = training

    def _follow_start(self) -> None:
        training = self._started
        if training is None:
            return
        if training.folder.name in self._facts and Path(training.folder, "options.json").is_file():
            self._started = None
            self._form.set_busy(False)
            ui.timer(0, lambda: self._choose(training.folder.name), once=True)
        elif training.ended:
            self._started = None
            self._form.set_busy(False)
            sentence, output = training.error() or "The training ended before its first step.", training.output()
            self._form.show_trouble(sentence, output if len(output.splitlines()) > 1 else "")


class RunRow:
    """One run in the list."""

    def __init__(self, name: str, choose: Any) -> None:
        """Create the elements in the container that is open."""
        with ui.item(on_click=lambda: choose(name)).props('active-class="text-primary"') as self._item:
            with ui.item_section():
                ui.item_label(name).classes("text-weight-medium").style("overflow-wrap: anywhere")
                self._caption = ui.item_label("").props("caption")
            with ui.item_section().props("side"):
                self._badge = ui.badge("")

    def update(self, facts: RunFacts, state: Any, chosen: bool) -> None:
        """Show the current facts."""
        self._caption.text = f"{facts.trainer}, {facts.about}"
        self._badge.text = STATES[state]
        self._badge.props(f"color={COLOURS[state]}")
        self._item.props(add="active" if chosen else "", remove="" if chosen else "active")
        self._item.props["aria-current"] = "true" if chosen else "false"
