"""The package ``i2i-broken`` as if it were installed, and the command line over it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from i2i.cli import build
from i2i.discovery import find_plugins
from i2i.registry import Registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(__file__).parent
GOOD = (
    "facades",
    "folder",
    "demo",
    "metrics",
    "stylegan",
    "sample",
    "graph",
    "pix2pix",
    "face_tools",
    "drag",
    "invert",
)
"""Sound plugins that must keep working."""
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of metadata for ``i2i-broken``, as an installation leaves it, for ``sys.path``."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = tmp_path_factory.mktemp("site")
    for name, version, needs, points in (
        ("i2i-broken", project["version"], project["dependencies"], project["entry-points"]["i2i"]),
        ("i2i-broken-newer", "2.0", ["i2i>=99"], {"broken-newer": "i2i_broken.callbacks"}),
    ):
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        about = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
        (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(about) + "\n", encoding="utf-8")
        lines = [f"{key} = {target}" for key, target in points.items()]
        (folder / "entry_points.txt").write_text("[i2i]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the package importable and its entry points found."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "i2i_broken"]:
        if name.rpartition(".")[2] in ("printing", "slow"):
            del sys.modules[name]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    """An empty current folder with ``photo.png``, 16 x 16 pixels."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16), (200, 100, 50)).save("photo.png")
    return tmp_path


@pytest.fixture
def run(installed: None, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("edit --plugin x", plugin)``: a command line over the sound plugins and these of the broken ones."""

    def call(line: str, *plugins: str, debug: bool = False) -> Result:
        names = [f"broken-{name}" for name in plugins]
        monkeypatch.setenv("I2I_DEBUG", "1" if debug else "0")
        command = build(Registry(find_plugins([*GOOD, *names])))
        capsys.readouterr()
        return CliRunner().invoke(command, line.split())

    return call


def environment(site: Path, **more: str) -> dict[str, str]:
    """The environment of a process in which the package is installed."""
    paths = [str(site), str(PACKAGE), str(PACKAGE.parents[1])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", **more}
