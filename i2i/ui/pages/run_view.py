"""One run, or a comparison of two: state, curves, metrics, samples of all steps, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nicegui import ui
from PIL import Image

from ...api.errors import I2IError, UsageError
from ...training.runs import open_run
from ..charts import chart_options
from ..surface.element import Surface
from ..trainings import STATES, LogReader, RunFacts, as_command, sample_at, sample_files
from .command_dialog import show_command

if TYPE_CHECKING:
    from ..server import PageContext

COLOURS = {
    "starting": "blue-grey-7",
    "running": "blue-9",
    "done": "green-9",
    "stopped": "grey-8",
    "failed": "red-9",
    "died": "red-9",
}
"""Colours of the badges of states."""
_GROUPS = {"loss": "Losses", "val": "Validation"}
_DIED = "The process ended without a word; resume the run to go on from its last checkpoint."


def time_text(seconds: float) -> str:
    """Return a duration for people, such as ``"3 min"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class RunView:
    """The view of a run; ``update`` brings it up to date."""

    def __init__(self, context: PageContext, facts: RunFacts, others: Sequence[RunFacts], translates: bool) -> None:
        """Create the elements in the container that is open.

        Args:
            facts: The run.
            others: Runs that it can be compared with.
            translates: Whether the tab "Translate" can use it.
        """
        self.context, self.facts = context, facts
        self._translates = translates
        self._readers: dict[str, LogReader] = {facts.name: LogReader(facts.folder)}
        self._folders: dict[str, Path] = {facts.name: facts.folder}
        self._options = open_run(facts.folder).options
        with ui.row().classes("full-width items-center").style("gap: 8px"):
            ui.label(facts.name).classes("text-h6").props("role=heading aria-level=2")
            self._badge = ui.badge("").props("role=status").classes("self-center")
            ui.space()
            self._stop = self._button("Stop", "stop", self._stop_training, "Save a checkpoint and stop, as Ctrl-C does")
            self._resume = self._button("Resume", "play_arrow", self._ask_resume, "Go on from the last checkpoint")
            self._translate = self._button("Translate", "brush", self._open_translate, "Draw or upload an input")
            self._button("Options", "tune", self._show_options, "Show what it was started with")
        self._progress = ui.linear_progress(0, show_value=False).props('rounded aria-label="Progress"')
        self._text = ui.label().classes("i2i-muted")
        self._reason = ui.label().classes("text-negative").props("role=alert")
        names = {other.name: other.name for other in others if other.name != facts.name}
        self._compare = ui.select(names, label="Compare with", clearable=True, on_change=self._compare_chosen)
        self._compare.props("outlined dense").style("width: min(320px, 100%)")
        self._compare.set_visibility(bool(names))
        self._others = {other.name: other.folder for other in others}
        self._waiting = ui.label("Curves appear after the first steps.").classes("i2i-muted")
        self._charts: dict[str, tuple[ui.element, ui.echart]] = {}
        with ui.element().classes("i2i-charts"):
            for group, title in _GROUPS.items():
                with ui.column().style("gap: 0; min-width: 0") as column:
                    ui.label(title).classes("text-subtitle1 text-weight-medium").props("role=heading aria-level=3")
                    chart = ui.echart(chart_options({}, group)).classes("full-width").style("height: 260px")
                    chart.props["aria-label"] = f"{title} over the steps"
                self._charts[group] = column, chart
        self._table = ui.column().classes("full-width").style("gap: 0")
        self._samples = Samples(self._folders)

    @staticmethod
    def _button(text: str, icon: str, action: Callable[[], Any], help_text: str) -> ui.button:
        with ui.button(text, icon=icon, on_click=action).props("outline no-caps dense").classes("q-px-sm") as button:
            ui.tooltip(help_text)
        return button

    # What is shown

    async def update(self, facts: RunFacts) -> None:
        """Show the current facts, and what the run has written since."""
        self.facts = facts
        training = self.context.trainings.of(facts.folder)
        state = self.context.trainings.state_of(facts)
        active = state in ("starting", "running")
        self._badge.text = STATES[state]
        self._badge.props(f"color={COLOURS[state]}")
        self._stop.set_visibility(active)
        self._resume.set_visibility(not active)
        self._resume.text = "Train longer" if state == "done" else "Resume"
        self._translate.set_visibility(self._translates and (facts.folder / "checkpoints" / "last").exists())
        reason = facts.reason or (_DIED if state == "died" else "")
        if not active and training is not None and state != "stopped":
            reason = reason or training.error()
        self._reason.text = "" if active else reason
        self._reason.set_visibility(bool(self._reason.text))
        changed = [await asyncio.to_thread(reader.update) for reader in self._readers.values()]
        self._show_progress(facts, state == "running")
        if any(changed):
            self._show_curves()
        await self._samples.update()

    def _show_progress(self, facts: RunFacts, running: bool) -> None:
        reader = self._readers[facts.name]
        step = max(facts.steps, reader.step)
        total = facts.total or step or 1
        self._progress.value = min(1.0, step / total)
        parts = [f"{facts.trainer}{f' on {facts.dataset}' if facts.dataset else ''}", f"step {step} of {total}"]
        if reader.speed and running:
            left = (total - step) * self._options["run"]["batch"] / reader.speed
            parts += [f"{reader.speed:.1f} images/s", f"about {time_text(left)} left"]
        self._text.text = ", ".join(parts)

    def _show_curves(self) -> None:
        runs = {name: reader.curves for name, reader in self._readers.items()}
        self._waiting.set_visibility(not any(runs.values()))
        for group, (column, chart) in self._charts.items():
            options = chart_options(runs, group)
            column.set_visibility(bool(options["series"]))
            chart.options.clear()
            chart.options.update(options)
            chart.update()
        self._show_table({name: {key: curve.values[-1] for key, curve in run.items()} for name, run in runs.items()})

    def _show_table(self, values: Mapping[str, Mapping[str, float]]) -> None:
        quantities = sorted({name for run in values.values() for name in run}, key=lambda name: (name[:1] != "v", name))
        self._table.clear()
        if not quantities:
            return
        columns: list[dict[str, Any]] = [
            {"name": "quantity", "label": "Last value", "field": "quantity", "align": "left"},
            *({"name": run, "label": run, "field": run, "align": "right"} for run in values),
        ]
        rows: list[dict[str, Any]] = [
            {"quantity": name.replace("loss/", "loss ").replace("val/", "validation ")}
            | {run: f"{found[name]:.4g}" if name in found else "" for run, found in values.items()}
            for name in quantities
        ]
        with self._table:
            table = ui.table(columns=columns, rows=rows, row_key="quantity").classes("full-width")
            table.props("dense flat bordered hide-pagination").props('aria-label="Last values"')

    async def _compare_chosen(self, event: Any) -> None:
        names = [self.facts.name, *([event.value] if event.value else [])]
        folders = {self.facts.name: self.facts.folder} | self._others
        self._readers = {name: self._readers.get(name) or LogReader(folders[name]) for name in names}
        for reader in self._readers.values():
            await asyncio.to_thread(reader.update)
        self._show_curves()
        self._samples.show_runs({name: folders[name] for name in names})
        await self._samples.update()

    # What can be done

    def _stop_training(self) -> None:
        self.context.trainings.stop(self.facts.folder)
        ui.notify("It finishes its step and saves a checkpoint; this may take a moment.")

    def _resume_words(self, steps: int) -> list[str]:
        words = ["train", self.facts.trainer, "--resume", str(self.facts.folder)]
        return words if steps == self.facts.total else [*words, "--steps", str(steps)]

    def _ask_resume(self) -> None:
        total, done = self.facts.total or 1, self.facts.steps
        with ui.dialog(value=True).props('aria-label="Resume"') as dialog, ui.card().classes("i2i-error"):
            ui.label(f"{self.facts.name} has done {done} of {total} steps. It goes on from its last checkpoint.")
            until = ui.number("Train until step", value=total if done < total else 2 * total, min=1, precision=0)
            until.props("outlined dense")

            def words() -> list[str]:
                steps = int(until.value or 0)
                if steps <= done:
                    raise UsageError(f"{self.facts.name} has done {done} steps already; type a larger number.")
                return self._resume_words(steps)

            def start() -> None:
                self.context.trainings.start(self.facts.folder, words())
                dialog.close()

            def command() -> None:
                show_command(as_command(words()), "This resumes the training in a terminal.")

            with ui.row().classes("self-end"):
                ui.button("Command", icon="terminal", on_click=command).props("flat no-caps")
                ui.button("Cancel", on_click=dialog.close).props("flat no-caps")
                ui.button("Train", icon="play_arrow", on_click=start).props("no-caps")
        dialog.on("hide", dialog.delete)

    def _open_translate(self) -> None:
        ui.navigate.to(f"/translate?run={quote(self.facts.name)}")

    def _show_options(self) -> None:
        values = {**self._options["run"], **self._options["options"]}
        rows = [
            {"name": name, "value": "" if value is None else str(value)}
            for name, value in sorted(values.items())
            if value is not None
        ]
        columns: list[dict[str, Any]] = [
            {"name": "name", "label": "Option", "field": "name", "align": "left"},
            {"name": "value", "label": "Value", "field": "value", "align": "left", "style": "overflow-wrap: anywhere"},
        ]
        with ui.dialog(value=True).props('aria-label="Options"') as dialog, ui.card().classes("i2i-error"):
            ui.label(f"Options of {self.facts.name}").classes("text-subtitle1 text-weight-medium")
            table = ui.table(columns=columns, rows=rows, row_key="name").classes("full-width")
            table.props("dense flat wrap-cells hide-pagination virtual-scroll").style("max-height: 55vh")
            ui.button("Close", on_click=dialog.close).props("flat no-caps autofocus").classes("self-end")
        dialog.on("hide", dialog.delete)


