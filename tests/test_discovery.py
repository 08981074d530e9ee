"""Plugins in one file, passed as a class, that print, are slow, or need another i2i."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import i2i
from i2i import discovery
from i2i.cli import build
from i2i.discovery import Plugin, load_file
from i2i.registry import Registry, load_registry
from i2i.testing import registry_of
from tests.helpers.toy_editors import Shift

WARM = """
import i2i

class Warm(i2i.Editor):
    name = "warm"
    summary = "Warm it."

    def edit(self, scene, options):
        return i2i.Result(scene.photos["image"].pixels.clamp(-1, {top}), scalars={{"top": {top}}})
"""
HOOKED = WARM + "\n@i2i.hookimpl\ndef register_editors(register):\n    register(Warm)\n"
TRAINER = """
import i2i, torch

class Mine(i2i.Trainer):
    name, summary = "mine", "Scale the input."

    def __init__(self, options, device):
        self.net = torch.nn.Conv2d(3, 3, 1).to(device)
        self.networks, self.optimizers = {"net": self.net}, {"net": torch.optim.SGD(self.net.parameters(), 0.1)}

    def step(self, batch):
        self.optimizers["net"].zero_grad()
        loss = (self.net(batch["input"]) - batch["target"]).abs().mean()
        loss.backward()
        self.optimizers["net"].step()
        return {"loss": loss.detach()}

    def sample(self, batch):
        return self.net(batch["input"]).detach()
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("i2i_file_")]:
        del sys.modules[name]


def written(name: str, text: str) -> Path:
    Path(name).write_text(text, encoding="utf-8")
    return Path(name).absolute()


def photo() -> str:
    from PIL import Image

    Image.new("RGB", (8, 8), (200, 100, 50)).save("photo.png")
    return "photo.png"


def run(*args: Any, registry: Registry | None = None) -> Any:
    return CliRunner().invoke(build(registry or registry_of(Shift)), [str(word) for word in args])


@pytest.mark.parametrize("text", [WARM, HOOKED], ids=["class", "hook"])
def test_edit_with_a_file_and_again_from_its_recipe(text: str) -> None:
    file = written("warm.py", text.format(top=0.5))
    done = run("edit", "--plugin", "./warm.py", "--image", photo(), "--out", "out", "--device", "cpu")
    assert done.exit_code == 0, done.output
    recipe = json.loads(Path("out/recipe.json").read_text(encoding="utf-8"))
    plugin = load_file("warm.py")
    assert recipe["plugin"] == "warm" and recipe["origin"] == {"path": str(file), "sha256": plugin.sha256}
    again = run("edit", "--recipe", "out/recipe.json", "--out", "again", "--device", "cpu")
    assert again.exit_code == 0 and "warning" not in again.stderr, again.output
    assert Path("again/result.png").read_bytes()[-40:] == Path("out/result.png").read_bytes()[-40:]
    written("warm.py", text.format(top=0.4))
    changed = run("edit", "--recipe", "out/recipe.json", "--out", "changed", "--device", "cpu")
    assert changed.exit_code == 0 and "warm.py has changed since out/recipe.json was made" in changed.stderr
    file.unlink()
    gone = run("edit", "--recipe", "out/recipe.json", "--out", "gone", "--device", "cpu")
    assert gone.exit_code == 2 and len(gone.stderr.splitlines()) == 1
    assert f"{file}, which provides the editor 'warm' of out/recipe.json, is missing: put it back" in gone.stderr


INVERTER = """
import i2i, torch

class Flat(i2i.Inverter):
    name, summary = "flat", "The mean latent for every photo."

    def invert(self, scene, images, options):
        w = scene.generator.w_mean.expand(1, scene.generator.num_ws, -1)
        return [i2i.Inversion(i2i.Latent({scale} * w)) for _ in images]
"""


class Rendered(i2i.Editor):
    """Renders the latent of its photo."""

    name, summary, wants = "rendered", "Render the latent.", "latent"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        assert scene.latent is not None
        return i2i.Result(scene.generator.render(scene.latent.w).clamp(-1, 1))


