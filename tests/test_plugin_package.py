"""Plugin packages as strangers make them: installed by pip, found by i2i, used, and faulty ones survived."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.scaffold import NEW_KINDS, write_plugin

EXAMPLE = Path(__file__).parent / "example_plugin"


@dataclass
class Site:
    """A folder of installed packages that processes started here see besides the usual ones."""

    folder: Path

    def install(self, *packages: Path) -> None:
        copies = [self.folder.parent / f"build-{package.name}" for package in packages]
        for package, copy in zip(packages, copies, strict=True):  # building leaves files in the source folder
            shutil.copytree(package, copy)
        arguments = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
        self.python("-m", "pip", "install", *arguments, "--upgrade", "--target", str(self.folder), *map(str, copies))

    def python(self, *args: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
        result = subprocess.run([sys.executable, *args], capture_output=True, text=True, env=environment, check=False)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def i2i(self, *args: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "i2i", *args, check=check, **environment)

    def plugins(self, **environment: str) -> dict[str, dict[str, Any]]:
        listed = json.loads(self.i2i("plugins", "list", "--json", **environment).stdout)
        return {plugin["name"]: plugin for plugin in listed["plugins"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site") / "packages"
    folder.mkdir()
    made = Site(folder)
    made.install(EXAMPLE)
    return made


@pytest.fixture
def fresh_site(tmp_path: Path) -> Site:
    folder = tmp_path / "packages"
    folder.mkdir()
    return Site(folder)


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a package of one module with an entry point of the same name, and give its folder."""

    def write(name: str, code: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        project = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
        project = project.replace("i2i-warm", f"i2i-{name}").replace("i2i_warm", f"i2i_{name}")
        (folder / "pyproject.toml").write_text(project.replace("\nwarm =", f"\n{name} ="), encoding="utf-8")
        (folder / f"i2i_{name}.py").write_text(code, encoding="utf-8")
        return folder

    return write


def test_an_installed_plugin_is_listed_shown_and_sound(site: Site) -> None:
    warm = site.plugins(I2I_PLUGINS="warm,facades")["warm"]
    assert (warm["distribution"], warm["version"], warm["error"]) == ("i2i-warm", "0.3.0", None)
    assert sorted(warm["things"]) == ["dataset:stripes", "editor:warm", "metric:bias", "trainer:tint"]
    shown = site.i2i("plugins", "show", "warm").stdout
    assert "--strength  0 keeps the photo (float, default 0.5, >= 0 and <= 1)" in shown
    checked = site.i2i("plugins", "check", "warm")
    assert checked.stdout.startswith("warm: sound")


def test_an_installed_editor_edits_a_photo(site: Site, tmp_path: Path) -> None:
    photo = np.full((20, 30, 3), (100, 128, 200), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    arguments = [
        "--image",
        str(tmp_path / "photo.png"),
        "--strength",
        "1",
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    printed = site.i2i("edit", "--plugin", "warm", *arguments, "--json").stdout
    assert json.loads(printed)["scalars"] == {"shift": pytest.approx(0.2)}
    edited = np.asarray(Image.open(tmp_path / "out" / "result.png"))
    # 0.2 of [-1, 1] is 25.5 of 256 levels: red goes up by it, blue down, green stays; half a level is rounded.
    assert edited.shape == photo.shape
    assert np.abs(edited.astype(float) - (photo + np.array([25.5, 0, -25.5]))).max() <= 0.5
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["plugin"], recipe["distribution"], recipe["version"]) == ("warm", "i2i-warm", "0.3.0")
    helped = site.i2i("edit", "--plugin", "warm", "--help").stdout
    assert "--strength" in helped and "0<=x<=1" in helped


BROKEN = {
    "absent": ("import no_such_module_anywhere\n", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    "leaving": ("raise SystemExit('bye')\n", "SystemExit: bye"),
    "misspelt": (
        "import i2i\n\n@i2i.hookimpl\ndef register_editers(register): ...\n",
        "unknown hook 'register_editers'",
    ),
    "copycat": (
        "import i2i\n\nclass Warm(i2i.Editor):\n    name = 'warm'\n    summary = 'Mine.'\n\n"
        "@i2i.hookimpl\ndef register_editors(register):\n    register(Warm)\n",
        "editor 'warm' is already provided by i2i-warm",
    ),
}


def test_broken_plugins_are_told_and_the_rest_works(fresh_site: Site, package: Callable[[str, str], Path]) -> None:
    # By name i2i-zz... comes after i2i-warm, so that it is the copycat who loses.
    fresh_site.install(EXAMPLE, *(package("zz" + name, code) for name, (code, _) in BROKEN.items()))
    chosen = ",".join(["warm", "facades", *("zz" + name for name in BROKEN)])
    listed = fresh_site.i2i("plugins", "list", "--json", I2I_PLUGINS=chosen)
    plugins = {plugin["name"]: plugin for plugin in json.loads(listed.stdout)["plugins"]}
    told = listed.stderr.splitlines()
    for name, (_, expected) in BROKEN.items():
        assert expected in plugins["zz" + name]["error"]
        lines = [line for line in told if f"i2i-zz{name}" in line]
        assert len(lines) == 1 and expected in lines[0]
    assert len(told) == len(BROKEN) and "Traceback" not in listed.stderr
    assert plugins["warm"]["error"] is None and "editor:warm" in plugins["warm"]["things"]
    assert "dataset:facades" in plugins["facades"]["things"]
    checked = fresh_site.i2i("plugins", "check", check=False, I2I_PLUGINS=chosen)
    assert checked.returncode == 1
    assert fresh_site.i2i("plugins", "check", "warm", I2I_PLUGINS=chosen).returncode == 0


@pytest.fixture(scope="module")
def new_plugins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, list[Path]]:
    """A new plugin of each kind, all installed at once: each call of pip takes seconds."""
    folder = tmp_path_factory.mktemp("new")
    (folder / "packages").mkdir()
    site = Site(folder / "packages")
    written = [write_plugin(f"my-{kind}", kind, folder / kind) for kind in NEW_KINDS]
    site.install(*written)
    return site, written


def test_new_plugins_pass_their_tests(new_plugins: tuple[Site, list[Path]]) -> None:
    site, folders = new_plugins
    result = site.python("-m", "pytest", "-v", "-p", "no:cacheprovider", *map(str, folders))
    assert all(f"test_behaviour[{label}] PASSED" in result.stdout for label in new_labels()), result.stdout
    assert "SKIPPED" not in result.stdout


def test_new_plugins_are_found_and_sound(new_plugins: tuple[Site, list[Path]]) -> None:
    site, _ = new_plugins
    chosen = ",".join(["drag", *(f"my-{kind}" for kind in NEW_KINDS)])
    plugins = site.plugins(I2I_PLUGINS=chosen)
    assert [plugins[f"my-{kind}"]["things"] for kind in NEW_KINDS] == [[label] for label in new_labels()]
    checked = site.i2i("plugins", "check", I2I_PLUGINS=chosen)  # fails where one has a fault
    assert all(f"my-{kind}: sound" in checked.stdout for kind in NEW_KINDS)


def new_labels() -> list[str]:
    return ["preset:drag/my-preset" if kind == "preset" else f"{kind}:my-{kind}" for kind in NEW_KINDS]


def test_a_new_plugin_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(i2i.UsageError, match="not empty"):
        write_plugin("mine", "editor", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    for name in ("Mine", "my mine", "../up", "-x", "1a"):
        with pytest.raises(i2i.UsageError, match="cannot name a plugin"):
            write_plugin(name, "editor", tmp_path / "new")
    assert not (tmp_path / "new").exists()
