"""The elements of the tab "Edit": the surface in the middle, what is done to it beside, and the history below."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, ui

from ...jobs import Jobs
from ...surface.element import ChooseEventArguments, MaskEventArguments, PointsEventArguments, Surface
from .actions import build_actions
from .adjustments import Adjustments
from .controller import EditController
from .directions import build_directions
from .editors import build_editors
from .history_strip import build_history
from .source import ImageSource

if TYPE_CHECKING:
    from ...server import PageContext

_ABSENCE = 1.0
"""Seconds without a connection after which the jobs of a page are ended."""
_STYLE = """
.i2i-edit { display: grid; grid-template-columns: minmax(0, 1fr) 372px; gap: 12px 16px; width: 100%; }
.i2i-edit-main, .i2i-edit-side { display: flex; flex-direction: column; gap: 10px; min-width: 0; }
.i2i-edit-surface { height: max(340px, calc(100vh - 286px)) !important;
  scroll-margin: 60px 0 120px; }
.i2i-card { border: 1px solid rgba(128, 128, 128, .35); border-radius: 10px; padding: 10px 12px;
  display: flex; flex-direction: column; gap: 8px; }
.i2i-card .q-expansion-item { margin: -6px -12px; }
.i2i-card .q-expansion-item .q-item { padding: 4px 12px; min-height: 36px; font-weight: 600; }
.i2i-card .q-expansion-item__content { padding: 4px 12px 10px; }
.i2i-row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; width: 100%; }
.i2i-strip { display: flex; gap: 6px; overflow-x: auto; padding: 3px; width: 100%; }
.i2i-thumb { position: relative; flex: none; width: 76px; padding: 0; border: 2px solid transparent; border-radius: 8px;
  background: none; color: inherit; font: inherit; cursor: pointer; text-align: center; }
.i2i-thumb img, .i2i-thumb .i2i-blank { width: 72px; height: 72px; object-fit: cover; display: block;
  border-radius: 6px; background: rgba(128, 128, 128, .25); }
.i2i-thumb span { display: block; font-size: .72rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.i2i-thumb[aria-current=true] { border-color: var(--q-primary); }
.i2i-thumb:disabled { opacity: .6; cursor: default; }
.i2i-history { padding: 4px 6px; }
.i2i-history .i2i-thumb { width: 68px; }
.i2i-history .i2i-thumb img, .i2i-history .i2i-blank { width: 64px; height: 64px; }
.i2i-seeds { display: grid; grid-template-columns: repeat(7, 1fr); gap: 3px; width: 100%; }
.i2i-seeds .i2i-thumb { width: 100%; }
.i2i-seeds .i2i-thumb img, .i2i-seeds .i2i-thumb .i2i-blank { width: 100%; height: auto; aspect-ratio: 1; }
.i2i-notes { white-space: pre-wrap; font-size: .8rem; }
.i2i-notes .q-item { min-height: 26px; padding: 0 4px 0 0; }
.i2i-notes .q-item__label { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.i2i-drop { position: fixed; inset: 0; z-index: 9000; display: none; align-items: center; justify-content: center;
  background: rgba(20, 50, 90, .8); color: #fff; font-size: 1.4rem; pointer-events: none; }
.i2i-dropping .i2i-drop { display: flex; }
.i2i-hidden-upload { position: absolute; width: 1px; height: 1px; overflow: hidden; opacity: 0; pointer-events: none; }
@media (hover: none) { .q-tooltip { display: none; } } /* a finger would leave them on what is to be tapped next */
@media (max-width: 1023px) {
  .i2i-edit { grid-template-columns: minmax(0, 1fr); }
  .i2i-edit-surface { height: min(66vh, calc(100vw + 130px)) !important; }
}
"""


def build(context: PageContext) -> None:
    """Create the tab, with a session of its own."""
    assert context.store is not None, "the tab Edit needs the store of sessions"
    session = context.store.session()
    worker = context.workers.worker()
    worker.start()
    controller = EditController(context.registry, session, Jobs(worker, session.id))
    _end_with_page(controller)
    ui.add_css(_STYLE)
    ui.label("Edit").classes("sr-only").props("role=heading aria-level=1").style(
        "position:absolute;width:1px;height:1px;overflow:hidden"
    )
    with ui.element("div").classes("i2i-edit"):
        with ui.element("div").classes("i2i-edit-main"):
            _surface(controller)
            adjustments = Adjustments(controller, context.local_files)
            source = ImageSource(controller)
            build_actions(controller, adjustments, source)
            build_history(controller)
        with ui.element("div").classes("i2i-edit-side"):
            source.build()
            adjustments.build()
            build_directions(controller)
            build_editors(controller, context.local_files)
    # Once the browser is there: the first image is rendered while the user looks around.
    ui.timer(0.1, source.open_first, once=True)


def _surface(controller: EditController) -> None:
    def points(event: PointsEventArguments) -> None:
        controller.points_changed()
        _tell(controller, "points", event.final)

    def mask(event: MaskEventArguments) -> None:
        _tell(controller, "mask", event.final)

    async def choose(event: ChooseEventArguments) -> None:
        if controller.faces is not None and 0 <= event.index < len(controller.faces.faces):
            await controller.choose_face(controller.faces.faces[event.index].number)

    controller.surface = Surface(
        tools=("points", "mask", "pan"), on_points=points, on_mask=mask, on_choose=choose
    ).classes("i2i-edit-surface")


def _tell(controller: EditController, kind: str, final: bool) -> None:
    for handler in controller.surface_handlers:
        handler(kind, final)


def _end_with_page(controller: EditController) -> None:
    """End the jobs soon after the page is closed, and remove the session once it cannot come back."""
    client = ui.context.client

    async def disconnected() -> None:
        await asyncio.sleep(_ABSENCE)
        if not client.has_socket_connection:
            controller.jobs.cancel_all()

    async def remove() -> None:
        for ticket in controller.jobs.close():
            await asyncio.to_thread(ticket.wait, 10)
        await asyncio.to_thread(controller.session.close)

    def deleted(_: Any = None) -> None:
        background_tasks.create(remove(), name="close session")

    client.on_disconnect(disconnected)
    client.on_delete(deleted)
