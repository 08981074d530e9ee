"""The package: public imports only, sound plugins, and a start that does not load torch."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import i2i

from .conftest import Command

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
PUBLIC = {*i2i.__all__, "__all__", "__version__", "API_VERSION"}
PLUGINS = {
    "outside-editors": [
        *("editor:brightness", "editor:face-warp", "editor:fog"),
        *("preset:face-warp/smile", "preset:face-warp/surprise"),
    ],
    "outside-trainers": ["trainer:cyclegan", "trainer:pix2pixhd"],
    "outside-data": ["dataset:fruits", "dataset:streets", "metric:frechet-features", "metric:mean-iou"],
    "outside-models": [
        *(
            "generator:dcgan",
            "model:dcgan-tutorial",
            "extractor:floor-depth",
            "extractor:palette-segmentation",
            "extractor:patch-identity",
        ),
        "inverter:nearest-seed",
    ],
    "outside-csv": ["callback:csv"],
}


def private_uses(code: str) -> Iterator[str]:
    """Yield every use of i2i in Python code that is not of ``i2i`` itself or of ``i2i.toolkit``."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [alias.name for alias in node.names]
            modules = [f"i2i.{name}" for name in names if name not in PUBLIC] if node.module == "i2i" else [node.module]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "i2i":
            modules = [] if node.attr in PUBLIC else [f"i2i.{node.attr}"]
        else:
            continue
        for module in modules:
            top, _, rest = (module or "").partition(".")
            if top in ("i2i_plugins", "i2i_datasets", "tests") or (
                top == "i2i" and rest.split(".")[0] not in ("", "toolkit")
            ):
                yield module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_files_import_the_public_api_alone(path: Path) -> None:
    assert list(private_uses(path.read_text(encoding="utf-8"))) == []


def test_private_uses_are_found() -> None:
    code = "import i2i.registry\nfrom i2i import Editor, data\nfrom i2i.training.loop import Loop\ni2i.cli.main()\n"
    code += "from i2i.toolkit.images import resize\nimport i2i\nfrom i2i_plugins.drag import editor\ni2i.Editor\n"
    assert sorted(private_uses(code)) == [
        "i2i.cli",
        "i2i.data",
        "i2i.registry",
        "i2i.training.loop",
        "i2i_plugins.drag",
    ]
    assert len(FILES) > 20


def test_plugins_are_listed_and_start_without_torch(process: Command) -> None:
    code = "import sys, runpy\nsys.argv = ['i2i', 'plugins', 'list', '--json']\n"
    code += "try: runpy.run_module('i2i', run_name='__main__')\nfinally: print('torch' in sys.modules)"
    output = process("-c", code)
    listed, _, torch = output.stdout.strip().rpartition("\n")
    plugins = {plugin["name"]: plugin for plugin in json.loads(listed)["plugins"]}
    own = {name: plugin for name, plugin in plugins.items() if plugin["distribution"] == "i2i-outside"}
    assert {name: plugin["things"] for name, plugin in own.items()} == PLUGINS
    assert all(plugin["error"] is None and not plugin["warnings"] for plugin in own.values())
    assert (output.stderr, torch, output.code) == ("", "False", 0)


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_check_finds_them_sound(name: str, cli: Command) -> None:
    assert cli("plugins", "check", name).stdout.startswith(f"{name}: sound, provides ")


def test_the_installed_package_is_tested(package: Path) -> None:
    import i2i_outside

    assert Path(i2i_outside.__file__).is_relative_to(package)


def test_options_of_every_kind_are_shown(cli: Command) -> None:
    shown = "".join(cli("plugins", "show", name).stdout for name in PLUGINS)
    for option in ("--density", "--preset", "--cycle", "--scales", "--background", "--palette", "--temperature",
                   "--sharpness", "--horizon", "--candidates"):  # fmt: skip
        assert f"\n  {option}  " in shown
