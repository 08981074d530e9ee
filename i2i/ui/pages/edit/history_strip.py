"""The strip of thumbnails: the images that were opened, and their edits with all branches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nicegui import ui

from .adjustments import readable
from .controller import EditController
from .source import thumbnail_button

if TYPE_CHECKING:
    from ...history import History, HistoryNode


def build_history(controller: EditController) -> None:
    """Create the strip; a click shows an image, from which the next edit goes on."""
    with ui.element("section").classes("i2i-card i2i-history").props('aria-label="History"') as card:
        strip = ui.element("div").classes("i2i-strip")
    drawn: list[object] = []

    def update() -> None:
        history = controller.session.history
        nodes = list(shown_nodes(history))
        current = None if history.current is None else history.current.number
        state = [(node.number, bool(node.thumbnail)) for node in nodes], current, controller.running is None
        if drawn == [state]:
            return
        drawn[:] = [state]
        card.set_visibility(bool(nodes))
        strip.clear()
        with strip:
            before: int | None = None
            for node in nodes:
                branch = node.parent is not None and node.parent != before
                caption = f"{node.number} {node_label(node)}"
                title = f"{caption}, made from {node.parent}" if node.parent is not None else caption
                if branch:
                    ui.label(f"from {node.parent}:").classes("text-caption i2i-muted self-center").style("flex: none")
                button = thumbnail_button(
                    node.thumbnail,
                    caption,
                    f"Step {title}",
                    node.number == current,
                    lambda number=node.number: controller.show(number),
                )
                if controller.running is not None:
                    button.props["disabled"] = True
                before = node.number

    controller.listeners.append(update)
    update()


def shown_nodes(history: History) -> Iterator[HistoryNode]:
    """Yield opened images with their edits, depth first; images that were only looked at are left out."""

    def walk(node: HistoryNode) -> Iterator[HistoryNode]:
        yield node
        for child in history.children(node.number):
            yield from walk(child)

    for node in history:
        if node.parent is None and (history.children(node.number) or node is history.current):
            yield from walk(node)


def node_label(node: HistoryNode) -> str:
    """Return what a step did, in a word or two."""
    if node.outcome is None:
        return node.label.replace(":", " ")
    preset = str(node.options.get("direction") or node.options.get("preset") or "")
    return readable(preset.partition("=")[0]) if preset else readable(node.editor)
