"""Options: declared once, the same from the command line, YAML, JSON and Python."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest
from click.testing import CliRunner
from pydantic import Field, field_validator, model_validator

import i2i
from i2i.api.options import (
    Options,
    build_options,
    click_options,
    describe,
    option_faults,
    option_flag,
    read_config,
    read_fields,
)
from i2i.registry import KINDS, load_registry


class Shade(Enum):
    LIGHT = "light"
    DARK = "dark"


class Every(i2i.Options):
    """One field of each type that options may have."""

    size: int = Field(256, ge=64, le=1024, description="Side", json_schema_extra={"unit": "px"})
    rate: float = Field(2e-4, gt=0, lt=1, description="Rate")
    betas: tuple[float, float] = Field((0.5, 0.999), description="Betas")
    layers: tuple[int, ...] = Field((), description="Layers")
    flip: bool = Field(True, description="Flip")
    dry: bool = Field(False, description="Dry")
    norm: Literal["batch", "instance"] = Field("batch", description="Norm")
    levels: Literal[5, 8] = Field(8, description="Levels")
    shade: Shade = Field(Shade.LIGHT, description="Shade")
    limit: int | None = Field(None, ge=1, description="Limit")
    inner: Annotated[int, Field(ge=2)] | None = Field(None, description="Inner")
    folder: Path | None = Field(None, description="Folder")
    label: str = Field("", description="Label")


TYPED: dict[str, tuple[list[str], Any]] = {
    "size": (["--size", "128"], 128),
    "rate": (["--rate", "0.01"], 0.01),
    "betas": (["--betas", "0", "0.9"], (0.0, 0.9)),
    "layers": (["--layers", "3", "--layers", "4"], (3, 4)),
    "flip": (["--no-flip"], False),
    "dry": (["--dry"], True),
    "norm": (["--norm", "instance"], "instance"),
    "levels": (["--levels", "5"], 5),
    "shade": (["--shade", "dark"], Shade.DARK),
    "limit": (["--limit", "7"], 7),
    "inner": (["--inner", "2"], 2),
    "folder": (["--folder", "a/b"], Path("a/b")),
    "label": (["--label", "x y"], "x y"),
}


def parse(model: type[Options], args: list[str]) -> tuple[int, dict[str, Any], str]:
    """Exit code, the values that arrive, and what was printed."""
    arrived: dict[str, Any] = {}
    command = click.Command("try", params=list(click_options(model)), callback=lambda **values: arrived.update(values))
    result = CliRunner().invoke(command, args)
    return result.exit_code, arrived, result.output


def given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def registered() -> list[Any]:
    registry = load_registry()
    return [
        pytest.param(thing.Options, id=f"{kind}-{name}")
        for kind in KINDS
        for name, thing in registry.all(kind).items()
        if hasattr(thing, "Options")
    ]


@pytest.mark.parametrize("model", [Every, *registered()])
def test_round_trip_through_command_line_and_json(model: type[Options]) -> None:
    required = {name: "text" for name, field in model.model_fields.items() if field.is_required()}
    defaults = model(**required)
    code, values, output = parse(model, [])
    assert code == 0, output
    assert set(values) == set(model.model_fields) and not given(values), "what is not typed must arrive as None"
    again = build_options(model, json.loads(json.dumps(defaults.model_dump(mode="json"))), "options.json")
    assert again == defaults
    typed: list[str] = []
    for name, value in defaults.model_dump(mode="json").items():
        typed += as_typed(name, value, any_number="..." in str(model.model_fields[name].annotation))
    code, values, output = parse(model, typed)
    assert code == 0, output
    assert build_options(model, given(values), "the command line") == defaults


def as_typed(name: str, value: Any, any_number: bool = False) -> list[str]:
    if value is None or value == []:
        return []
    if isinstance(value, bool):
        return [option_flag(name) if value else f"--no-{name.replace('_', '-')}"]
    if any_number:
        return [word for part in value for word in (option_flag(name), str(part))]
    return [option_flag(name), *(str(part) for part in (value if isinstance(value, list) else [value]))]


@pytest.mark.parametrize("model", registered())
def test_registered_options_are_described(model: type[Options]) -> None:
    for row in describe(model):
        assert row["help"], f"{row['name']} has no description"


@pytest.mark.parametrize("name", TYPED)
def test_each_type_arrives_as_what_it_is(name: str) -> None:
    args, expected = TYPED[name]
    code, values, output = parse(Every, args)
    assert code == 0, output
    assert set(given(values)) == {name}
    value = getattr(build_options(Every, given(values), "the command line"), name)
    assert value == expected and type(value) is type(expected)
    assert TYPED.keys() == Every.model_fields.keys()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--size", "63"], "64<=x<=1024"),
        (["--rate", "0"], "0<x<1"),
        (["--rate", "1"], "0<x<1"),
        (["--norm", "layer"], "'batch', 'instance'"),
        (["--levels", "6"], "'5', '8'"),
        (["--limit", "0"], "x>=1"),
        (["--betas", "0.5"], "requires 2 arguments"),
        (["--sise", "64"], "No such option"),
    ],
)
def test_a_wrong_value_on_the_command_line_is_wrong_usage(args: list[str], text: str) -> None:
    code, _, output = parse(Every, args)
    assert code == 2 and text in output


def test_help_shows_default_range_and_unit() -> None:
    _, _, output = parse(Every, ["--help"])
    help_lines = {line.split()[0]: line for line in output.splitlines() if line.strip().startswith("--")}
    assert "PX" in help_lines["--size"] and "[default: 256]" in help_lines["--size"]
    assert "64<=x<=1024" in help_lines["--size"] and "0<x<1" in help_lines["--rate"]
    assert "[default: on]" in help_lines["--flip"] and "[default: 0.5 0.999]" in help_lines["--betas"]
    row = {row["name"]: row for row in describe(Every)}
    assert (row["size"]["range"], row["size"]["unit"], row["size"]["default"]) == (">= 64 and <= 1024", "px", 256)
    assert row["rate"]["range"] == "> 0 and < 1" and row["levels"]["type"] == [5, 8]
    assert (row["betas"]["count"], row["layers"]["count"], row["size"]["count"]) == (2, "any", 1)
    assert row["limit"]["range"] == ">= 1" and not row["limit"]["required"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"sise": 64}, "c.yaml: there is no option 'sise'. Did you mean 'size'?"),
        ({"size": 2000}, "c.yaml: --size is 2000, but it should be less than or equal to 1024."),
        ({"rate": float("nan")}, "c.yaml: --rate is nan, but it should be a finite number."),
        ({"betas": [0.5, "x"]}, "c.yaml: --betas is 'x', but it should be a valid number"),
        ({"norm": "layer"}, "c.yaml: --norm is 'layer', but it should be 'batch' or 'instance'."),
        ({"size": 1, "rate": 2}, "--size is 1, but it should be greater than or equal to 64. c.yaml: --rate is 2"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, Any], text: str) -> None:
    with pytest.raises(i2i.UsageError) as caught:
        build_options(Every, values, "c.yaml")
    assert text in str(caught.value)


def test_rules_of_ones_own_and_missing_options_are_named() -> None:
    class Ruled(i2i.Options):
        low: int = Field(description="Low")
        high: int = Field(9, description="High")

        @field_validator("high")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2 == 0:
                raise ValueError("Must be odd.")
            return value

        @model_validator(mode="after")
        def ordered(self) -> Ruled:
            if self.low > self.high:
                raise ValueError("--low must not exceed --high")
            return self

    for values, text in (
        ({}, "the command line: --low is missing; give it."),
        ({"low": 1, "high": 4}, "the command line: --high is 4, but must be odd."),
        ({"low": 99}, "the command line: --low must not exceed --high."),
    ):
        with pytest.raises(i2i.UsageError) as caught:
            build_options(Ruled, values, "the command line")
        assert str(caught.value) == text
    assert "[required]" in parse(Ruled, ["--help"])[2]


class Renamed(i2i.Options):
    """Options with further names."""

    rate: float = Field(0.1, gt=0, description="Rate", json_schema_extra={"aliases": ["learning_rate"]})
    mark: bool = Field(False, description="Mark", json_schema_extra={"aliases": ["draw"]})


def test_aliases_are_stored_under_the_name_of_the_field() -> None:
    built = build_options(Renamed, {"learning_rate": 0.5, "draw": True}, "there")
    assert built == Renamed(rate=0.5, mark=True) and set(built.model_dump()) == {"rate", "mark"}
    assert [row["aliases"] for row in describe(Renamed)] == [["learning_rate"], ["draw"]]


@pytest.mark.parametrize("flags", [["--learning-rate", "0.5", "--draw"], ["--rate", "0.5", "--mark"]])
def test_aliases_are_taken_on_the_command_line(flags: list[str]) -> None:
    found: dict[str, Any] = {}
    command = click.Command("any", callback=found.update, params=list(click_options(Renamed)))
    assert CliRunner().invoke(command, flags, catch_exceptions=False).exit_code == 0
    assert found == {"rate": 0.5, "mark": True}


def test_aliases_in_conflict_or_misspelt_are_named() -> None:
    with pytest.raises(i2i.UsageError, match="--learning-rate and --rate are the same option; give one"):
        build_options(Renamed, {"learning_rate": 0.5, "rate": 0.1}, "there")
    with pytest.raises(i2i.UsageError, match=r"'learning_rat'\. Did you mean 'learning_rate'"):
        build_options(Renamed, {"learning_rat": 0.5}, "there")


def test_options_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Every().size = 128  # type: ignore[misc]


def test_config_files(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("load-size: 286\nrate: 2e-4\nbetas: [0.5, 0.999]\n", encoding="utf-8")
    assert read_config(path) == {"load_size": 286, "rate": "2e-4", "betas": [0.5, 0.999]}
    assert build_options(Every, {"rate": "2e-4"}, "c.yaml").rate == 2e-4, "YAML 1.1 reads 2e-4 as text"
    path.write_text('{"size": 128, "flip": false}', encoding="utf-8")
    assert build_options(Every, read_config(path), "c").model_dump(include={"size", "flip"}) == {
        "size": 128,
        "flip": False,
    }
    path.write_text("# nothing\n", encoding="utf-8")
    assert read_config(path) == {}
    path.write_text('{"trainer": "t", "run": {"steps": 5}, "options": {"rate": 1}}', encoding="utf-8")
    assert read_config(path) == {"steps": 5, "rate": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: [1", "is not valid YAML"),
        (b"- 1\n- 2\n", "must hold 'option: value' lines"),
        (b"1: 2\n", "must hold 'option: value' lines"),
        (b"just words\n", "must hold 'option: value' lines"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b"!!python/object/apply:os.system ['true']", "is not valid YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_config_is_named_in_one_line(content: bytes | None, text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(i2i.UsageError) as caught:
        read_config(path)
    assert text in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_read_fields_knows_what_a_form_needs() -> None:
    class Shown(Options):
        size: int = Field(64, ge=16, le=1024, description="Size.", json_schema_extra={"unit": "px"})
        seed: int | None = Field(None, description="Seed.")
        mode: Literal["fast", "exact"] = Field("fast", description="Mode.")
        weights: tuple[float, ...] = Field((), description="Weights.")
        name: str = Field(description="Name.")

    size, seed, mode, weights, name = read_fields(Shown)
    assert (size.type, dict(size.limits), size.unit, size.default) == (int, {"ge": 16, "le": 1024}, "px", 64)
    assert (seed.type, seed.optional, size.optional) == (int, True, False)
    assert (mode.choices, weights.count, name.required) == (("fast", "exact"), 0, True)


def test_option_faults_names_each_option() -> None:
    class Checked(Options):
        size: int = Field(64, ge=16, description="Size.")
        name: str = Field(description="Name.")

    faults = option_faults(Checked, {"size": 3, "colour": 1})
    assert faults["size"] == "Input should be greater than or equal to 16."
    assert faults["name"] == "Give a value." and set(faults) == {"size", "name", "colour"}
    assert option_faults(Checked, {"name": "x"}) == {}
