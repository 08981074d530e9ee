"""A form made of an options model: one control for each field, with its label, unit, help, limits and errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from nicegui import ui

from ..api.errors import I2IError, UsageError, did_you_mean
from ..api.options import OptionField, Options, option_faults, read_fields
from ..guards import guarding, plugin_options

_MOST_STEPS = 10_000
"""Values of an integer for which there is a slider."""


class OptionsForm:
    """A form in the container that is open. Values are checked while they are typed; errors stand in their fields."""

    def __init__(
        self,
        model: type[Options],
        *,
        owner: str = "the options",
        skip: frozenset[str] = frozenset(),
        common: Sequence[str] | None = None,
        local_files: bool = True,
        on_change: Callable[[], Any] | None = None,
    ) -> None:
        """Create the elements.

        Args:
            model: The options.
            owner: What error messages call whoever declares them; see ``plugin_owner``.
            skip: Names of fields without a control, as other parts of the page set them.
            common: Names of fields that come first, in this order; the others are folded. None shows all at once.
            local_files: Whether fields for paths of files on this machine can be filled in.
            on_change: Called after each change by the user, whether the values are right or not.
        """
        self.model, self.owner = model, owner
        self._on_change = on_change
        self._touched: set[str] = set()
        self._controls: dict[str, _Control] = {}
        with guarding(owner, "Options"):
            fields = read_fields(model, skip)
        self._folded: set[str] = set()
        self._more: ui.expansion | None = None
        shown = fields if common is None else [field for name in common for field in fields if field.name == name]
        with ui.element().classes("i2i-form"):
            for field in shown:
                self._controls[field.name] = _Control(field, local_files, self._changed)
        if rest := [field for field in fields if field not in shown]:
            self._folded = {field.name for field in rest}
            self._more = ui.expansion("More options").classes("full-width").props("dense")
            with self._more, ui.element().classes("i2i-form"):
                for field in rest:
                    self._controls[field.name] = _Control(field, local_files, self._changed)
        self._general = ui.label().classes("i2i-field-error").props("role=alert")
        self._general.set_visibility(False)
        if fields:
            ui.button("Reset to defaults", icon="restart_alt", on_click=self.reset).props("flat dense no-caps")

    def values(self) -> dict[str, Any]:
        """Return the values that differ from the defaults, as ``i2i.edit`` and ``i2i.train`` take them."""
        found = {}
        for name, control in self._controls.items():
            value = control.read()
            if value != control.initial and (value is not None or control.field.optional):
                found[name] = value
        return found

    def options(self) -> Any:
        """Return the options; None where a value is wrong, which the form then shows."""
        self._touched.update(self._controls)
        if not self.validate():
            return None
        try:
            return plugin_options(self.model, self.values(), "The form", self.owner)
        except I2IError as error:
            self._show_general(str(error))
            return None

    def validate(self) -> bool:
        """Check all values, show the faults of those that the user has changed, and return whether all are right."""
        try:
            with guarding(self.owner, "Options"):
                faults = option_faults(self.model, self.values())
        except I2IError as error:
            faults = {"": str(error)}
        for name, control in self._controls.items():
            control.show_error(faults.get(name) if name in self._touched else None)
        self._show_general(" ".join(text for name, text in faults.items() if name not in self._controls))
        if self._more is not None and self._folded & self._touched & faults.keys():
            self._more.value = True
        return not faults

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Fill in values; fields that are not named stay as they are.

        Raises:
            UsageError: there is no field of this name.
        """
        for name in values:
            if name not in self._controls:
                raise UsageError(f"The form has no field {name!r}.{did_you_mean(name, self._controls)}")
        for name, value in values.items():
            self._controls[name].write(value)
        self.validate()

    def reset(self) -> None:
        """Set all fields to their defaults."""
        self._touched.clear()
        for control in self._controls.values():
            control.write(control.field.default)
        self.validate()

    def _changed(self, name: str) -> None:
        self._touched.add(name)
        self.validate()
        if self._on_change:
            self._on_change()

    def _show_general(self, text: str) -> None:
        self._general.text = text
        self._general.set_visibility(bool(text))


