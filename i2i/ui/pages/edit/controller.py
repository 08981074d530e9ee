"""What the tab "Edit" does, without its elements: images, jobs and history of one browser tab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ....api.errors import I2IError, Interrupted, UsageError
from ....assets.defaults import FACES, find_default
from ...events import Event, Frame, JobProgress, Note, Queued, Started
from ...jobs import Jobs
from ...surface.element import FaceBox, PointPair, Surface

if TYPE_CHECKING:
    from ....registry import Registry
    from ...generators import GeneratorChoice
    from ...history import HistoryNode
    from ...session import PlannedEdit, Session
    from ...tasks import DetectedFaces, EditOutcome, ShownOutline
    from ...uploads import Upload
    from ...worker import Ticket

RESULT, PHOTO = "result.png", "photo.png"
"""Files of an edit: its image, and the photo with it pasted back."""
PREVIEW = 1600
"""Longest side of a photo as it is sent to the browser, pixels."""
INVERTER = "invert"
"""The editor that makes the latent of a photo, where it is installed; else each edit does so itself."""


@dataclass(frozen=True)
class ShownImage:
    """The image of a node of the history, as the browser gets it."""

    data: bytes
    """PNG; of photos a JPEG that may be smaller."""
    width: int
    height: int
    """Size in pixels of the image itself."""


@dataclass
class RunningEdit:
    """What is being done, for the progress bar."""

    title: str
    """Such as ``"drag"``."""
    ticket: Ticket | None = None
    stopping: bool = False
    text: str = "Starting ..."
    fraction: float | None = None
    """From 0 to 1; None where it is not known."""


@dataclass
class EditController:
    """The state of one tab "Edit"; its methods are called in the event loop."""

    registry: Registry
    session: Session
    jobs: Jobs
    listeners: list[Callable[[], Any]] = field(default_factory=list)
    """Called after the current node or the running edit has changed."""
    progress_listeners: list[Callable[[], Any]] = field(default_factory=list)
    """Called whenever progress is reported."""
    surface_handlers: list[Callable[[str, bool], Any]] = field(default_factory=list)
    """Called with the kind of a change on the surface and whether it is final."""
    running: RunningEdit | None = None
    faces: DetectedFaces | None = None
    """The faces of a photo that wait for a choice."""
    notes: list[str] = field(default_factory=list)
    """Notices of the last edit."""
    aims: list[tuple[float, float]] = field(default_factory=list)
    """Targets of the handles of a running edit that are not points of the user."""

    def __post_init__(self) -> None:
        self.surface: Surface = None  # type: ignore[assignment]  # set by the page, which makes it with our handlers
        self._images: dict[int, ShownImage] = {}
        self._points: dict[int, tuple[PointPair, ...]] = {}
        self._shown: int | None = None
        """The node on the surface."""
        self._fits = True
        """Whether frames have the proportions of the image on the surface."""
        self._mask: tuple[bytes, Upload] | None = None
        self.comparing = False
        """Whether the slider between before and after is on the surface."""
        self.whole = False
        """Whether the whole photo is on the surface, with the edit pasted back."""

    # State

    @property
    def node(self) -> HistoryNode | None:
        """The current node of the history."""
        return self.session.history.current

    @property
    def image(self) -> ShownImage | None:
        """The image of the current node; None until it is rendered."""
        return None if self.node is None else self._images.get(self.node.number)

    @property
    def drag_editor(self) -> str | None:
        """The default editor, if points can be dragged with it."""
        name = find_default(self.registry, "editor")
        if name is None or "point" not in self.registry.entry("editor", name).options.model_fields:
            return None
        return name

    @property
    def pairs(self) -> list[PointPair]:
        """The handles that have a target."""
        return [pair for pair in self.surface.points if pair.target is not None and pair.target != pair.handle]

    @property
    def can_start(self) -> bool:
        """Whether the image on the surface can be edited now."""
        return self.running is None and self.image is not None and self.faces is None and not self.whole

    def changed(self) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener()

    def _progressed(self) -> None:
        for listener in self.progress_listeners:
            listener()

    def note(self, text: str) -> None:
        """Show a sentence for a few seconds."""
        ui.notify(text, multi_line=True, timeout=6000)

    def points_changed(self) -> None:
        """Keep the handles of the current image, so that undo brings them back."""
        if self.node is not None and self.running is None and self._shown == self.node.number:
            self._points[self.node.number] = self.surface.points

    # Opening images

    async def open_seed(self, seed: int, generator: str, truncation: float) -> None:
        """Open the image that a generator renders from a seed."""
        self._check_idle()
        node = self.session.open_image(f"seed:{seed}", {"generator": generator, "truncation": truncation})
        self._points[node.number] = ()
        await self.show(node.number)

    async def open_upload(self, upload: Upload, generator: GeneratorChoice) -> None:
        """Open an uploaded photo, latent or recipe.

        A photo is shown at once; then its faces are searched for where the generator knows faces, and a single one
        is prepared for editing. Several wait for ``choose_face``.
        """
        self._check_idle()
        if upload.kind == "recipe":
            await self._execute(await asyncio.to_thread(self.session.restore, upload), "recipe")
            return
        settings: dict[str, Any] = {"generator": generator.name}
        node = await asyncio.to_thread(self.session.open_image, upload, settings)
        self._points[node.number] = ()
        await self.show(node.number)
        if upload.kind == "image":
            await self._find_face(node, upload, generator)

    async def _find_face(self, node: HistoryNode, upload: Upload, generator: GeneratorChoice) -> None:
        if generator.domain != FACES:
            await self.prepare()
            return
        found: DetectedFaces = await self.job("faces", {"photo": upload.path}, "Searching for faces")
        if self.node is not node:
            return
        if not found.faces:
            raise UsageError(
                f"No face was found in {upload.name}; open a photo in which a face is larger or seen from the front."
            )
        if len(found.faces) == 1:
            await self.choose_face(found.faces[0].number)
            return
        self.faces = found
        self.surface.set_faces(
            [
                FaceBox(x0, y0, x1 - x0, y1 - y0, f"face {face.number}")
                for face in found.faces
                for x0, y0, x1, y1 in [face.box]
            ]
        )
        self.surface.set_tool("choose")
        self.changed()

    async def choose_face(self, number: int) -> None:
        """Prepare the face with this number, from the left."""
        self._check_idle()
        if self.node is None:
            return
        self.faces = None
        self.surface.set_faces(None)
        self.surface.set_tool("points")
        self.session.history.add_settings(self.node.number, {"face": number})
        await self.prepare()

    async def prepare(self) -> None:
        """Align and invert the open photo, so that it can be edited."""
        if INVERTER in self.registry.entries("editor"):
            await self.run_edit(INVERTER, {}, title="Preparing the photo")
        self.changed()

    # Images of the history

    async def show(self, number: int) -> None:
        """Make a node the current one and show its image."""
        self._check_idle()
        self.session.history.go_to(number)
        self.faces = None
        self.notes = []
        self.changed()
        await self.refresh()

    async def undo(self) -> None:
        """Show what was edited."""
        await self.show(self.session.history.undo().number)

    async def redo(self) -> None:
        """Show the edit that was undone last."""
        await self.show(self.session.history.redo().number)

    async def reset(self) -> None:
        """Show the image that was opened."""
        await self.show(self.session.history.reset().number)

    async def refresh(self) -> None:
        """Put the image of the current node on the surface, with its handles."""
        node = self.node
        if node is None:
            return
        image = await self.image_of(node.number)
        if self.node is not None and self.node.number == node.number and self.running is None:
            self._put(node.number, image)
            self.changed()

    def _put(self, number: int, image: ShownImage) -> None:
        self.surface.compare(None)
        self.surface.set_arrows(None)
        self.surface.set_landmarks(None)
        self.surface.set_faces(None)
        self.whole = self.comparing = False
        self.surface.show_image(image.data, image.width, image.height)
        self.surface.set_points(self._points.get(number, ()), record=False)
        self._shown, self._fits = number, True

    async def image_of(self, number: int) -> ShownImage:
        """Return the image of a node, rendered where that is needed."""
        if number not in self._images:
            node = self.session.history.node(number)
            if node.outcome is None and self._is_rendered(node):
                settings = node.settings
                arguments = {"images": [node.image], "source": settings.get("generator"), "kind": "png"}
                given = {name: settings[name] for name in ("truncation", "generator_options") if name in settings}
                (rendered,) = await self.job("render", {**arguments, **given}, "Rendering the image")
                image = ShownImage(rendered.data, rendered.width, rendered.height)
                await asyncio.to_thread(self.session.set_rendered, number, rendered.data)
            else:
                image = await asyncio.to_thread(_read, node)
            self._images[number] = image
        return self._images[number]

    @staticmethod
    def _is_rendered(node: HistoryNode) -> bool:
        from ....editing.inputs import is_rendered

        return is_rendered(node.image)

    # Jobs

    def _check_idle(self) -> None:
        if self.running is not None:
            raise UsageError("An edit is running; wait until it ends, or press Stop.")

    async def job(self, task: str, arguments: Mapping[str, Any], title: str) -> Any:
        """Run a task that is no edit, and show its progress unless an edit is shown."""
        own = self.running is None
        if own:
            self.running = RunningEdit(title)
            self.changed()
        try:
            return await self.jobs.run(task, arguments, self._event, self._submitted if own else lambda ticket: None)
        finally:
            if own:
                self.running = None
                self.changed()

    def _submitted(self, ticket: Ticket) -> None:
        if self.running is not None:
            self.running.ticket = ticket

    async def quiet_job(self, task: str, arguments: Mapping[str, Any], submitted: Callable[[Ticket], None]) -> Any:
        """Run a task in the background, such as rendering thumbnails, without showing its progress."""
        return await self.jobs.run(task, arguments, on_submit=submitted)

    def _event(self, event: Event) -> None:
        running = self.running
        if running is None:
            return
        match event:
            case Queued(position):
                jobs = "1 job" if position == 1 else f"{position} jobs"
                running.text = f"Waiting for {jobs} before this one ..."
            case Started():
                running.text = f"{running.title} ..."
            case JobProgress(done, total, scalars, stage):
                running.fraction = None if not total else min(1.0, done / total)
                values = ", ".join(f"{name} {value:.3g}" for name, value in scalars.items())
                count = f"{done} of {total}" if total else str(done)
                running.text = ": ".join(filter(None, [running.title, stage])) + f" ({count})"
                running.text += f", {values}" if values else ""
            case Note(text):
                self.notes.append(self.session.without_folders(text))
                self.changed()
            case Frame():
                self._frame(event)
        self._progressed()

    def _frame(self, frame: Frame) -> None:
        if frame.number:
            return
        if not self._fits:  # such as the crop of a whole photo
            self.surface.set_points((), record=False)
            self.surface.show_image(frame.image, frame.width, frame.height)
            self._fits, self._shown = True, None
        else:
            self.surface.show_frame(frame.image)
        if frame.points is None or self._shown is None:
            return
        own = self.pairs
        self.surface.track_handles(
            {pair.id: point for pair, point in zip(own, frame.points, strict=False) if pair.id is not None}
        )
        rest = list(frame.points)[len(own) :]
        if self.aims:
            self.surface.set_arrows(zip(rest, self.aims, strict=False))

    def stop(self) -> None:
        """Ask the running job to end with its best result so far."""
        if self.running is not None and self.running.ticket is not None:
            self.running.stopping, self.running.text = True, "Stopping ..."
            self.jobs.stop(self.running.ticket)
            self._progressed()

    # Edits

    async def run_edit(
        self,
        editor: str,
        options: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        images: Sequence[str | int | Upload] = (),
        title: str = "",
    ) -> HistoryNode | None:
        """Edit the current image; None where it was stopped before there was a result.

        Raises:
            I2IError: an option is wrong, or the edit failed.
        """
        self._check_idle()
        plan = await asyncio.to_thread(self.session.plan_edit, editor, options, settings or {}, images)
        return await self._execute(plan, title or editor)

    async def _execute(self, plan: PlannedEdit, title: str) -> HistoryNode | None:
        self._check_idle()
        if self.whole:
            await self.refresh()
        self.running, self.notes = RunningEdit(title), []
        before, pairs = self._shown, self.surface.points
        self._fits = self._shown is None or not self._is_photo(self._shown)
        self.surface.compare(None)
        self.comparing = False
        self.changed()
        try:
            outcome: EditOutcome = await self.jobs.run("edit", plan.arguments, self._event, self._submitted)
            tracked = self.surface.points if self._shown == before else ()
            node = await asyncio.to_thread(self.session.add_edit, plan, outcome)
        except I2IError as error:
            self.running = None
            if self.jobs.closed:
                return None
            await asyncio.to_thread(self.session.discard, plan)
            self.surface.set_points(pairs, record=False)
            await self.refresh()
            self.changed()
            if isinstance(error, Interrupted):
                self.note(str(error))
                return None
            raise
        finally:
            self.running, self.aims = None, []
        self._points[node.number] = tracked
        await self.refresh()
        return node

    def _is_photo(self, number: int) -> bool:
        node = self.session.history.node(number)
        return node.outcome is None and not self._is_rendered(node)

    def plan_outline(
        self, editor: str, options: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> PlannedEdit:
        """Plan an edit to show what it would do."""
        return self.session.plan_edit(editor, options, settings or {})

    async def outline(self, editor: str, options: Mapping[str, Any], submitted: Callable[[Ticket], None]) -> Any:
        """Return what an edit would do to the image on the surface; None for a photo that is not cropped yet.

        Raises:
            I2IError: an option is wrong, or the image shows nothing that the editor needs, such as a face.
        """
        node = self.node
        if node is None or self._is_photo(node.number):
            return None
        plan = await asyncio.to_thread(self.plan_outline, editor, options)
        shown: Sequence[ShownOutline] = await self.quiet_job("outline", plan.outline_arguments, submitted)
        return shown[0] if shown and self.node is node and self.running is None else None

    async def mask_file(self) -> Path | None:
        """Store the painted mask in the session and return its path; None where nothing is painted."""
        data = await self.surface.read_mask()
        if data is None:
            return None
        if self._mask is None or self._mask[0] != data:
            self._mask = data, await asyncio.to_thread(self.session.upload, "mask.png", data)
        return self._mask[1].path

    async def compare(self, on: bool) -> None:
        """Show a slider between the first image of this size on the way to the current one, and it."""
        node, image = self.node, self.image
        self.comparing = False
        if not on or node is None or image is None:
            self.surface.compare(None)
            self.changed()
            return
        for step in self.session.history.path(node.number):
            first = await self.image_of(step.number)
            if (first.width, first.height) == (image.width, image.height):
                self.surface.compare(first.data)
                self.comparing = True
                self.changed()
                return

    @property
    def has_whole(self) -> bool:
        """Whether the current edit is pasted back into a photo."""
        return self.node is not None and PHOTO in self.session.files(self.node.number)

    async def show_whole(self, on: bool) -> None:
        """Show the whole photo with the edit pasted back, beside the photo as it was; or the edited crop again."""
        self._check_idle()
        if not on or self.node is None:
            await self.refresh()
            return
        node = self.node
        after = await asyncio.to_thread(_preview, self.session.file(node.number, PHOTO))
        root = self.session.history.path(node.number)[0]
        before = await self.image_of(root.number)
        if self.node is not node or self.running is not None:
            return
        self._put(node.number, after)
        self.whole, self._shown = True, None
        if (before.width, before.height) == (after.width, after.height):
            self.surface.compare(before.data)
        self.changed()


def _read(node: HistoryNode) -> ShownImage:
    """Return the result of an edit as it is, or a photo as a preview."""
    from ....toolkit.images import read_image

    if node.out is None:
        return _preview(Path(node.image))
    path = node.out / RESULT
    height, width = read_image(path).shape[:2]
    return ShownImage(path.read_bytes(), width, height)


def _preview(path: Path) -> ShownImage:
    """Return a photo as a JPEG that browsers show fast."""
    from PIL import Image

    from ....toolkit.images import read_image, resize

    array = read_image(path)
    height, width = array.shape[:2]
    scale = min(1.0, PREVIEW / max(height, width))
    if scale < 1:
        array = resize(array, max(1, round(width * scale)), max(1, round(height * scale)))
    stream = BytesIO()
    Image.fromarray(array).save(stream, "jpeg", quality=92)
    return ShownImage(stream.getvalue(), width, height)
