"""The layers hold, start-up stays light, and everything is packaged."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = {"i2i": "i2i", "plugins": "i2i_plugins", "datasets": "i2i_datasets"}


def test_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("folder", ["plugins", "datasets", "research"])
def test_tests_of_plugins_import_the_public_api_only(folder: str) -> None:
    internal = re.compile(r"\b(?:from|import) i2i\.(?!toolkit\b|testing\b)\w+")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in (ROOT / "tests" / folder).rglob("*.py")
        for match in internal.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "import these from i2i, i2i.toolkit or i2i.testing: " + ", ".join(found)


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for folder in ("i2i", "plugins", "datasets", "research"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and node.name != "Options":  # nested in what they are options of
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_registration_imports_no_torch() -> None:
    code = (
        "import sys, i2i; from i2i.registry import KINDS; r = i2i.load_registry(); [r.entries(kind) for kind in KINDS];"
        "assert r.names('trainer') and r.names('dataset') and r.names('metric');"
        "print([name for name in ('torch', 'numpy', 'albumentations', 'cv2') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_help_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, i2i.cli\ntry: i2i.cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'pydantic', 'yaml', 'rich') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.splitlines()[-1] == "[]"


def test_every_package_and_plugin_is_declared() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    packages = set(config["options"]["packages"].split())
    folders = {path.parent for top in TOPS for path in (ROOT / top).rglob("*.py")}
    names = {
        ".".join([TOPS[folder.relative_to(ROOT).parts[0]], *folder.relative_to(ROOT).parts[1:]]) for folder in folders
    }
    assert packages == names | set(TOPS.values())
    entries = dict(line.split(" = ") for line in config["options.entry_points"]["i2i"].strip().splitlines())
    modules = {
        f"{TOPS[top]}.{path.parent.name}"
        for top in ("plugins", "datasets")
        for path in (ROOT / top).glob("*/__init__.py")
    }
    assert set(entries.values()) == modules
    assert not (ROOT / "plugins" / "__init__.py").exists() and not (ROOT / "datasets" / "__init__.py").exists()
