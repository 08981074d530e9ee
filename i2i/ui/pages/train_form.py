"""The form of the tab "Train": trainer, dataset and options become the command that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui
from pydantic import Field, create_model

from ...api.errors import I2IError, UsageError
from ...api.options import DATA_OPTIONS, RESERVED_OPTIONS, Options
from ...api.trainer import learning_of
from ...guards import plugin_owner
from ...toolkit.files import user_directory
from ...training.settings import TrainOptions, suited_options
from ..commands import option_words
from ..errors import error_content
from ..forms import OptionsForm
from ..trainings import RUNS, Training, as_command, next_name, run_folder
from .command_dialog import show_command
from .folder_dialog import FolderDialog

if TYPE_CHECKING:
    from ...api.dataset import Dataset
    from ...entries import Entry
    from ..server import PageContext

_COMMON = ("steps", "epochs", "batch", "size")
"""Options of a run that are shown at once."""
_ELSEWHERE = frozenset({"dataset", "data_root"})
"""Options of a run with controls of their own."""


class TrainForm:
    """Choose a trainer, a dataset and options, and start a training."""

    def __init__(self, context: PageContext, on_start: Callable[[Training], Any]) -> None:
        """Create the elements in the container that is open.

        Args:
            on_start: Called with the training that was started.
        """
        self.context, self.registry, self._on_start = context, context.registry, on_start
        self._proposed = ""
        self._starting: Training | None = None
        trainers = {entry.name: f"{entry.name}: {entry.summary}" for entry in self._entries("trainer")}
        datasets = {entry.name: f"{entry.name}: {self._summary(entry)}" for entry in self._entries("dataset")}
        with ui.element().classes("i2i-form").style("--i2i-field: 340px"):
            paired = self.registry.where("trainer", wants="pairs")
            first = next(iter(paired), next(iter(trainers), None))
            self._trainer = ui.select(trainers, value=first, label="Trainer").props("outlined dense")
            self._dataset = ui.select(datasets, value=next(iter(datasets), None), label="Dataset")
            self._dataset.props("outlined dense")
            self._folder = ui.input("Folder of the dataset", placeholder="/home/me/pairs").props("outlined dense")
            with self._folder.add_slot("append"):
                browse = ui.button(icon="folder_open", on_click=self._browse).props("flat round dense")
                browse.props["aria-label"] = "Choose the folder of the dataset"
            self._name = ui.input("Name of the run").props("outlined dense")
        self._hint = ui.label().classes("i2i-muted")
        self._place = ui.column().classes("full-width").style("gap: 8px")
        self._trouble = ui.column().classes("text-negative").style("gap: 4px")
        with ui.row().style("gap: 8px"):
            self._start_button = ui.button("Start", icon="play_arrow", on_click=self._start).props("no-caps")
            ui.button("Command", icon="terminal", on_click=self._show_command).props("outline no-caps")
            self._cancel = ui.button("Cancel", icon="stop", on_click=self._cancel_start).props("outline no-caps")
            self._cancel.set_visibility(False)
        self._trainer.on_value_change(self._trainer_chosen)
        self._dataset.on_value_change(self._dataset_chosen)
        self._trainer_chosen()

    def _summary(self, entry: Entry) -> str:
        try:
            return "your own images" if entry.load().own() else entry.summary
        except I2IError:  # a plugin that cannot be imported; choosing it says why
            return entry.summary

    def _entries(self, kind: str) -> list[Entry]:
        return list(self.registry.entries(kind).values())

    # Choices

    def _trainer_chosen(self) -> None:
        name = self._trainer.value
        self._place.clear()
        self._trainer_form: OptionsForm | None = None
        if name is None:
            return
        entry = self.registry.entry("trainer", name)
        self._with_data = learning_of(entry.get("wants")) != "seeds"
        self._dataset.set_visibility(self._with_data)
        # The dataset has a control of its own, so that the form need not have it.
        self._run_model = create_model(
            "RunOptions", __base__=suited_options(self.registry, name), dataset=(str | None, Field(None))
        )
        model: type[Options] | None = entry.options
        skip = RESERVED_OPTIONS["trainer"] | TrainOptions.model_fields.keys()
        with self._place:
            self._run_form = OptionsForm(
                self._run_model,
                owner="the options of the run",
                skip=_ELSEWHERE if self._with_data else _ELSEWHERE | DATA_OPTIONS,
                common=_COMMON,
                local_files=self.context.local_files,
            )
            own = [] if model is None else [each for each in model.model_fields.items() if each[0] not in skip]
            if model is not None and own:
                required = any(field.is_required() for _, field in own)
                with ui.expansion(f"Options of {name}", value=required).classes("full-width").props("dense"):
                    self._trainer_form = OptionsForm(
                        model,
                        owner=plugin_owner(self.registry, "trainer", name),
                        skip=skip,
                        local_files=self.context.local_files,
                    )
        self._dataset_chosen()

    def _dataset_chosen(self) -> None:
        name = self._dataset.value if self._with_data else None
        own, hint = False, "This trainer makes its samples itself, so it needs no dataset."
        if name is not None:
            dataset: type[Dataset] = self.registry.get("dataset", name)
            own, hint = dataset.own(), _describe(dataset)
        self._own = own
        self._folder.set_visibility(own)
        if name is not None and not (self._default("steps") or self._default("epochs")):
            hint += " Without a number of steps it trains 200 epochs: many hours, unless there is a graphics card."
        self._hint.text = hint
        self.show_trouble("")
        self._propose_name()

    def _default(self, option: str) -> Any:
        return self._run_model.model_fields[option].default

    def _propose_name(self) -> None:
        """Fill in the name that the command line would choose."""
        name = self._dataset.value if self._with_data else None
        if self._name.value in ("", self._proposed):  # not one that the user has typed
            self._name.value = self._proposed = next_name(RUNS, self._trainer.value or "", name or "")

    # The command

    def _words(self) -> tuple[Path, list[str]]:
        """Return the folder of the run and the words of ``i2i`` that train it.

        Raises:
            UsageError: something is missing or wrong.
        """
        forms = [form for form in (self._run_form, self._trainer_form) if form is not None]
        checked = [form.options() for form in forms]  # all of them, so that each shows its faults
        if self._trainer.value is None or None in checked:
            raise UsageError("Some options are wrong; correct the fields that are marked in red.")
        words = ["train", self._trainer.value]
        if self._with_data:
            if self._dataset.value is None:
                raise UsageError("Choose a dataset.")
            words += ["--dataset", self._dataset.value]
            words += ["--data-root", self._data_folder()] if self._own else []
        if not self.context.local_files:
            for form in forms:
                _refuse_paths(form.values())
        words += option_words(self._run_model, self._run_form.values())
        if self._trainer_form is not None:
            words += option_words(self._trainer_form.model, self._trainer_form.values())
        folder = run_folder(RUNS, self._name.value or "")
        return folder, [*words, "--out", str(folder)]

    def _data_folder(self) -> str:
        if not self.context.local_files:
            raise UsageError(f"{self._dataset.value} reads a folder of this machine, which --no-local-files forbids.")
        text = (self._folder.value or "").strip()
        if not text:
            raise UsageError("Type the folder of your images, such as /home/me/pairs.")
        path = Path(text).expanduser()
        if not path.is_dir():
            raise UsageError(f"There is no folder {path}; check the path.")
        return str(path)

    async def _browse(self) -> None:
        if not self.context.local_files:
            raise UsageError("Folders of this machine are switched off by --no-local-files.")
        if chosen := await FolderDialog("dataset").choose(self._folder.value or ""):
            self._folder.value = chosen

    def _show_command(self) -> None:
        self.show_trouble("")
        _, words = self._words()
        show_command(as_command(words), "This starts the same training in a terminal.")

    def _start(self) -> None:
        self.show_trouble("")
        folder, words = self._words()
        self.set_busy(True)
        try:
            training = self.context.trainings.start(folder, words)
        except BaseException:
            self.set_busy(False)
            raise
        self._starting = training
        self._on_start(training)

    def _cancel_start(self) -> None:
        if self._starting is not None:
            self.context.trainings.stop(self._starting.folder)

    def set_busy(self, busy: bool) -> None:
        """Show that a training is being started, so that it is not started twice."""
        self._start_button.props(add="loading" if busy else "", remove="" if busy else "loading")
        self._cancel.set_visibility(busy)
        if not busy:
            self._starting = None
            self._propose_name()

    def show_trouble(self, sentence: str, details: str = "") -> None:
        """Show why a training could not be started; an empty sentence removes it."""
        self._trouble.clear()
        if sentence:
            with self._trouble:
                error_content(sentence, details)


def _refuse_paths(values: Mapping[str, Any]) -> None:
    """Refuse options that name files of this machine, such as a generator that is given by its file.

    Raises:
        UsageError: one looks like a path, or is one.
    """
    for name, value in values.items():
        if isinstance(value, str) and ("/" in value or "\\" in value or Path(value).exists()):
            raise UsageError(f"{name} names a file of this machine, which --no-local-files forbids; give a name.")


def _describe(dataset: type[Dataset]) -> str:
    """Say where the samples of a dataset come from."""
    if dataset.own():
        return "The folder holds train and, better, val: A|B images, or folders A and B with equal names."
    if (user_directory() / "datasets" / dataset.name).is_dir():
        return f"{dataset.name} is downloaded."
    if not dataset.drawn:
        return f"{dataset.name} is not downloaded: type 'i2i datasets show {dataset.name}' in a terminal."
    return f"{dataset.name} is not downloaded, so that {dataset.drawn.get('train', 0)} synthetic pairs are used."
