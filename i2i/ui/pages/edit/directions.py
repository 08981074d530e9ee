"""The card "Directions": a slider for each direction of the latent space, such as smile, age and pose."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicegui import ui

from ....api.errors import I2IError
from ....assets.models import is_present
from .adjustments import readable
from .controller import EditController

if TYPE_CHECKING:
    from ....registry import Registry

EDITOR = "mix"
"""The editor that moves images in directions, where it is installed."""
_COMPONENTS = 4
"""Directions that are found in every generator, the strongest ones."""
_RANGES = {"published": 8.0, "found": 4.0}
"""Largest strength of a slider, in the unit of the direction."""


@dataclass(frozen=True)
class DirectionSlider:
    """One slider."""

    caption: str
    options: Mapping[str, Any]
    """Options of the editor, without the strength."""
    most: float
    """Largest strength."""


def directions(registry: Registry, domain: str) -> list[DirectionSlider]:
    """Return the published directions for generators of a domain that are downloaded, and components of any one."""
    if EDITOR not in registry.entries("editor"):
        return []
    published = []
    for name, entry in registry.where("model", role="direction").items():
        with suppress(I2IError):  # a record with a fault is refused when it is chosen
            model = entry.load_checked()
            if model.domain == domain and is_present(model):
                published.append(
                    DirectionSlider(readable(name), {"preset": "direction", "direction": name}, _RANGES["published"])
                )
    components = [
        DirectionSlider(f"Component {number + 1}", {"preset": "sefa", "component": number}, _RANGES["found"])
        for number in range(_COMPONENTS)
    ]
    return [*published, *components]


def build_directions(controller: EditController) -> None:
    """Create the card, where the editor is installed."""
    if EDITOR in controller.registry.entries("editor"):
        _Directions(controller)


class _Directions:
    def __init__(self, controller: EditController) -> None:
        self.controller = controller
        self._sliders: dict[str, ui.slider] = {}
        self._domain: str | None = None
        self._moving = False
        self._moved: tuple[str, int, int] | None = None
        """Caption of the slider that was moved last, the node that it moves, and the node that it made."""
        with (
            ui.element("section").classes("i2i-card").props('aria-label="Directions"'),
            ui.expansion("Directions").props("dense").classes("full-width"),
        ):
            ui.label("Release a slider to move the image; move it again to change how far.").classes(
                "text-caption i2i-muted"
            )
            self._place = ui.element("div").classes("full-width")
        controller.listeners.append(self.update)

    def update(self) -> None:
        """Show the directions of the generator, at 0 unless the current image was made by the slider."""
        controller, node = self.controller, self.controller.node
        if node is None:
            return
        generator = str(controller.session.history.path(node.number)[0].settings.get("generator") or "")
        models = controller.registry.where("model", role="generator")
        domain = str(models[generator].load().domain) if generator in models else ""
        if domain != self._domain:
            self._domain = domain
            self._place.clear()
            self._sliders.clear()
            with self._place:
                for direction in directions(controller.registry, domain):
                    self._row(direction)
        for caption, slider in self._sliders.items():
            slider.set_enabled(controller.running is None and controller.can_start)
            own = self._moved is not None and self._moved[0] == caption and node.number in self._moved[1:]
            if not own and not self._moving:
                slider.value = 0

    def _row(self, direction: DirectionSlider) -> None:
        with ui.element("div").classes("i2i-row").style("flex-wrap: nowrap"):
            ui.label(direction.caption).style("width: 7.5rem")
            slider = ui.slider(min=-direction.most, max=direction.most, step=0.5, value=0).props("dense").classes("col")
            slider.props["aria-label"] = direction.caption
            slider.on("change", lambda: self.move(direction), [])
            ui.label().bind_text_from(slider, "value", lambda value: f"{value:+.1f}").style("width: 2.4rem")
        self._sliders[direction.caption] = slider

    async def move(self, direction: DirectionSlider) -> None:
        """Move the image; the same slider again moves what it moved before."""
        controller, node = self.controller, self.controller.node
        if node is None or not controller.can_start:
            return
        strength = float(self._sliders[direction.caption].value)
        base = node.number
        if self._moved is not None and self._moved[0] == direction.caption and self._moved[2] == node.number:
            base = self._moved[1]
            controller.session.history.go_to(base)
        if strength == 0:
            await controller.show(base)
            return
        options = {**direction.options, "strength": strength, "frames": 0}
        self._moving = True
        try:
            made = await controller.run_edit(EDITOR, options, title=direction.caption)
            self._moved = (direction.caption, base, base if made is None else made.number)
        finally:
            self._moving = False
            self.update()
