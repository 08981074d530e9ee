"""The drawn rule and the sizes of the house, read from the source."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE, PLUGINS, DATASETS = ROOT / "i2i", ROOT / "plugins", ROOT / "datasets"
IMPORT_NAMES = {"i2i": "i2i", "plugins": "i2i_plugins", "datasets": "i2i_datasets"}
PACKAGE = sorted(path for top in (CORE, PLUGINS, DATASETS) for path in top.rglob("*.py"))
EVERYTHING = [
    *PACKAGE,
    *(path for top in ("tests", "benchmarks", "docs") for path in sorted((ROOT / top).rglob("*.py"))),
]
DOORS = sorted([*PLUGINS.glob("*/__init__.py"), *DATASETS.glob("*/__init__.py")])
COMMANDS = sorted(
    [*(CORE / "cli").glob("*.py"), *(CORE / "contracts").glob("*.py"), CORE / "__init__.py", CORE / "registry.py"]
)
OURS = {"i2i", "i2i_plugins", "i2i_datasets"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    """The import name of a file: plugins/graph/layers.py -> i2i_plugins.graph.layers."""
    top, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([IMPORT_NAMES[top], *rest])


def imports(tree: ast.AST, within: str) -> Iterator[str]:
    """Every module imported in a tree, by its full name, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = within.split(".")[: -node.level] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def at_import(tree: ast.Module) -> ast.Module:
    """What runs when a module is imported: neither function bodies nor what is for type checkers only."""
    kept: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            kept.append(node)
    return ast.Module(kept, [])


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strays(text: str, home: str) -> list[str]:
    """Imports that break the drawn rule in a file of this name."""
    top, *rest = home.split(".")
    found = []
    for target in imports(ast.parse(text), home):
        other, *inner = target.split(".")
        if top == "i2i":
            wrong = other in ("i2i_plugins", "i2i_datasets")
        else:
            elsewhere = other in ("i2i_plugins", "i2i_datasets") and (other != top or inner[:1] != rest[:1])
            wrong = elsewhere or (other == "i2i" and any(part.startswith("_") for part in inner))
        found += [target] if wrong else []
    return found


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_core_imports_no_plugin_and_no_plugin_another(path: Path) -> None:
    package = module(path) if path.name != "__init__.py" else f"{module(path.parent)}.__init__"
    assert not strays(path.read_text(encoding="utf-8"), package)


@pytest.mark.parametrize(
    ("home", "text"),
    [
        ("i2i.training.loop", "def f():\n    import i2i_plugins.pix2pix"),
        ("i2i.cli.train", "from i2i_datasets.facades import draw"),
        ("i2i_plugins.graph.command", "from i2i_plugins.pix2pix.networks import UNet"),
        ("i2i_plugins.graph.command", "from ..pix2pix import networks"),
        ("i2i_datasets.facades.draw", "from i2i_plugins.pix2pix import networks"),
        ("i2i_plugins.graph.command", "from i2i.api.options import _short"),
    ],
)
def test_a_stray_import_would_be_found(home: str, text: str) -> None:
    assert strays(text, home)


@pytest.mark.parametrize(
    ("home", "text"),
    [
        ("i2i_plugins.graph.command", "import i2i\nfrom .layers import layers_of\nfrom i2i.api.options import build"),
        ("i2i.cli.train", "from ..errors import UsageError"),
    ],
)
def test_a_lawful_import_is_let_through(home: str, text: str) -> None:
    assert not strays(text, home)


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_files_and_functions_are_read_at_one_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            told = len((ast.get_docstring(node) or "").splitlines())  # what it promises is not what one has to follow
            assert (node.end_lineno or 0) - node.lineno - told < 50, f"{node.name} is longer than 50 lines"


@pytest.mark.parametrize("path", DOORS, ids=name)
def test_doors_import_nothing_but_i2i_and_the_standard_library(path: Path) -> None:
    for target in imports(at_import(parse(path)), f"{module(path.parent)}.__init__"):
        top = target.split(".")[0]
        assert top == "i2i" or top in sys.stdlib_module_names, f"{target} is imported whenever i2i starts"


@pytest.mark.parametrize("path", COMMANDS, ids=name)
def test_what_every_start_loads_is_light(path: Path) -> None:
    allowed = OURS | {"click", "pluggy", "__future__"}
    for target in imports(at_import(parse(path)), module(path)):
        top = target.split(".")[0]
        assert top in allowed or top in sys.stdlib_module_names, f"{target} is imported whenever i2i starts"


def test_hooks_register_without_torch() -> None:
    code = (
        "import sys, i2i; from i2i.registry import KINDS; r = i2i.load_registry(); [r.all(kind) for kind in KINDS];"
        "assert r.all('trainer') and r.all('dataset') and r.all('metric');"
        "print([name for name in ('torch', 'torchvision', 'albumentations', 'cv2') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_every_folder_is_packaged_and_every_plugin_has_its_entry_point() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    packages = set(config["options"]["packages"].split())
    folders = {module(path.parent / "x").rpartition(".")[0] for path in PACKAGE}
    assert folders <= packages
    entries = dict(line.split(" = ") for line in config["options.entry_points"]["i2i"].strip().splitlines())
    assert set(entries.values()) == {module(door.parent) for door in DOORS}
    assert not (PLUGINS / "__init__.py").exists() and not (DATASETS / "__init__.py").exists()
