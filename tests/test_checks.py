"""``i2i plugins check``: every fault that can be told without running a plugin."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field

import i2i
from i2i.cli.plugins import command as plugins_command
from i2i.registry import Plugin
from i2i.testing import registry_of
from i2i.validation import check_plugin, check_thing
from tests.helpers.toy_editors import Points, Shift, run


class Faulty(i2i.Editor):
    name = "Faulty One"
    summary = "Wrong in every way that can be told without running it."
    photos = "image"  # type: ignore[assignment]
    extractors = ("smell",)
    wants = "money"  # type: ignore[assignment]

    class Options(i2i.Options):
        out: str = Field("", description="Clashes")
        bare: int = 1


class Bare(Faulty):
    class Options(i2i.Options):
        bare: int = 1


def test_check_names_every_fault() -> None:
    faults = "\n".join(check_thing("editor", Faulty))
    for text in (
        "small letters",
        "define edit",
        "wants is 'money'",
        "photos is 'image'",
        "--out clashes",
    ):
        assert text in faults
    assert "--bare has no description" in faults and len(faults.splitlines()) == 6
    assert [check_thing(kind, thing) for kind, thing in (("editor", Shift), ("extractor", Points))] == [[], []]
    assert "must define draw" in "".join(
        check_thing("dataset", type("D", (i2i.Dataset,), {"name": "d", "drawn": {"val": 1}}))
    )
    assert len(check_thing("trainer", type("T", (i2i.Trainer,), {"name": "t"}))) == 3
    assert "better is None: input should be 'lower'" in "".join(
        check_thing("metric", type("M", (i2i.Metric,), {"name": "m"}))
    )
    done = run(plugins_command, registry_of(Shift, Bare), "check")
    assert done.exit_code == 1 and len(done.stdout.splitlines()) == 5


def trainer(**members: Any) -> type:
    """A trainer with nothing wrong but ``members``."""
    sound: dict[str, Any] = {
        "name": "t",
        "summary": "T.",
        "__init__": lambda self, options, device: None,
        "step": lambda self, batch: {},
        "sample": lambda self, _batch: None,
    }
    return type("T", (i2i.Trainer,), {**sound, **members})


class Strict(i2i.Options):
    level: int = Field(7, le=5, description="Its default is above its limit")


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({}, None),
        ({"step": lambda self, *args: {}}, None),
        ({"step": lambda self, batch, extra=1: {}}, None),
        ({"step": lambda self: {}}, "step() must take the parameters of i2i.Trainer.step(batch)"),
        ({"step": lambda self, data: {}}, "step(data) must take the parameters of i2i.Trainer.step(batch)"),
        ({"step": lambda self, batch, more: {}}, "step(batch, more) must take the parameters of"),
        ({"step": lambda self, batch, *, more: {}}, "step(batch, *, more) must take the parameters of"),
        ({"sample": 3}, "sample is int and must be a method"),
        ({"__init__": lambda self, options: None}, "__init__(options) must take (options, device)"),
        ({"__init__": lambda self, _options, place: None}, None),
        ({"wants": "sounds"}, "wants is 'sounds': input should be 'pairs'"),
        ({"defaults": ["steps"]}, "defaults is ['steps']: input should be a valid dictionary"),
        ({"Options": int}, "Options must derive from i2i.Options"),
        ({"Options": Strict}, "option --level has a default that it does not allow itself"),
    ],
)
def test_check_compares_signatures_and_values(members: dict[str, Any], fault: str | None) -> None:
    faults = check_thing("trainer", trainer(**members))
    assert (faults == []) if fault is None else (len(faults) == 1 and fault in faults[0])


def test_check_knows_properties_class_methods_and_constructors_with_options() -> None:
    class Family(i2i.Generator):
        name = "family"
        summary = "F."

        class Options(i2i.Options):
            level: int = Field(1, description="A level")

        def read(self, contents: Any) -> Any: ...  # type: ignore[override]

        def __init__(self, weights: Any, device: Any) -> None: ...

        def map(self, z: Any) -> Any: ...  # type: ignore[override]

        def render(self, w: Any, noise: Any) -> Any: ...

        def w_mean(self) -> Any: ...  # type: ignore[override]

    faults = check_thing("generator", Family)
    for text in (
        "w_mean is a method and must be a property",
        "read must be a classmethod",
        "__init__(weights, device) must take (weights, device, options)",
        "map(z) must take the parameters of i2i.Generator.map(z, c=None, truncation=1.0, cutoff=None)",
        "render(w, noise) must take the parameters of i2i.Generator.render(w, noise='const')",
    ):
        assert sum(text in fault for fault in faults) == 1
    assert len(faults) == 5


def test_check_refuses_what_is_no_class_of_its_kind() -> None:
    assert check_thing("editor", Shift()) == ["it must be a class, not Shift; register the class itself"]
    assert check_thing("metric", Shift) == ["it must derive from i2i.Metric"]
    assert check_thing("preset", Shift) == ["it must be an i2i.Preset"]


class Choosy(Shift):
    name = "choosy"
    summary = "Knows one preset."

    def check_preset(self, preset: i2i.Preset) -> None:
        if preset.values != {"known": 1}:
            raise i2i.I2IError(f"{preset.name} of {preset.provider} is not known.")


def test_presets_are_checked_by_the_editor_that_reads_them() -> None:
    presets = [
        i2i.Preset("good", "Sound.", "choosy", {"known": 1}),
        i2i.Preset("odd", "Unknown.", "choosy", {}),
        i2i.Preset("lost", "Of nobody.", "chosy", {}),
        i2i.Preset("free", "Its editor takes anything.", "shift", {}),
    ]
    registry = registry_of(Shift, Choosy)
    module = ModuleType("presets_door")
    module.register_presets = i2i.hookimpl(lambda register: [register(each) for each in presets])  # type: ignore[attr-defined]
    registry.add(Plugin("mine", "i2i-mine", "1.0", module))
    assert check_plugin(registry, "tests") == []
    assert check_plugin(registry, "mine") == [
        "mine: preset choosy/odd: odd of i2i-mine is not known.",
        "mine: preset chosy/lost: it is for the editor 'chosy', which is not there. Did you mean 'choosy'?",
    ]


def test_check_reads_a_source_folder(tmp_path: Path) -> None:
    registry = registry_of(Shift)
    run(plugins_command, registry, "new", "fresh-one", "--out", tmp_path / "fresh")
    done = run(plugins_command, registry, "check", tmp_path / "fresh")
    assert done.exit_code == 0 and "fresh-one: sound, provides editor:fresh-one" in done.output
    module = tmp_path / "fresh" / "i2i_fresh_one.py"
    (tmp_path / "fresh" / "i2i_other.py").write_text(
        module.read_text(encoding="utf-8").replace("def edit", "def edti"), "utf-8"
    )
    project = tmp_path / "fresh" / "pyproject.toml"
    project.write_text(
        project.read_text(encoding="utf-8").replace('= "i2i_fresh_one"', '= "i2i_other"'), encoding="utf-8"
    )
    done = run(plugins_command, registry, "check", tmp_path / "fresh")
    assert done.exit_code == 1 and "must define edit" in done.output
    (tmp_path / "empty").mkdir()
    done = run(plugins_command, registry, "check", tmp_path / "empty")
    assert isinstance(done.exception, i2i.UsageError) and "declares no plugin" in str(done.exception)