def test_edit_with_an_inverter_file_and_again_from_its_recipe() -> None:
    file = written("flat.py", INVERTER.format(scale=1))
    installed = registry_of(Rendered, plugins=("demo", "stylegan"))
    with_file = installed.extended(load_file("flat.py"))
    words = (
        "--plugin",
        "rendered",
        "--image",
        photo(),
        "--generator",
        "demo-faces",
        "--crop",
        "square",
        "--device",
        "cpu",
        "--out",
    )
    done = run("edit", *words, "out", "--invert", "flat", registry=with_file)
    assert done.exit_code == 0, done.output
    recipe = json.loads(Path("out/recipe.json").read_text(encoding="utf-8"))
    assert recipe["inverter_origins"] == {"flat": {"path": str(file), "sha256": load_file("flat.py").sha256}}
    assert str(file) not in i2i_metadata("out/result.png") and "flat.py" in i2i_metadata("out/result.png")
    again = run("edit", "--recipe", "out/recipe.json", "--out", "again", "--device", "cpu", registry=installed)
    assert again.exit_code == 0 and "warning" not in again.stderr, again.output
    written("flat.py", INVERTER.format(scale=2))
    changed = run("edit", "--recipe", "out/recipe.json", "--out", "new", "--device", "cpu", registry=installed)
    assert changed.exit_code == 0 and "flat.py has changed since out/recipe.json was made" in changed.stderr
    file.unlink()
    gone = run("edit", "--recipe", "out/recipe.json", "--out", "gone", "--device", "cpu", registry=installed)
    assert gone.exit_code == 2 and f"{file}, which provides the inverter 'flat' of out/recipe.json" in gone.stderr


def i2i_metadata(path: str) -> str:
    from PIL import Image

    with Image.open(path) as image:
        return str(image.info["i2i"])


def test_edit_with_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry([])
    result = i2i.edit(Shift, [photo()], device="cpu", registry=registry, out="out")
    assert result.image.shape == (1, 3, 8, 8) and registry.names("editor") == [], "registered for this call alone"
    origin = json.loads(Path("out/recipe.json").read_text(encoding="utf-8"))["origin"]
    assert origin["class"] == "Shift" and origin["path"].endswith("toy_editors.py")
    with pytest.raises(i2i.UsageError, match=r"'shift' of out/recipe.json is the class Shift of .*pass the class"):
        registry.restored("editor", "shift", origin, "out/recipe.json")
    with pytest.raises(i2i.UsageError, match=r"int is no plugin class: derive it from i2i\.Editor"):
        i2i.edit(int, registry=registry)  # type: ignore[arg-type]
    known = registry_of(Shift)
    assert known.resolve("editor", Shift) == ("shift", known), "a registered class is found by its name"


def test_a_file_wins_over_an_installed_name_for_its_call() -> None:
    registry = registry_of(Shift)
    written("own.py", WARM.format(top=0.1).replace('"warm"', '"shift"'))
    name, larger = registry.resolve("editor", "own.py")
    assert name == "shift" and larger.get("editor", "shift").__name__ == "Warm"
    assert registry.get("editor", "shift") is Shift


FAULTY_FILES = {
    "missing": (None, "it cannot be read (No such file or directory); check the path"),
    "syntax": ("def", "SyntaxError: invalid syntax"),
    "exits": ("raise SystemExit(2)", "SystemExit: 2"),
    "nothing": ("x = 1", "it has no function marked @i2i.hookimpl, so it provides nothing"),
    "misspelt": ("import i2i\n@i2i.hookimpl\ndef register_editor(register): ...", "unknown hook 'register_editor'"),
    "a trainer": (TRAINER, "provides no editor"),
}


@pytest.mark.parametrize("case", FAULTY_FILES)
def test_a_faulty_file_ends_in_one_line(case: str) -> None:
    text, expected = FAULTY_FILES[case]
    if text is not None:
        written("bad.py", text)
    done = run("edit", "--plugin", "bad.py", "--image", photo())
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert expected in done.stderr.splitlines()[-1] and str(Path("bad.py").absolute()) in done.stderr


def test_a_file_with_two_editors_is_asked_for_by_name() -> None:
    second = WARM.format(top=0.5).replace("Warm(", "Cold(").replace('"warm"', '"cold"')
    written("two.py", WARM.format(top=0.5) + second)
    with pytest.raises(i2i.UsageError, match=r"several editors; choose one: two\.py:cold or two\.py:warm"):
        Registry([]).resolve("editor", "two.py")
    assert Registry([]).resolve("editor", "two.py:cold")[0] == "cold"
    with pytest.raises(i2i.UsageError, match=r"provides no editor 'colt'\. Did you mean 'cold'\?"):
        Registry([]).resolve("editor", "two.py:colt")


