"""The door: what a sound plugin brings, and that no faulty one takes the tool down."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import i2i
from i2i.api import hookspecs
from i2i.api.contracts import contract_class
from i2i.registry import HOOKS, KINDS, Plugin, Registry, find_plugins, load_registry
from i2i.validation import check_plugin

ROOT = Path(__file__).resolve().parents[1]


def thing(name: str = "x", summary: str = "A thing.", kinds: Sequence[str] = KINDS, **attributes: Any) -> type:
    """A class of these kinds at once, so that their hooks accept it; what it wants is what an editor may want."""
    bases = tuple(contract_class(kind) for kind in kinds)
    wants = {"wants": "pixels"} if "editor" in kinds else {}
    return type("Thing", bases, {"name": name, "summary": summary, **wants, **attributes})


def preset(name: str, editor: str = "drag", summary: str = "A preset.") -> i2i.Preset:
    return i2i.Preset(name, summary, editor, {})


def plugin(name: str, distribution: str = "stranger", **functions: Callable[..., Any]) -> Plugin:
    """A plugin whose module holds these functions, each marked as a hook unless it says otherwise."""
    module = ModuleType(f"module_of_{name}")
    for key, function in functions.items():
        function.__module__ = module.__name__
        setattr(module, key, function if getattr(function, "unmarked", False) else i2i.hookimpl(function))
    return Plugin(name, distribution, "1.0", module)


def registers(*things: Any) -> Callable[..., None]:
    def hook(register: Callable[[Any], None]) -> None:
        for one in things:
            register(one)

    return hook


def unmarked(hook: Callable[..., None]) -> Callable[..., None]:
    hook.unmarked = True  # type: ignore[attr-defined]
    return hook


def faulty(capsys: pytest.CaptureFixture[str], *plugins: Plugin) -> tuple[Registry, list[str]]:
    """A registry of these plugins, all its things collected, and the lines that it told on stderr."""
    registry = Registry(plugins)
    for kind in KINDS:
        registry.all(kind)
        registry.all(kind)
    return registry, capsys.readouterr().err.splitlines()


def test_every_kind_has_a_hook_that_collects_it() -> None:
    for kind in KINDS:
        brought = thing(f"my-{kind}", kinds=(kind,), editor="drag")
        key = f"drag/my-{kind}" if kind == "preset" else f"my-{kind}"
        registry = Registry([plugin("p", **{f"register_{kind}s": registers(brought)})])
        assert registry.all(kind) == {key: brought} and registry.names(kind) == [key]
        assert registry.get(kind, key) is brought
        assert registry.provider(kind, key).distribution == "stranger"
        assert registry.giver(kind, key) is registry.provider(kind, key)  # the old name
        assert registry.plugins["p"].things == [f"{kind}:{key}"]
    assert {f"register_{kind}s" for kind in KINDS} | {"register_commands"} == HOOKS


def test_order_does_not_depend_on_the_order_of_plugins() -> None:
    def plugins() -> list[Plugin]:
        return [
            plugin("b", "two", register_editors=registers(thing("n"), thing("a"))),
            plugin("a", "one", register_editors=registers(thing("z"), thing("m"))),
            plugin("c", "i2i", register_editors=registers(thing("k"))),
        ]

    there, back = Registry(plugins()), Registry(reversed(plugins()))
    assert list(there.all("editor")) == list(back.all("editor")) == ["a", "k", "m", "n", "z"]
    assert list(there.plugins) == list(back.plugins) == ["c", "a", "b"]


def test_an_unknown_name_gets_the_nearest_and_the_faulty_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    registry, _ = faulty(
        capsys,
        plugin("p", register_editors=registers(thing("warm"))),
        Plugin("broken", "d", "1", error="ImportError: no"),
    )
    with pytest.raises(i2i.UsageError, match=r"no editor called 'wram'\. Did you mean 'warm'\?.*broken"):
        registry.get("editor", "wram")


def raising(error: BaseException) -> Callable[..., None]:
    def hook(register: Any) -> None:
        raise error

    return hook


def wrong_arguments() -> Callable[..., None]:
    def hook(registrar: Any) -> None: ...

    return hook


FAULTS = {
    "misspelt and marked": ({"register_editor": registers()}, r"unknown hook 'register_editor'.*'register_editors'\?"),
    "misspelt and unmarked": (
        {"register_editor": unmarked(registers())},
        r"lacks the @i2i.hookimpl mark.*'register_editors'",
    ),
    "unmarked": ({"register_editors": unmarked(registers(thing()))}, r"register_editors lacks the @i2i.hookimpl mark"),
    "no hook": ({}, r"no function marked @i2i.hookimpl"),
    "wrong arguments": ({"register_editors": wrong_arguments()}, r"register_editors.*registrar"),
    "raises": ({"register_editors": raising(RuntimeError("boom\nand more"))}, r"RuntimeError: boom and more"),
    "exits": ({"register_editors": raising(SystemExit(3))}, r"SystemExit: 3"),
    "no name": ({"register_editors": registers(type("T", (), {"summary": "s"}))}, r"one-line 'name'"),
    "no summary": ({"register_editors": registers(thing(summary=" "))}, r"one-line 'summary'"),
    "long summary": ({"register_editors": registers(thing(summary="a\nb"))}, r"one-line 'summary'"),
    "twice": ({"register_editors": registers(thing("t"), thing("t"))}, r"'t' is registered twice"),
    "taken": ({"register_editors": registers(thing("good"))}, r"editor 'good' is already provided by i2i"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_told_in_one_line_and_the_rest_goes_on(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    functions, expected = FAULTS[case]
    good = thing("good")
    sound = plugin("sound", "i2i", register_editors=registers(good), register_metrics=registers(thing("m")))
    registry, lines = faulty(capsys, plugin("bad", "bad-dist", **functions), sound)
    assert registry.all("editor") == {"good": good}
    assert list(registry.all("metric")) == ["m"]
    assert len(lines) == 1, lines
    assert "bad-dist" in lines[0] and re.search(expected, lines[0])
    error = registry.plugins["bad"].error
    assert error and "\n" not in error and re.search(expected, error)
    assert registry.plugins["sound"].error is None


def test_one_bad_hook_costs_only_what_it_brings(capsys: pytest.CaptureFixture[str]) -> None:
    for first, second in (("trainer", "metric"), ("metric", "trainer")):
        half = plugin("half", register_trainers=raising(ValueError("no")), register_metrics=registers(thing("fine")))
        registry = Registry([half])
        found = {kind: registry.all(kind) for kind in (first, second)}
        assert not found["trainer"] and list(found["metric"]) == ["fine"]
        assert half.error == "register_trainers: no"
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_name_that_is_taken_costs_that_thing_only(capsys: pytest.CaptureFixture[str]) -> None:
    first, late, other = preset("smile"), preset("wink"), preset("smile", "older")
    theirs = plugin("theirs", register_presets=registers(preset("smile"), late, other))
    registry, lines = faulty(capsys, plugin("ours", "i2i", register_presets=registers(first)), theirs)
    assert registry.all("preset") == {"drag/smile": first, "drag/wink": late, "older/smile": other}
    assert theirs.things == ["preset:drag/wink", "preset:older/smile"]
    reason = "preset 'drag/smile' is already provided by i2i; give yours another name"
    assert lines == [f"i2i: one thing of plugin theirs (stranger 1.0) is left out: {reason}"]
    assert theirs.error == reason


def test_two_distributions_may_use_one_entry_point_name(capsys: pytest.CaptureFixture[str]) -> None:
    registry, lines = faulty(
        capsys,
        plugin("warm", "zeta", register_editors=registers(thing("late"))),
        plugin("warm", "alpha", register_editors=registers(thing("early"))),
    )
    assert list(registry.plugins) == ["warm", "warm (zeta)"] and not lines
    assert registry.provider("editor", "early").distribution == "alpha"
    assert registry.provider("editor", "late").distribution == "zeta"


def test_a_helper_imported_into_the_module_is_no_misspelt_hook() -> None:
    door = plugin("p", register_editors=registers(thing("e")))
    door.module.register_at_fork = subprocess.run
    assert list(Registry([door]).all("editor")) == ["e"]


def test_keyboard_interrupt_is_the_users_own() -> None:
    with pytest.raises(KeyboardInterrupt):
        Registry([plugin("p", register_editors=raising(KeyboardInterrupt()))]).all("editor")


def test_commands_are_added_and_never_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    def adds(cli: click.Group, registry: Registry) -> None:
        cli.add_command(click.Command("paint"))

    def replaces(cli: click.Group, registry: Registry) -> None:
        cli.add_command(click.Command("other"))
        cli.commands["runs"].add_command(click.Command("list"))  # type: ignore[attr-defined]

    def fails(cli: click.Group, registry: Registry) -> None:
        cli.add_command(click.Command("half"))
        raise SystemExit("no")

    train, listing = click.Command("train"), click.Command("list")
    cli = click.Group(commands=[train, click.Group("runs", commands=[listing])])
    registry = Registry(
        [plugin(name, name, register_commands=hook) for name, hook in (("a", adds), ("b", replaces), ("c", fails))]
    )
    registry.add_commands(cli)
    assert sorted(cli.commands) == ["paint", "runs", "train"]
    assert cli.commands["runs"].commands["list"] is listing  # type: ignore[attr-defined]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "the command 'list' is there already" in lines[0] and "SystemExit: no" in lines[1]


def test_i2i_plugins_chooses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    everything = {found.name for found in find_plugins()}
    assert {"pix2pix", "facades"} <= everything
    monkeypatch.setenv("I2I_PLUGINS", "")
    assert load_registry().plugins == {}
    monkeypatch.setenv("I2I_PLUGINS", " folder , facades")
    assert sorted(load_registry().plugins) == ["facades", "folder"]
    capsys.readouterr()
    monkeypatch.setenv("I2I_PLUGINS", "facade,facade,folder")
    registry = load_registry()
    assert sorted(registry.plugins) == ["facade", "folder"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "facade" in lines[0] and "Did you mean 'facades'?" in lines[0]


LAZY = """
import i2i
class Warm(i2i.Editor):
    name, summary, wants, kinds, default = "warm", "Warm it.", "pixels", {"a": 1}, False
    class Options(i2i.Options): pass
