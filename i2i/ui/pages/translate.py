"""The tab "Translate": draw the input of a trained run, or upload it, and see what the run makes of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nicegui import ui

from ...api.errors import I2IError, Interrupted, UsageError
from ..errors import describe, show_error
from ..events import Event, Queued
from ..jobs import Jobs
from ..surface.element import DrawingEventArguments, Surface
from ..trainings import RUNS, RunFacts, list_translating_runs
from ..translation import (
    OpenedRun,
    TranslatedImage,
    blank_image,
    compose,
    css_palette,
    encode_input,
    encode_png,
    read_input,
)
from .command_dialog import show_command
from .folder_dialog import FolderDialog

if TYPE_CHECKING:
    from ..server import PageContext
    from ..session import Session

DEBOUNCE = 0.05
"""Seconds between a change of the drawing and its translation, in which further changes are awaited."""
FAST = 0.5
"""Seconds of a translation up to which the result follows while the mouse button is down."""
ABSENCE = 1.0
"""Seconds without a browser after which jobs are cancelled; a reload is faster."""
SLOW = 5.0
"""Seconds from which a translation runs only when a button is clicked."""
PAIR_STYLE = """
.i2i-pair { display: grid; gap: 12px; width: 100%;
  grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); }
.i2i-pair > div { gap: 6px; min-width: 0; }
.i2i-pair .i2i-surface { height: clamp(360px, calc(100vh - 370px), 620px); }
.i2i-status { min-height: 1.5em; }
@media (max-width: 599px) { .i2i-pair .i2i-surface.i2i-view { height: 400px; } }
"""
"""Two elements beside each other, or below each other on narrow screens."""


def build(context: PageContext) -> None:
    """Create the tab."""
    TranslateTab(context)


class TranslateTab:
    """The tab of one browser: the choice of a run, and the drawing of the run that is open."""

    def __init__(self, context: PageContext) -> None:
        """Create the elements in the container that is open."""
        assert context.store is not None, "the server makes it"
        self.context = context
        self.session = context.store.session()
        self.jobs = Jobs(context.workers.worker(), self.session.id)
        client = ui.context.client
        client.on_disconnect(self._disconnected)
        client.on_delete(self._close)
        self._client = client
        ui.add_css(PAIR_STYLE)
        ui.label("Translate").classes("text-h5").props("role=heading aria-level=1")
        ui.label("A trained run turns what you draw or upload into another image.")
        self._create_choice()
        self._place = ui.column().classes("full-width q-gutter-none")
        self._canvas: InputCanvas | None = None
        self._names: dict[str, str] = {}
        self._asked = ""
        self._list_runs()
        # Once the browser is there, as a request for the page alone should start no work.
        ui.timer(0.1, self.refresh, once=True)

    def _create_choice(self) -> None:
        with ui.row().classes("full-width items-center q-my-sm").style("gap: 8px"):
            self._select = ui.select({}, label="Trained run", on_change=self._chosen).props("outlined dense")
            self._select.style("flex: 1 1 260px; min-width: 0")
            ui.button(icon="refresh", on_click=self.refresh).props('flat round aria-label="Look for runs again"')
            if self.context.local_files:
                self._folder = ui.input("Folder of another run", placeholder="runs/pix2pix-facades-001")
                self._folder.props("outlined dense").style("flex: 1 1 260px; min-width: 0")
                self._folder.on("keydown.enter", self._open_folder)
                with self._folder.add_slot("append"):
                    browse = ui.button(icon="folder_open", on_click=self._browse).props("flat round dense")
                    browse.props["aria-label"] = "Choose the folder of a run"
                ui.button("Open", on_click=self._open_folder).props("flat no-caps")
        with ui.row().classes("items-center") as self._nothing:
            ui.icon("info").classes("i2i-muted").props("aria-hidden=true")
            ui.label("There is no trained run yet that turns images into others.")
            ui.link("Train one", "/train")

    def refresh(self) -> None:
        """Look for trained runs again, and open one if none is open: the one that a link names, else the newest."""
        found = self._list_runs()
        if found and not self._select.value:
            linked = self._client.request.query_params.get("run")  # by the tab "Train"
            self._select.value = str(next((run for run in found if run.name == linked), found[0]).folder)

    def _list_runs(self) -> list[RunFacts]:
        found = list_translating_runs(RUNS, self.context.registry)
        chosen = self._select.value
        listed = {str(run.folder): f"{run.name}: {run.trainer}, {run.about}" for run in found}
        self._set_names({**({chosen: self._names[chosen]} if chosen else {}), **listed})
        return found

    def _set_names(self, names: dict[str, str]) -> None:
        self._names = names
        self._select.set_options(names)
        self._nothing.set_visibility(not names)
        self._select.set_visibility(bool(names))

    async def _browse(self) -> None:
        if chosen := await FolderDialog("run").choose(self._folder.value or ""):
            self._folder.value = chosen
            await self._open(chosen)

    async def _open_folder(self) -> None:
        folder = (self._folder.value or "").strip()
        if not folder:
            raise UsageError("Type the folder of a run, such as runs/pix2pix-facades-001.")
        await self._open(str(Path(folder).expanduser()))

    async def _chosen(self, event: Any) -> None:
        if event.value and (self._canvas is None or self._canvas.run.folder != event.value):
            await self._open(event.value)

    async def _open(self, folder: str) -> None:
        self._asked = folder
        self._place.clear()
        self._canvas = None
        with self._place, ui.row().classes("items-center q-my-md").props("role=status"):
            ui.spinner()
            ui.label("Opening the run ...")
        try:
            opened: OpenedRun = await self.jobs.run("open_run", {"run": folder})
        except I2IError as error:
            if self._asked == folder:
                self._place.clear()
                self._select.value = None  # so that it can be chosen again
            if not isinstance(error, Interrupted):  # by a browser that was away, and may come back
                show_error(error)
            return
        if self._asked != folder:  # another run was chosen meanwhile
            return
        self._place.clear()
        if opened.folder not in self._names:
            self._set_names({**self._names, opened.folder: opened.folder})
        with self._place:
            self._canvas = InputCanvas(opened, self.jobs, self.session)
        self._select.value = opened.folder
        await self._canvas.begin()

    async def _disconnected(self) -> None:
        await asyncio.sleep(ABSENCE)
        if not self._client.has_socket_connection:
            self.jobs.cancel_all()

    async def _close(self) -> None:
        tickets = self.jobs.close()
        await asyncio.to_thread(lambda: [ticket.wait(10) for ticket in tickets])
        await asyncio.to_thread(self.session.close)


class InputCanvas:
    """The drawing for one run, and the image that the run makes of it."""

    def __init__(self, run: OpenedRun, jobs: Jobs, session: Session) -> None:
        """Create the elements in the container that is open."""
        self.run, self._jobs, self._session = run, jobs, session
        self._base = blank_image(run)
        self._example = -1
        self._result: TranslatedImage | None = None
        self._seconds = 0.0
        self._wanted = self._busy = False
        self._empty = True
        self._pen_size = max(1, round(run.size / 100))
        self._input = session.folder / "input.png"
        before, after = run.sides
        with ui.element().classes("i2i-pair"):
            with ui.column():
                self._heading(f"Input: {before}")
                self._create_input()
            with ui.column():
                self._heading(f"Output: {after}")
                self._create_output()

    def _heading(self, text: str) -> None:
        ui.label(text).classes("text-subtitle1 text-weight-medium").props("role=heading aria-level=2")

    def _create_input(self) -> None:
        style = self.run.style
        labels = style.kind == "labels"
        self._surface = Surface(
            label=f"Input of the run: {self.run.sides[0]}",
            tools=("rectangle", "pan") if labels else ("pen", "pan"),
            palette=css_palette(style) if labels else None,
            pen_size=self._pen_size,
            pen_colour=css_palette(style).get("ink", "#d02020"),
            on_drawing=self._drawn,
        ).classes("i2i-surface")
        upload = ui.upload(auto_upload=True, on_upload=self._uploaded, on_rejected=self._rejected).classes("hidden")
        upload.props('accept="image/*"')
        with ui.row().classes("items-center").style("gap: 4px 8px"):
            self._button("Blank", "note_add", self.show_blank, "Begin with an empty drawing")
            if self.run.examples:
                self._button("Example", "photo_library", self.show_example, "Begin with the next image of the dataset")
            choose = self._button("Upload", "upload", None, "Begin with an image of your own")
            choose.on("click", js_handler=f"() => getElement({upload.id}).pickFiles()")
            if style.kind == "lines":
                colours = css_palette(style)
                pen = ui.toggle({colours["ink"]: "Draw", colours["paper"]: "Erase lines"}, value=colours["ink"])
                pen.props('no-caps dense aria-label="What the pen does"')
                pen.on_value_change(lambda event: self._pen_chosen(event.value, event.value == colours["paper"]))
            elif style.kind == "photo":
                ui.color_input("Pen colour", value="#d02020", on_change=self._colour_chosen).props("dense outlined")

    def _create_output(self) -> None:
        self._view = Surface(label=f"Output of the run: {self.run.sides[1]}", tools=()).classes("i2i-surface i2i-view")
        with ui.row().classes("items-center").style("gap: 4px 8px"):
            self._button("Download", "download", self._download_result, "Save the output as a PNG file")
            self._button("Download the input", "save_alt", self._download_input, "Save the drawing as a PNG file")
            self._button("Command", "terminal", self._show_command, "Show the command that does the same")
            self._slow = self._button("Translate", "play_arrow", self._translate_now, "This network takes a while")
            self._slow.set_visibility(False)
        self._status = ui.label().classes("i2i-muted i2i-status").props("role=status")
        self._error = ui.label().classes("text-negative").props("role=alert")
        self._error.set_visibility(False)

    @staticmethod
    def _button(text: str, icon: str, action: Callable[[], Any] | None, help_text: str) -> ui.button:
        with ui.button(text, icon=icon, on_click=action).props("outline no-caps dense").classes("q-px-sm") as button:
            ui.tooltip(help_text)
        return button

    # What is drawn on

    async def begin(self) -> None:
        """Show the first example, or an empty drawing where there is none."""
        await (self.show_example() if self.run.examples else self.show_blank())

    async def show_blank(self) -> None:
        """Begin an empty drawing."""
        await self._set_base(blank_image(self.run))

    async def show_example(self) -> None:
        """Show the next example."""
        self._example = (self._example + 1) % len(self.run.examples)
        await self._set_base(compose(blank_image(self.run), self.run.examples[self._example]))

    async def _uploaded(self, event: Any) -> None:
        data, name = await event.file.read(), event.file.name
        event.sender.reset()

        def read() -> np.ndarray:
            upload = self._session.upload(name, data)
            if upload.kind != "image":
                raise UsageError(f"{name} is no image; choose a photo or drawing, such as a PNG or JPEG file.")
            return read_input(upload.path, self.run, self._session.limits)

        await self._set_base(await asyncio.to_thread(read))

    def _rejected(self) -> None:
        raise UsageError("This file is no image; choose a photo or drawing, such as a PNG or JPEG file.")

    async def _set_base(self, image: np.ndarray) -> None:
        self._base, self._empty = image, True
        self._surface.clear_drawing()
        self._surface.show_image(encode_png(image), image.shape[1], image.shape[0])
        await self._request()

    def _pen_chosen(self, colour: str, wide: bool) -> None:
        self._surface.set_tool("pen", colour=colour, size=self._pen_size * (4 if wide else 1), erase=False)

    def _colour_chosen(self, event: Any) -> None:
        if event.value:
            self._surface.set_tool("pen", colour=event.value)

    # Translation: one at a time, and after it the newest drawing if that has changed meanwhile

    async def _drawn(self, event: DrawingEventArguments) -> None:
        self._empty = not (event.rectangles or event.strokes)
        if self._seconds >= SLOW:
            self._status.text = "The drawing has changed."
        elif event.final or self._seconds <= FAST:
            await self._request()

    async def _translate_now(self) -> None:
        await self._request()

    async def _request(self) -> None:
        self._wanted = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._wanted:
                await asyncio.sleep(DEBOUNCE)
                self._wanted = False
                await self._translate()
        finally:
            self._busy = False

    async def _translate(self) -> None:
        self._status.text = "Translating ..." if self._seconds > FAST or self._result is None else self._status.text
        try:
            image = await self._read_image()
            await asyncio.to_thread(self._input.write_bytes, encode_input(image, self.run))
            arguments = {"run": self.run.folder, "image": self._input}
            result: TranslatedImage = await self._jobs.run("translate", arguments, self._show_place)
        except Interrupted:
            return
        except TimeoutError:  # the browser is gone, or busy: the next change asks again
            return
        except I2IError as error:
            self._error.text = describe(error)[0]
            self._error.set_visibility(True)
            return
        # The first one warms up the network, so its time says little.
        self._seconds = 0.0 if self._result is None else result.seconds
        self._result = result
        self._error.set_visibility(False)
        self._slow.set_visibility(self._seconds >= SLOW)
        self._view.show_image(result.data, result.width, result.height)
        self._status.text = f"{result.width} x {result.height} px in {result.seconds:.2f} s"

    def _show_place(self, event: Event) -> None:
        if isinstance(event, Queued):
            jobs = "one job is" if event.position == 1 else f"{event.position} jobs are"
            self._status.text = f"Waiting: {jobs} before this one."

    async def _read_image(self) -> np.ndarray:
        """Return the image with what is drawn on it."""
        # Where nothing is drawn, the browser need not be asked: it may not even show the image yet.
        return self._base if self._empty else compose(self._base, await self._surface.read_drawing())

    # Results

    def _download_result(self) -> None:
        if self._result is None:
            raise UsageError("There is no output yet; draw something first.")
        ui.download(self._result.data, f"{Path(self.run.folder).name}.png", "image/png")

    async def _download_input(self) -> None:
        image = await self._read_image()
        ui.download(encode_input(image, self.run), "input.png", "image/png")

    def _show_command(self) -> None:
        command = shlex.join(["i2i", "predict", self.run.folder, "input.png", "--out", "translated"])
        show_command(command, "This does the same in a terminal, after the input was downloaded as input.png.")
