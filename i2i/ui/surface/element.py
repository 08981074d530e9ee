"""The drawing surface as an element of NiceGUI. Imported by the page only, as NiceGUI is an optional dependency."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

from nicegui import background_tasks, core
from nicegui.element import Element
from nicegui.events import GenericEventArguments, Handler, UiEventArguments, handle_event

Tool: TypeAlias = Literal["pan", "points", "mask", "rectangle", "pen", "choose"]
TOOLS: tuple[Tool, ...] = ("pan", "points", "mask", "rectangle", "pen", "choose")
Point: TypeAlias = tuple[float, float]
"""Column and row of a pixel, from the upper left."""
Arguments = TypeVar("Arguments", bound=UiEventArguments)

CHUNK = 300_000
"""Bytes of an export in one message: in base64 well below the 1 MB at which the server closes a websocket."""
EXPORT_LIMIT = 64_000_000
"""Bytes an export may have; a browser that claims more is refused."""
FRAME_TIMEOUT = 2.0
"""Seconds after which a frame whose display was not confirmed counts as lost, so that the next one is sent."""


@dataclass(frozen=True)
class PointPair:
    """A handle and the target it is to be dragged to."""

    handle: Point
    """Where the handle is."""
    target: Point | None = None
    """Where it is to go; None while the user has not placed it."""
    id: int | None = None
    """Identifies the pair while its handle is tracked; None lets the browser number it."""


@dataclass(frozen=True)
class LabelRectangle:
    """A rectangle of one class of a label map, in pixels from the upper left corner of the image."""

    x: float
    y: float
    width: float
    height: float
    kind: str | None = None
    """Its class, a key of the palette."""


@dataclass(frozen=True)
class FaceBox:
    """The box of a detected face, in pixels from the upper left corner of the image."""

    x: float
    y: float
    width: float
    height: float
    label: str | None = None
    """What is written beside it; None for its number."""


@dataclass(kw_only=True, slots=True)
class PointsEventArguments(UiEventArguments):
    """The handles and targets after a change."""

    points: tuple[PointPair, ...]
    final: bool
    """False while the mouse button is down."""


@dataclass(kw_only=True, slots=True)
class MaskEventArguments(UiEventArguments):
    """The mask has changed; `Surface.read_mask` reads it."""

    empty: bool
    """Whether nothing is painted, so that no mask applies."""
    final: bool


@dataclass(kw_only=True, slots=True)
class DrawingEventArguments(UiEventArguments):
    """The drawing has changed; `Surface.read_drawing` reads it."""

    rectangles: tuple[LabelRectangle, ...]
    strokes: int
    final: bool


@dataclass(kw_only=True, slots=True)
class ChooseEventArguments(UiEventArguments):
    """A face was clicked."""

    index: int


@dataclass(kw_only=True, slots=True)
class ViewEventArguments(UiEventArguments):
    """The image was zoomed or moved: screen position = scale * image position + (x, y)."""

    scale: float
    x: float
    y: float


class Surface(Element, component="component.js", esm={"i2i-surface": "static"}, default_style="width:100%;height:70vh"):
    """An image with handles and targets, a mask, label rectangles and pen strokes, all drawn in the browser.

    The browser shows everything the user does immediately and reports it to the server afterwards. Call the methods in
    the event loop of NiceGUI, not in a worker thread.
    """

    def __init__(
        self,
        *,
        label: str = "Image to edit",
        tools: Sequence[Tool] = TOOLS,
        tool: Tool | None = None,
        palette: Mapping[str, str] | None = None,
        background: str | None = None,
        pen_size: float = 3,
        pen_colour: str = "#000000",
        on_points: Handler[PointsEventArguments] | None = None,
        on_mask: Handler[MaskEventArguments] | None = None,
        on_drawing: Handler[DrawingEventArguments] | None = None,
        on_choose: Handler[ChooseEventArguments] | None = None,
        on_view: Handler[ViewEventArguments] | None = None,
    ) -> None:
        """Create a surface without an image.

        Args:
            label: Its name for screen readers.
            tools: Tools that get a button; without any, no bar is shown.
            tool: The tool at the beginning; the first of ``tools`` by default.
            palette: CSS colours of the classes of rectangles.
            background: CSS colour under drawings; transparent by default.
            pen_size: Width of the pen in pixels of the image.
            pen_colour: CSS colour of the pen.
            on_points: Called after handles or targets change.
            on_mask: Called after the mask changes.
            on_drawing: Called after rectangles or strokes change.
            on_choose: Called after a face is chosen.
            on_view: Called after zooming or moving the image.
        """
        super().__init__()
        self._props["options"] = {
            "label": label,
            "tools": list(tools),
            "palette": dict(palette or {}),
            "penSize": pen_size,
            "penColour": pen_colour,
            **({"tool": tool} if tool else {}),
            **({"background": background} if background else {}),
        }
        self.points: tuple[PointPair, ...] = ()
        """Handles and targets as last set or reported."""
        self._kept: dict[str, dict[str, Any]] = {}
        """The last message of each call that sets what is shown; sent once the browser is ready, the image first."""
        self._size: tuple[int, int] | None = None
        """Width and height of the image."""
        self._ready = False
        self._outgoing: deque[dict[str, Any]] = deque()
        """Messages that one task sends in their order."""
        self._frame: bytes | None = None
        """The newest frame that waits until the browser has shown the last one."""
        self._number = 0
        self._sent_at: float | None = None
        """When the frame in flight was sent; None while none is."""
        self.on("ready", self._start, [])
        self.on("frame", self._confirm, ["detail"])
        self._listen("points", on_points, self._read_points, always=True)
        self._listen("mask", on_mask, self._read_mask_event)
        self._listen("drawing", on_drawing, self._read_drawing_event)
        self._listen("choose", on_choose, self._read_choose)
        self._listen("view", on_view, self._read_view)

    # Images

    def show_image(self, data: bytes, width: int, height: int) -> None:
        """Show an encoded image of this size in pixels; another size than before removes what was drawn."""
        self._show(data, width, height)

    def show_blank(self, width: int, height: int) -> None:
        """Show an empty image to draw on."""
        self._show(None, width, height)

    def show_frame(self, data: bytes) -> None:
        """Show an encoded frame of a running edit, stretched to the size of the image.

        Frames that come faster than the browser shows them are dropped; the last one is always shown.
        """
        self._frame = data
        self._send_frame()

    def compare(self, before: bytes | None) -> None:
        """Show a slider between this image, on the left, and the current one; None removes it."""
        self._set("compare", before)

    # What is drawn

    def set_tool(
        self,
        tool: Tool,
        *,
        size: float | None = None,
        erase: bool | None = None,
        kind: str | None = None,
        colour: str | None = None,
    ) -> None:
        """Choose a tool, the width of its brush in pixels, the eraser, the class of rectangles or the pen's colour."""
        values = {"size": size, "erase": erase, "kind": kind, "colour": colour}
        self._set("setTool", tool, {name: value for name, value in values.items() if value is not None})

    def set_points(self, points: Iterable[PointPair], *, record: bool = True) -> None:
        """Show other handles and targets; with ``record``, as a step that the user can undo."""
        self.points = tuple(points)
        self._set("setHandles", [_without_none(pair) for pair in self.points], {"record": record})

    def track_handles(self, handles: Mapping[int, Point]) -> None:
        """Move the handles of pairs, by their ids, while the image moves; this calls no `on_points`."""
        self.points = tuple(
            pair if pair.id is None else replace(pair, handle=handles.get(pair.id, pair.handle)) for pair in self.points
        )
        self._call("trackHandles", {str(id_): list(point) for id_, point in handles.items()})

    def set_landmarks(self, landmarks: Iterable[Point] | None, *, numbers: bool = False) -> None:
        """Show landmarks of a face as dots, with their numbers from 1 if wanted."""
        self._set("setLandmarks", [list(point) for point in landmarks or ()], {"numbers": numbers})

    def set_arrows(self, arrows: Iterable[tuple[Point, Point]] | None) -> None:
        """Show arrows that cannot be edited, such as those of a preset."""
        self._set("setArrows", [{"from": list(start), "to": list(end)} for start, end in arrows or ()])

    def set_faces(self, faces: Iterable[FaceBox] | None, chosen: int | None = None) -> None:
        """Show boxes to choose a face from."""
        self._set("setFaces", [_without_none(face) for face in faces or ()], chosen)

    def set_rectangles(self, rectangles: Iterable[LabelRectangle], *, record: bool = True) -> None:
        """Show other label rectangles."""
        self._set("setRectangles", [asdict(item) for item in rectangles], {"record": record})

    def set_mask(self, mask: bytes | None) -> None:
        """Show an encoded mask, white where the image may move; None removes it."""
        self._set("setMask", mask)

    def undo(self) -> None:
        """Take back the last step of drawing."""
        self._call("undo")

    def redo(self) -> None:
        """Repeat the step taken back last."""
        self._call("redo")

    def clear_drawing(self, tool: Tool | None = None) -> None:
        """Remove what a tool draws, or everything drawn."""
        self._call("clear", tool)

    def fit(self) -> None:
        """Show the whole image."""
        self._call("fit")

    async def read_mask(self) -> bytes | None:
        """Read the mask as PNG at the size of the image, white where it may move; None if nothing is painted."""
        return await self._export("exportMask")

    async def read_drawing(self) -> bytes:
        """Read rectangles and strokes as PNG at the size of the image."""
        return await self._export("exportDrawing") or b""

    # Messages

    def _show(self, data: bytes | None, width: int, height: int) -> None:
        self._frame = None
        if self._size != (width, height):  # the browser forgets what was drawn as well
            self._size = width, height
            self.points = ()
            for name in ("setHandles", "setMask", "setRectangles"):
                self._kept.pop(name, None)
        self._set("setImage", data, {"width": width, "height": height})

    def _set(self, name: str, *args: Any) -> None:
        self._kept[name] = self._message(name, *args)
        self._call(name, *args)

    def _call(self, name: str, *args: Any) -> None:
        if self._ready:
            self._send(self._message(name, *args))

    def _message(self, name: str, *args: Any) -> dict[str, Any]:
        return {"element": self.id, "call": name, "args": list(args), "number": self._number}

    def _send(self, message: dict[str, Any]) -> None:
        self._outgoing.append(message)
        if len(self._outgoing) == 1:
            background_tasks.create(self._send_all(), name="surface")

    async def _send_all(self) -> None:
        # Past the outbox of NiceGUI, which keeps every message for a while in case it has to be sent again: bytes would
        # fill the memory, and mixed with it they would arrive before earlier calls.
        while self._outgoing:
            try:
                await core.sio.emit("i2i_surface", self._outgoing[0], room=self.client.id)
            except Exception as error:  # reported; the messages after it are sent all the same
                core.app.handle_exception(error)
            finally:
                self._outgoing.popleft()

    def _start(self) -> None:
        self._ready = True
        for message in sorted(self._kept.values(), key=lambda message: message["call"] != "setImage"):
            self._send(message)
        self._sent_at = None
        self._send_frame()

    def _send_frame(self) -> None:
        lost = self._sent_at is not None and time.monotonic() - self._sent_at > FRAME_TIMEOUT
        if self._frame is None or not self._ready or (self._sent_at is not None and not lost):
            return
        self._number += 1
        self._sent_at = time.monotonic()
        self._call("setFrame", self._frame)
        self._frame = None

    def _confirm(self, event: GenericEventArguments) -> None:
        if event.args["detail"]["number"] == self._number:
            self._sent_at = None
            self._send_frame()

    async def _export(self, name: str) -> bytes | None:
        while self._outgoing:
            await asyncio.sleep(0.005)
        data = b""
        while True:
            part = await self.run_method("read", name, len(data), CHUNK, timeout=10)
            if part is None:
                return None
            data += base64.b64decode(part["data"])
            if len(data) >= int(part["total"]) or not part["data"]:
                return data
            if len(data) > EXPORT_LIMIT:
                raise ValueError(f"The browser sends more than {EXPORT_LIMIT} bytes.")
            await asyncio.sleep(0)

    def _listen(
        self,
        name: str,
        handler: Handler[Arguments] | None,
        read: Callable[[dict[str, Any]], Arguments],
        *,
        always: bool = False,
    ) -> None:
        if handler is not None or always:  # events that nobody listens to are not sent
            self.on(name, lambda event: handle_event(handler, read(event.args["detail"])), ["detail"])

    def _read_points(self, detail: dict[str, Any]) -> PointsEventArguments:
        self.points = tuple(
            PointPair(_point(item["handle"]), _point(item["target"]) if item["target"] else None, int(item["id"]))
            for item in detail["points"]
        )
        self._kept["setHandles"] = self._message("setHandles", [_without_none(pair) for pair in self.points])
        return PointsEventArguments(sender=self, client=self.client, points=self.points, final=bool(detail["final"]))

    def _read_mask_event(self, detail: dict[str, Any]) -> MaskEventArguments:
        return MaskEventArguments(
            sender=self, client=self.client, empty=bool(detail["empty"]), final=bool(detail["final"])
        )

    def _read_drawing_event(self, detail: dict[str, Any]) -> DrawingEventArguments:
        rectangles = tuple(
            LabelRectangle(
                x=float(item["x"]),
                y=float(item["y"]),
                width=float(item["width"]),
                height=float(item["height"]),
                kind=item.get("kind"),
            )
            for item in detail["rectangles"]
        )
        return DrawingEventArguments(
            sender=self,
            client=self.client,
            rectangles=rectangles,
            strokes=int(detail["strokes"]),
            final=bool(detail["final"]),
        )

    def _read_choose(self, detail: dict[str, Any]) -> ChooseEventArguments:
        return ChooseEventArguments(sender=self, client=self.client, index=int(detail["index"]))

    def _read_view(self, detail: dict[str, Any]) -> ViewEventArguments:
        scale, x, y = (float(detail[name]) for name in ("scale", "x", "y"))
        return ViewEventArguments(sender=self, client=self.client, scale=scale, x=x, y=y)


def _point(value: Sequence[float]) -> Point:
    x, y = value
    return float(x), float(y)


def _without_none(item: PointPair | FaceBox) -> dict[str, Any]:
    return {name: value for name, value in asdict(item).items() if value is not None}