class Samples:
    """Sample grids of one or two runs, with one slider through time."""

    def __init__(self, runs: Mapping[str, Path]) -> None:
        """Create the elements in the container that is open."""
        self._runs: dict[str, Path] = {}
        self._files: dict[str, dict[str, dict[int, Path]]] = {}
        self._steps: list[int] = []
        self._shown: dict[str, Path] = {}
        self._views: dict[str, tuple[ui.label, Surface]] = {}
        with ui.column().classes("full-width").style("gap: 6px") as self._whole:
            with ui.row().classes("full-width items-center").style("gap: 4px 16px"):
                ui.label("Samples").classes("text-subtitle1 text-weight-medium").props("role=heading aria-level=3")
                self._split = ui.toggle(["train", "val"], value="train").props('no-caps dense aria-label="Split"')
                self._slider = ui.slider(min=0, max=1, value=0).props('aria-label="Step of the samples" snap')
                self._slider.style("flex: 1 1 200px").classes("q-px-sm")
                self._label = ui.label().style("min-width: 6rem")
            self._place = ui.element().classes("i2i-pair")
        self._whole.set_visibility(False)
        self._split.on_value_change(self._split_chosen)
        self._slider.on_value_change(self._show)
        self.show_runs(runs)

    def show_runs(self, runs: Mapping[str, Path]) -> None:
        """Show the samples of these runs; ``update`` reads them."""
        self._runs, self._shown, self._views = dict(runs), {}, {}
        self._files = {}
        self._place.clear()
        with self._place:
            for name in runs:
                with ui.column():
                    caption = ui.label(name).classes("i2i-muted")
                    view = Surface(label=f"Samples of {name}", tools=()).style("height: 520px")
                self._views[name] = caption, view

    async def update(self) -> None:
        """Show new samples; the slider follows where it stands at the newest ones."""
        found = {name: await asyncio.to_thread(sample_files, folder) for name, folder in self._runs.items()}
        if found == self._files:
            return
        self._files = found
        splits = sorted({split for files in found.values() for split in files})
        self._whole.set_visibility(bool(splits))
        if not splits:
            return
        if self._split.value not in splits:
            self._split.value = splits[0]
        self._split.set_visibility(len(splits) > 1)
        self._split_chosen()

    def _split_chosen(self) -> None:
        newest = not self._steps or self._slider.value == len(self._steps) - 1
        step = None if newest else self._steps[int(self._slider.value)]
        files = [found.get(self._split.value, {}) for found in self._files.values()]
        self._steps = sorted({each for steps in files for each in steps})
        if not self._steps:
            return
        self._slider.props(f"max={max(1, len(self._steps) - 1)}")
        self._slider.set_enabled(len(self._steps) > 1)
        self._slider.value = self._steps.index(step) if step in self._steps else len(self._steps) - 1
        self._show()

    def _show(self) -> None:
        if not self._steps:
            return
        step = self._steps[min(int(self._slider.value), len(self._steps) - 1)]
        self._label.text = f"step {step}"
        for name, (caption, view) in self._views.items():
            chosen = sample_at(self._files.get(name, {}).get(self._split.value, {}), step)
            if chosen is None:
                caption.text = f"{name}: no samples yet"
            elif self._shown.get(name) != chosen[1]:
                caption.text = f"{name}: step {chosen[0]}"
                self._shown[name] = chosen[1]
                _show_file(view, chosen[1])


def _show_file(view: Surface, path: Path) -> None:
    try:
        with Image.open(path) as image:
            width, height = image.size
        view.show_image(path.read_bytes(), width, height)
    except OSError as error:
        raise I2IError(f"{path} cannot be read ({error.strerror or 'it is damaged'}).") from None