class _Control:
    """The elements of one field."""

    def __init__(self, field: OptionField, local_files: bool, changed: Callable[[str], None]) -> None:
        self.field = field
        self._quiet = True
        self._changed = changed
        self._inputs: list[Any] = []
        self._slider: ui.slider | None = None
        with ui.column().classes("i2i-field") as column:
            self._create()
            self._error = ui.label().classes("i2i-field-error").props("role=alert")
            self._error.set_visibility(False)
            if text := self._help():
                ui.tooltip(text).props("max-width=22rem delay=400")
        if field.type is Path and not local_files:
            column.classes("disabled")
            for element in self._inputs:
                element.disable()
                element.props('hint="Switched off by --no-local-files."')
        self.write(field.default)
        self.initial = self.read()
        for element in self._inputs:
            element.on_value_change(self._value_changed)

    def read(self) -> Any:
        """Return the value; None where nothing is filled in. Text is left to the options model to convert."""
        found = [self._plain(element.value) for element in self._inputs]
        if self.field.count == 1:
            return found[0]
        if self.field.count > 1:
            return None if all(value is None for value in found) else tuple(found)
        value = found[0]
        if isinstance(value, str):
            return tuple(value.replace(",", " ").split())
        return tuple(value or ())

    def write(self, value: Any) -> None:
        """Fill in a value, without calling what listens to changes."""
        self._quiet = True
        try:
            for element, part in zip(self._inputs, self._parts(value), strict=True):
                element.value = part
                if self._slider is not None:
                    self._slider.value = part
        finally:
            self._quiet = False

    def show_error(self, text: str | None) -> None:
        """Show what is wrong below the elements; None for nothing."""
        self._error.text = text or ""
        self._error.set_visibility(text is not None)
        for element in self._inputs:
            element.props(f"aria-invalid={'true' if text else 'false'}")
            if hasattr(element, "error"):
                element.props(add="error" if text else "", remove="" if text else "error")

    def _parts(self, value: Any) -> list[Any]:
        """Split a value into those of the elements."""
        value = _without_enum(value)
        if self.field.count > 1:
            return list(value) if value is not None else [None] * self.field.count
        if self.field.count == 0:
            items = [_without_enum(each) for each in value or ()]
            return [items if self._holds_list() else " ".join(str(each) for each in items)]
        return [str(value) if isinstance(value, Path) else value]

    def _holds_list(self) -> bool:
        return bool(self.field.choices) or self.field.type not in (int, float)

    def _plain(self, value: Any) -> Any:
        if self.field.type is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return None if value == "" and not (self.field.type is str and self.field.default == "") else value

    def _value_changed(self) -> None:
        if self._quiet:
            return
        if self._slider is not None and isinstance(value := self._inputs[0].value, (int, float)):
            self._quiet = True
            self._slider.value = value
            self._quiet = False
        self._changed(self.field.name)

    def _slider_moved(self) -> None:
        if not self._quiet and self._slider is not None:
            self._inputs[0].value = self._slider.value

    # The elements of each type.

    def _create(self) -> None:
        field = self.field
        if field.choices:
            labels = {choice: str(choice) for choice in field.choices}
            select = ui.select(labels, label=self._label(), multiple=field.count == 0, clearable=field.optional)
            self._add(select.props("use-chips" if field.count == 0 else ""))
        elif field.type is bool and field.count == 1:
            if field.optional:
                self._add(ui.select({True: "On", False: "Off"}, label=self._label(), clearable=True))
            else:
                self._add(ui.switch(self._label()))
        elif field.count == 0 and self._holds_list():
            self._add(ui.input_chips(self._label(), new_value_mode="add-unique"))
        elif field.count == 0:
            self._add(ui.input(self._label(), placeholder="numbers with spaces between them"))
        elif field.type in (int, float) and field.count > 1:
            with ui.row().classes("full-width no-wrap q-gutter-sm q-ma-none"):
                for number in range(field.count):
                    self._add(self._number(f"{self._label()} {number + 1}"))
        elif field.type in (int, float):
            self._ranged_number()
        else:
            for number in range(field.count):
                self._add(ui.input(self._label() if field.count == 1 else f"{self._label()} {number + 1}"))

    def _add(self, element: Any) -> None:
        element.classes("full-width").props("dense" if isinstance(element, ui.switch) else "dense outlined")
        element.props["aria-description"] = self._help()
        self._inputs.append(element)

    def _number(self, label: str) -> ui.number:
        # Neither minimum nor maximum: the element would change what the user types without a word.
        number = ui.number(label, suffix=self.field.unit, placeholder="automatic" if self.field.optional else None)
        number.props("stack-label" if self.field.optional else "")  # the placeholder shows behind such a label
        return number.props(f"step={1 if self.field.type is int else 'any'}")

    def _ranged_number(self) -> None:
        field = self.field
        low, high = (field.limits.get(names[0], field.limits.get(names[1])) for names in (("ge", "gt"), ("le", "lt")))
        steps = None if low is None or high is None else slider_step(low, high, field.type is int)
        if steps is None or field.default is None:
            self._add(self._number(self._label()))
            return
        assert low is not None and high is not None
        with ui.row().classes("full-width no-wrap items-center"):
            self._slider = ui.slider(min=low, max=high, step=steps).classes("col q-ml-sm")
            self._slider.props["aria-label"] = self._label()
            self._slider.on_value_change(self._slider_moved)
            with ui.element().style("width: 8.5rem"):
                self._add(self._number(self._label()))

    def _label(self) -> str:
        words = self.field.name.replace("_", " ")
        return f"{words[:1].upper()}{words[1:]}{' *' if self.field.required else ''}"

    def _help(self) -> str:
        limits = f"Range: {self.field.range_text}." if self.field.range_text else ""
        return " ".join(filter(None, [self.field.help, limits]))


def _without_enum(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def slider_step(low: float, high: float, whole: bool) -> float | None:
    """Return the step of a slider between two limits: 1, or about a hundredth; None where a slider is of no use."""
    if not low < high:
        return None
    if whole:
        return 1 if high - low <= _MOST_STEPS else None
    return float(10.0 ** math.floor(math.log10((high - low) / 50)))