PRESET = i2i.Preset("much", "Much.", "warm", {})
"""


@pytest.fixture
def lazy_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that nobody has imported yet."""
    name = f"lazy_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(LAZY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def by_string(*args: Any, **declared: Any) -> Callable[..., None]:
    def hook(register: i2i.Register) -> None:
        register(*args, **declared)

    return hook


def test_registered_by_string_is_imported_when_it_is_used(lazy_module: str) -> None:
    hook = by_string("warm", f"{lazy_module}:Warm", summary="Warm it.", wants="pixels", kinds=("a",))
    other = by_string("cold", "no.such.module:Cold", summary="Cool it.", wants="latent")
    registry = Registry([plugin("p", register_editors=hook), plugin("q", register_editors=other)])
    entry = registry.entries("editor")["warm"]
    assert (entry.name, entry.summary, entry.provider.name) == ("warm", "Warm it.", "p")
    assert registry.names("editor") == ["cold", "warm"] and list(registry.where("editor", wants="pixels")) == ["warm"]
    assert entry.get("wants") == "pixels" and lazy_module not in sys.modules
    assert entry.get("default") is False and entry.get("absent", 3) == 3 and lazy_module in sys.modules
    assert registry.get("editor", "warm") is sys.modules[lazy_module].Warm is entry.load()
    assert not registry.plugins["q"].error, "asking for one imports only that one"