def test_i2i_plugins_takes_files_among_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written("warm.py", WARM.format(top=0.5))
    monkeypatch.setenv("I2I_PLUGINS", "folder,./warm.py,./absent.py")
    registry = load_registry()
    assert registry.names("editor") == ["warm"] and registry.names("dataset") == ["folder"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "absent.py" in lines[0] and "cannot be read" in lines[0]


def test_train_with_a_file_and_resume_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    file = written("mine.py", TRAINER)
    registry = Registry(discovery.find_plugins(["facades"]))
    terms = ("--dataset", "facades", "--size", "16", "--batch", "2", "--device", "cpu", "--out", "run")
    done = run("train", "./mine.py", "--steps", "1", *terms, registry=registry)
    assert done.exit_code == 0, done.output
    options = json.loads(Path("run/options.json").read_text(encoding="utf-8"))
    assert options["trainer"] == "mine" and options["origin"]["trainer"]["path"] == str(file)
    assert run("train", "mine", "--resume", "run", "--steps", "2", registry=registry).exit_code == 0
    assert i2i.open_run("run").last_step() == 2
    file.unlink()
    gone = run("train", "mine", "--resume", "run", "--steps", "3", registry=registry)
    assert gone.exit_code == 2 and "which provides the trainer 'mine' of run, is missing" in gone.stderr


class Entry:
    """An entry point whose import runs a function."""

    def __init__(self, module: Any, requires: list[str], name: str = "outside") -> None:
        self.name, self._module = name, module
        self.dist = type("Dist", (), {"metadata": Message()})()
        for key, value in (
            ("Name", f"i2i-{name}"),
            ("Version", "2.0"),
            *(("Requires-Dist", line) for line in requires),
        ):
            self.dist.metadata[key] = value

    def load(self) -> Any:
        return self._module()


def found(monkeypatch: pytest.MonkeyPatch, load: Any, *requires: str) -> Plugin:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry(load, list(requires))])
    (plugin,) = discovery.find_plugins()
    return plugin


@pytest.mark.parametrize(
    ("requirement", "unmet"),
    [
        ("i2i>=99", True),
        ("I2I (<0.1)", True),
        ("i2i[onnx]>=0.1", False),
        ("i2i", False),
        ("i2i>=99; extra == 'new'", False),
        ("i2i-warm>=99", False),
    ],
)
def test_a_plugin_for_another_i2i_is_left_out(
    requirement: str, unmet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = found(monkeypatch, lambda: sys, "torch>=2", requirement)
    assert (plugin.module is None) == unmet
    if unmet:
        Registry([plugin])
        (line,) = capsys.readouterr().err.splitlines()
        assert "i2i-outside 2.0" in line and f"this is i2i {i2i.__version__}" in line and "it needs" in line


def test_slow_imports_and_prints_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def slow() -> Any:
        print("hello")
        monkeypatch.setattr(discovery.time, "process_time", lambda: 10.0)
        return sys

    monkeypatch.setattr(discovery.time, "process_time", lambda: 9.5)
    plugin = found(monkeypatch, slow)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[0] == "hello" and len(err.splitlines()) == 2
    assert "warning: plugin outside (i2i-outside 2.0): its import takes 0.5 s, in every command" in err
    assert len(plugin.warnings) == 1


def test_an_import_of_torch_at_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    def heavy() -> Any:
        monkeypatch.setitem(sys.modules, "torch", sys)
        return sys

    assert "imports torch" in found(monkeypatch, heavy).warnings[0]


def failing() -> Any:
    raise ImportError("no module")


def test_tracebacks_are_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Registry([found(monkeypatch, failing)])
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("I2I_DEBUG", "1")
    Registry([found(monkeypatch, failing)])
    assert "in failing" in capsys.readouterr().err
    monkeypatch.delenv("I2I_DEBUG")
    registry = Registry([found(monkeypatch, failing)])
    done = run("plugins", "check", "outside", registry=registry)
    assert done.exit_code == 1 and done.stdout == "outside: ImportError: no module\n" and "in failing" in done.stderr


def test_a_hook_that_prints_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    written("loud.py", "import i2i\n@i2i.hookimpl\ndef register_commands(cli, registry):\n    print('loud')\n")
    Registry([load_file("loud.py")]).add_commands(click.Group())
    assert capsys.readouterr() == ("", "loud\n")
