"""The documentation says what is so: generated pages are up to date, links lead somewhere, commands can be typed."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from shutil import copyfile
from types import ModuleType
from typing import Any

import click
import pytest

import i2i
from i2i.api import hookspecs
from i2i.cli import build
from i2i.registry import HOOKS, Plugin, Registry, find_plugins
from i2i.scaffold import NEW_KINDS, write_plugin

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
GLOSSARY_PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def root() -> click.Group:
    """The commands of our plugins and of the one that docs/plugins.md writes."""
    warm = Plugin("warm", "i2i-warm", "0.1.0", load(ROOT / "tests" / "example_plugin" / "i2i_warm.py"))
    return build(Registry([*(plugin for plugin in find_plugins() if plugin.distribution == "i2i"), warm]))


def test_generated_pages_are_up_to_date() -> None:
    for path, text in load(DOCS / "generate.py").pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run python docs/generate.py"


@pytest.mark.parametrize("page", ["plugin-api.md", "python-api.md", "toolkit.md"])
def test_api_reference_is_rendered(page: str) -> None:
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert "```python\ndef " in text
    assert not re.search(r"^:::", text, re.MULTILINE)


def test_api_reference_describes_every_public_name_once() -> None:
    headings = [
        heading
        for page in ("plugin-api.md", "python-api.md")
        for heading in re.findall(r"^### `(\w+)`$", (DOCS / "reference" / page).read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(headings) == sorted(set(i2i.__all__) - {"__version__", "API_VERSION"})


def test_api_reference_has_fields_arguments_and_errors() -> None:
    text = (DOCS / "reference" / "plugin-api.md").read_text("utf-8")
    step = text.partition("#### `Trainer.step`")[2].partition("####")[0]
    assert "def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]" in step
    assert "**Arguments**\n\n- `batch`: " in step
    assert "**Returns**" in step
    assert "- `size: int = 256`: Height and width" in text
    assert "**Raises**\n\n- [`I2IError`](#i2ierror): " in text


@pytest.mark.parametrize("module", ["i2i.toolkit.images.grids", "i2i.toolkit.latents.optimizer", "i2i.toolkit.weights"])
def test_toolkit_reference_describes_the_functions_of_a_module(module: str) -> None:
    text = (DOCS / "reference" / "toolkit.md").read_text("utf-8")
    section = text.partition(f"\n## `{module}`\n")[2].partition("\n## ")[0]
    loaded = import_module(module)
    names = [name for name, value in vars(loaded).items() if getattr(value, "__module__", None) == module]
    for name in names or ["read_weights"]:
        if not name.startswith("_") and callable(getattr(loaded, name)):
            assert f"\n### `{name}`\n" in section


def test_every_command_of_the_help_is_in_the_reference(root: click.Group) -> None:
    helped = re.findall(r"^  ([a-z]+) ", root.get_help(click.Context(root)).partition("Commands:")[2], re.MULTILINE)
    assert {"train", "predict", "datasets", "graph"} <= set(helped)
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for name in helped:
        command = root.commands[name]
        paths = [f"{name} {child}" for child in command.commands] if isinstance(command, click.Group) else [name]
        for path in paths:
            assert f"\n## i2i {path}\n" in page


def test_every_option_of_what_we_bring_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "options.md").read_text(encoding="utf-8")
    registry = load(DOCS / "generate.py").first_party()
    for kind in ("trainer", "dataset", "metric", "extractor", "editor"):
        assert registry.all(kind)
        for name, thing in registry.all(kind).items():
            section = page.partition(f"\n## {kind.capitalize()}s\n")[2].partition(f"\n### {name}\n")[2]
            assert section.lstrip().startswith(thing.summary.rstrip("."))
    for field in registry.get("trainer", "pix2pix").Options.model_fields:
        assert f"| `--{field.replace('_', '-')}` |" in page


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_every_hook_is_documented_with_its_arguments(name: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    assert f"`{name}({arguments})`" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_internal_links_resolve(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target} names no heading"


def links(text: str) -> list[str]:
    """The targets in a page that lie in the repository."""
    prose = BLOCK.sub("", text)
    targets = re.findall(r"\]\(([^)\s]+)[^)]*\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def test_code_of_the_plugin_guide_runs_and_passes_the_checks(tmp_path: Path) -> None:
    """Each block runs after the complete plugin; what its classes declare is what i2i reads at registration."""
    blocks = [
        block for language, block in BLOCK.findall((DOCS / "plugins.md").read_text("utf-8")) if language == "python"
    ]
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks:
        exec(compile(block, "docs/plugins.md", "exec", dont_inherit=True), names)
    assert names["Options"]().model_dump()["betas"] == (0.5, 0.999)
    for kind, name in (
        ("editor", "Warm"), ("dataset", "Streets"), ("editor", "Older"), ("inverter", "Mean"), ("generator", "DCGAN"),
    ):  # fmt: skip
        cls = names[name]
        assert not inspect.isabstract(cls), name
        module = ModuleType(f"guide_{name.lower()}")
        setattr(module, f"register_{kind}s", i2i.hookimpl(_registering(cls, f"register_{kind}s")))
        plugin = Plugin(name.lower(), f"i2i-{name.lower()}", "0.1.0", module)
        assert Registry([plugin]).names(kind) == [cls.name]
        assert plugin.error is None


def _registering(cls: type, hook: str) -> Any:
    def implementation(register: Any) -> None:
        register(cls)

    implementation.__name__ = hook
    return implementation


PRIVATE_WORDS = re.compile(
    r"\b(drawn pictures?|sets? of (pictures|images|pairs)|contact sheet|whoever|learnt to|goes? on with"
    r"|foreign (weights?|weight files?|networks?|checkpoints?))\b",
    re.IGNORECASE,
)
"""Words outside the glossary, which have a standard name: dataset, image grid, resume, external."""


@pytest.mark.parametrize("page", GLOSSARY_PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_guides_help_and_api_reference_use_the_glossary(page: Path) -> None:
    """The reference is generated from help texts and public docstrings, so it stands for these."""
    assert not [match[0] for match in PRIVATE_WORDS.finditer(page.read_text(encoding="utf-8"))]


def test_private_words_are_found() -> None:
    assert PRIVATE_WORDS.search("Train a network on a set of pictures.")
    assert PRIVATE_WORDS.search("Foreign networks it can read")


def test_where_page_names_existing_files() -> None:
    paths = re.findall(r"`((?:i2i|plugins|datasets)/[\w/.-]*)`", (DOCS / "where.md").read_text(encoding="utf-8"))
    assert len(paths) > 20
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_links_are_found_and_lost() -> None:
    assert links('[a](x.md#y) <img src="p.png"> [b](https://x.org)\n```\n[c](z.md)\n```\n') == ["x.md#y", "p.png"]
    assert "guides" in anchors(DOCS / "index.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_can_be_typed(page: Path, root: click.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = {"plugin": "warm", "options": {}, "seed": 0, "photos": [], "versions": {}}
    (tmp_path / "edits" / "mix-001").mkdir(parents=True)
    (tmp_path / "edits" / "mix-001" / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    for name in ("warm.py", "mine.py"):
        copyfile(ROOT / "tests" / "example_plugin" / "i2i_warm.py", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for line in commands(page.read_text(encoding="utf-8")):
        assert (fault := parse(root, line)) is None, f"{page.name}: {line}: {fault}"


@pytest.mark.parametrize(
    ("kind", "name"), {**dict.fromkeys(NEW_KINDS, "warm"), "trainer": "pix2pix", "dataset": "facades"}.items()
)
def test_commands_of_a_new_plugin_can_be_typed(kind: str, name: str, root: click.Group, tmp_path: Path) -> None:
    """The README of ``plugins new`` under the name of a thing that is registered, so that the parser knows it."""
    text = (write_plugin(name, kind, tmp_path / "new") / "README.md").read_text(encoding="utf-8")
    block = "".join(line.removeprefix("    ") + "\n" for line in text.splitlines() if line.startswith("    "))
    lines = list(commands(f"```bash\n{block}```\n"))
    assert len(lines) >= 2
    for line in lines:
        assert (fault := parse(root, line)) is None, f"{line}: {fault}"


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each call of i2i in the bash blocks of a page."""
    for language, block in BLOCK.findall(text):
        if language not in ("bash", "sh", "console"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z0-9_]+=.*", words[0]):
                words.pop(0)
            if words and words[0] == "i2i":
                yield words[1:]
            elif "-m" in words and words[words.index("-m") + 1 :][:1] == ["i2i"]:
                yield words[words.index("-m") + 2 :]


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> str | None:
    """What click says against the words, without running anything; None if they are fine."""
    try:
        if not isinstance(command, click.Group) or not words or words[0].startswith("-"):
            command.make_context("i2i", list(words), parent=parent)
            return None
    except click.exceptions.Exit:  # --help, --version
        return None
    except Exception as error:
        return str(error) or type(error).__name__
    if words[0] not in command.commands:
        return f"there is no command {words[0]!r}"
    return parse(
        command.commands[words[0]], words[1:], click.Context(command, parent=parent, **command.context_settings)
    )


def test_commands_are_found_in_blocks() -> None:
    text = "```bash\n$ i2i train x \\\n  --size 3  # why\nA=1 torchrun -m i2i ui\nls\n```\n```text\ni2i no\n```\n"
    assert list(commands(text)) == [["train", "x", "--size", "3"], ["ui"]]


@pytest.mark.parametrize(
    "words",
    [
        ["trian", "pix2pix"],
        ["train", "pix2pix", "--datset", "facades"],
        ["train", "pix2pix", "--dataset", "facades", "--size", "large"],
        ["train", "pix3pix", "--dataset", "facades"],
        ["predict", "runs/first"],
        ["datasets", "preview", "facades"],
        ["edit", "--plugin", "warm", "--warmth", "1"],
    ],
)
def test_a_wrong_command_would_be_found(root: click.Group, words: list[str]) -> None:
    assert parse(root, words)