def test_options_may_be_declared_by_string(lazy_module: str) -> None:
    hook = by_string("x", "no.such.module:X", summary="X.", Options=f"{lazy_module}:Warm.Options")
    entry = Registry([plugin("p", register_editors=hook)]).entry("editor", "x")
    assert entry.options is sys.modules[lazy_module].Warm.Options


@pytest.mark.parametrize("declared", [i2i.StyleGenerator, "i2i:StyleGenerator"])
@pytest.mark.parametrize("kind", ["editor", "inverter"])
def test_required_generators_may_be_declared(
    kind: str, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, base = f"needs_{tmp_path.name}".replace("-", "_"), kind.capitalize()
    method = "edit(self, scene, options)" if kind == "editor" else "invert(self, scene, images, options)"
    source = "import i2i\n"
    for cls, required in (("Styles", "StyleGenerator"), ("Any", "Generator")):
        source += (
            f"class {cls}(i2i.{base}):\n    name, summary = '{cls.lower()}', 'A summary.'\n"
            f"    requires = i2i.{required}\n    def {method}: ...\n"
        )
    (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def hook(register: i2i.Register) -> None:
        for cls in ("Styles", "Any"):
            register(cls.lower(), f"{name}:{cls}", summary="A summary.", requires=declared)

    registry = Registry([plugin("p", **{f"register_{kind}s": hook})])
    assert registry.entry(kind, "styles").get("requires") is i2i.StyleGenerator and name not in sys.modules
    (fault,) = check_plugin(registry, "p")
    assert f"{kind} 'any': requires is <class 'i2i.api.generator.Generator'> in it, but <class" in fault
    assert registry.get(kind, "styles").requires is i2i.StyleGenerator
    with pytest.raises(i2i.I2IError, match="requires is"):
        registry.get(kind, "any")


def test_a_preset_by_string_declares_its_editor(lazy_module: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"{lazy_module}:PRESET"
    sound = plugin("p", register_presets=by_string("much", target, summary="Much.", editor="warm"))
    registry, lines = faulty(capsys, sound, plugin("q", register_presets=by_string("so", target, summary="So.")))
    assert list(registry.all("preset")) == ["warm/much"]
    assert len(lines) == 1, "the one without an editor is left out once it cannot be asked"


MISMATCHES = {
    "wants": ({"summary": "Warm it.", "wants": "latent"}, "wants is 'pixels' in it, but 'latent' where"),
    "kinds": ({"summary": "Warm it.", "kinds": ["b"]}, "kinds is {'a': 1} in it, but ['b'] where"),
    "absent": ({"summary": "Warm it.", "role": "text"}, "role is missing in it, but 'text' where"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_an_imported_target_must_agree(case: str, lazy_module: str, capsys: pytest.CaptureFixture[str]) -> None:
    declared, expected = MISMATCHES[case]
    bad = plugin("bad", register_editors=by_string("warm", f"{lazy_module}:Warm", **declared))
    registry, lines = faulty(capsys, bad)
    assert registry.all("editor") == {} and len(lines) == 1 and "plugin bad (stranger 1.0)" in lines[0]
    assert expected in lines[0] and bad.error and expected in bad.error
    with pytest.raises(i2i.I2IError, match=r"editor 'warm' of plugin bad \(stranger 1.0\) cannot be used"):
        registry.get("editor", "warm")


def test_another_summary_is_told_by_check_only(lazy_module: str) -> None:
    named = plugin("named", register_editors=by_string("warm", f"{lazy_module}:Warm", summary="Other."))
    registry = Registry([named])
    assert registry.get("editor", "warm").name == "warm" and registry.entry("editor", "warm").summary == "Other."
    assert any("its summary is not the one that is registered" in fault for fault in check_plugin(registry, "named"))


@pytest.mark.parametrize("target", [None, "module", "module:", ":Class", ".module:Class", 3])
def test_a_wrong_target_is_refused_at_registration(target: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = faulty(capsys, plugin("bad", register_editors=by_string("warm", target, summary="Warm.")))
    assert len(lines) == 1 and "needs a target such as 'package.module:Class'" in lines[0]


def test_a_target_that_cannot_be_imported_costs_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exits_at_import.py").write_text("print('hello')\nraise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    hook = by_string("bad", "exits_at_import:X", summary="Bad.")
    registry = Registry([plugin("p", register_editors=hook), plugin("q", register_editors=registers(thing("good")))])
    assert list(registry.all("editor")) == list(registry.all("editor")) == ["good"]
    out, err = capfd.readouterr()
    assert out == "" and err.splitlines() == [
        "hello",
        "i2i: The editor 'bad' of plugin p (stranger 1.0) cannot be used: SystemExit: 3. See: i2i plugins check p",
    ]
    assert "SystemExit" in registry.plugins["p"].tracebacks[0]


def test_first_party_plugins_load_without_fault_and_list_without_torch() -> None:
    code = """
import sys
from i2i.registry import KINDS, load_registry
registry = load_registry()
for kind in KINDS:
    registry.entries(kind)
registry.values("extractor", "role"), registry.values("extractor", "kinds"), registry.values("metric", "better")
registry.values("trainer", "wants"), registry.values("editor", "wants")
registry.entry("editor", "drag").options, registry.entry("trainer", "pix2pix").options
assert not {"torch", "numpy", "cv2"} & sys.modules.keys()
for kind in KINDS:
    registry.all(kind)
faults = [(plugin.name, plugin.error) for plugin in registry.plugins.values() if plugin.error or plugin.warnings]
assert not faults, faults
assert all(plugin.things or plugin.name in ("graph", "sample") for plugin in registry.plugins.values())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_hook_is_documented_with_its_signature_and_has_a_first_party_user() -> None:
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in ("plugins", "datasets") for path in (ROOT / folder).rglob("*.py")
    )
    awaited = {"register_panels"}
    for name in sorted(HOOKS):
        arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
        assert f"{name}({arguments})" in guide, f"docs/plugins.md does not document {name}({arguments})"
        if name not in awaited:
            assert f"def {name}(" in sources, f"{name} has no first-party user"
