"""Forms made of options models, through NiceGUI's simulated user."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, field_validator, model_validator

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from nicegui import ui
from nicegui.testing import User

import i2i
from i2i.registry import Registry
from i2i.ui.forms import OptionsForm, slider_step

from .simulation import field, simulate


class Shade(Enum):
    LIGHT = "light"
    DARK = "dark"


class Every(i2i.Options):
    """One field of each type that options may have."""

    size: int = Field(256, ge=64, le=1024, description="Side of the image.", json_schema_extra={"unit": "px"})
    rate: float = Field(2e-4, gt=0, lt=1, description="Learning rate.")
    seed: int = Field(0, ge=0, le=2**32, description="Seed.")
    betas: tuple[float, float] = Field((0.5, 0.999), description="Betas.")
    layers: tuple[int, ...] = Field((), description="Layers.")
    prompts: tuple[str, ...] = Field(("a smile",), description="Prompts.")
    kinds: tuple[Literal["a", "b"], ...] = Field(("a",), description="Kinds.")
    flip: bool = Field(True, description="Flip.")
    maybe: bool | None = Field(None, description="Maybe.")
    norm: Literal["batch", "instance"] = Field("batch", description="Norm.")
    levels: Literal[5, 8] = Field(8, description="Levels.")
    shade: Shade = Field(Shade.LIGHT, description="Shade.")
    limit: int | None = Field(None, ge=1, description="Limit.")
    folder: Path | None = Field(None, description="Folder.")
    label: str = Field("", description="Label.")


class Required(i2i.Options):
    name: str = Field(description="Name.")
    low: float = Field(0.0, ge=0, le=1, description="Low.")
    high: float = Field(1.0, ge=0, le=1, description="High.")

    @model_validator(mode="after")
    def _in_order(self) -> Required:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


class Faulty(i2i.Options):
    size: int = Field(1, description="Size.")

    @field_validator("size")
    @classmethod
    def _fail(cls, value: int) -> int:
        raise RuntimeError("no reason")


def form_of(model: type[i2i.Options], check: Callable[[OptionsForm, User], Any], **settings: Any) -> None:
    """Create a form on a page and call ``check`` with it."""
    made: list[OptionsForm] = []

    async def checked(user: User) -> None:
        with user.client or pytest.fail("no page"):
            result = check(made[0], user)
            if result is not None:
                await result

    simulate(lambda: made.append(OptionsForm(model, **settings)), checked)


def test_form_starts_with_the_defaults() -> None:
    def check(form: OptionsForm, user: User) -> None:
        assert form.values() == {}
        assert form.options() == Every()

    form_of(Every, check)


def test_form_returns_what_was_changed() -> None:
    values = {
        "size": 128,
        "rate": 0.01,
        "betas": (0.0, 0.9),
        "layers": (3, 4),
        "prompts": ("x", "y z"),
        "kinds": ("a", "b"),
        "flip": False,
        "maybe": False,
        "norm": "instance",
        "levels": 5,
        "shade": "dark",
        "limit": 7,
        "folder": "a/b",
        "label": "x y",
    }

    def check(form: OptionsForm, user: User) -> None:
        form.set_values(values)
        assert form.options() == Every(**values)  # type: ignore[arg-type]
        assert set(form.values()) == set(values)
        form.reset()
        assert form.values() == {}
        with pytest.raises(i2i.UsageError, match="no field 'colour'"):
            form.set_values({"colour": 1})

    form_of(Every, check)


def test_typed_values_are_read_and_wrong_ones_are_named_in_their_field() -> None:
    changes: list[int] = []

    async def check(form: OptionsForm, user: User) -> None:
        field(user, "Size").set_value(32.0)
        await user.should_see("Input should be greater than or equal to 64.")
        assert form.options() is None and changes
        field(user, "Size").set_value(128.5)
        await user.should_see("valid integer")
        field(user, "Size").set_value(128.0)
        await user.should_not_see("Input should")
        assert form.values() == {"size": 128} and isinstance(form.values()["size"], int)
        field(user, "Layers", ui.input).set_value("1, 2 x")
        await user.should_see("valid integer")
        field(user, "Layers", ui.input).set_value("1, 2 3")
        assert form.options().layers == (1, 2, 3)
        field(user, "Size").set_value(None)
        assert "size" not in form.values(), "an empty field means the default"

    form_of(Every, check, on_change=lambda: changes.append(1))


def test_sliders_move_with_their_numbers() -> None:
    def check(form: OptionsForm, user: User) -> None:
        sliders = {each.props["aria-label"]: each for each in user.find(ui.slider).elements}
        assert set(sliders) == {"Size", "Rate"}, "a seed has too many values, the others have no two limits"
        sliders["Size"].set_value(512)
        assert form.values() == {"size": 512}
        field(user, "Size").set_value(100)
        assert sliders["Size"].value == 100 and form.values() == {"size": 100}

    form_of(Every, check)


def test_slider_steps() -> None:
    assert slider_step(0, 1, False) == pytest.approx(0.01) and slider_step(0, 10, False) == pytest.approx(0.1)
    assert slider_step(0, 100, True) == 1
    assert slider_step(0, 10**6, True) is None and slider_step(1, 1, False) is None


def test_labels_units_and_help() -> None:
    async def check(form: OptionsForm, user: User) -> None:
        size = field(user, "Size")
        assert size.suffix == "px"
        assert size.props["aria-description"] == "Side of the image. Range: >= 64 and <= 1024."
        tooltips = {each.text for each in user.find(ui.tooltip).elements}
        assert "Side of the image. Range: >= 64 and <= 1024." in tooltips
        assert field(user, "Limit").props["placeholder"] == "automatic"

    form_of(Every, check)


def test_required_fields_and_rules_about_several_fields() -> None:
    async def check(form: OptionsForm, user: User) -> None:
        await user.should_not_see("Give a value.")
        assert form.options() is None
        await user.should_see("Give a value.")
        field(user, "Name *", ui.input).set_value("x")
        await user.should_not_see("Give a value.")
        field(user, "Low").set_value(0.8)
        field(user, "High").set_value(0.2)
        await user.should_see("Low must not be above high.")
        assert form.options() is None

    form_of(Required, check)


def test_failure_of_a_plugin_is_named() -> None:
    async def check(form: OptionsForm, user: User) -> None:
        form.set_values({"size": 2})
        assert form.options() is None
        await user.should_see("editor 'x' of i2i-x 1.0 failed in Options(): RuntimeError: no reason")

    form_of(Faulty, check, owner="editor 'x' of i2i-x 1.0")


def test_paths_can_be_switched_off_and_fields_left_out() -> None:
    def check(form: OptionsForm, user: User) -> None:
        assert not field(user, "Folder", ui.input).enabled and field(user, "Label", ui.input).enabled
        assert "Size" not in {each.props.get("label") for each in user.find(ui.number).elements}

    form_of(Every, check, local_files=False, skip=frozenset({"size"}))


@pytest.mark.parametrize("kind", ["editor", "trainer"])
def test_every_registered_form_starts_with_its_defaults(kind: str, registry: Registry) -> None:
    for entry in registry.entries(kind).values():

        def check(form: OptionsForm, user: User, model: Any = entry.options) -> None:
            assert form.values() == {}
            if not any(each.is_required() for each in model.model_fields.values()):
                assert form.options() == model()

        form_of(entry.options, check)


class Many(i2i.Options):
    steps: int = Field(5, ge=1, description="Steps.")
    seed: int = Field(0, ge=0, description="Seed.")


def test_form_folds_what_is_not_common_and_opens_where_it_is_wrong() -> None:
    forms: list[OptionsForm] = []

    async def check(user: User) -> None:
        (more,) = user.find(ui.expansion).elements
        assert more.text == "More options" and not more.value
        field(user, "Seed").value = -1
        assert more.value and forms[0].options() is None
        field(user, "Seed").value = 3
        assert forms[0].values() == {"seed": 3}

    simulate(lambda: forms.append(OptionsForm(Many, common=("steps",))), check)
