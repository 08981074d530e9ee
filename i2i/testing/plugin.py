"""The pytest plugin of i2i: fixtures for tests of plugins. It imports neither torch nor NumPy.

``i2i_home`` gives a test a user's folder of its own; the other fixtures use it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..api.scene import Scene
    from ..registry import Registry
    from .command_line import CommandOutcome
    from .stand_ins import TinyGenerator


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker ``i2i_plugins``."""
    config.addinivalue_line(
        "markers",
        "i2i_plugins([plugin, ...]): what the fixture 'registry' holds: names of installed plugins, paths of files, "
        "classes and records; without it all installed plugins",
    )


@pytest.fixture
def i2i_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point ``I2I_HOME`` at an empty folder, so that the test neither reads nor writes the user's own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("I2I_HOME", str(folder))
    return folder


@pytest.fixture
def registry(request: pytest.FixtureRequest, i2i_home: Path) -> Registry:
    """The installed plugins, or those that ``@pytest.mark.i2i_plugins(["warm", "./warm.py", Warm])`` names."""
    from ..registry import load_registry
    from .registries import registry_of

    marker = request.node.get_closest_marker("i2i_plugins")
    if marker is None:
        return load_registry()
    given = [each for argument in marker.args for each in (argument if isinstance(argument, list) else [argument])]
    names = [str(each) for each in given if isinstance(each, (str, Path))]
    things = [each for each in given if not isinstance(each, (str, Path))]
    return registry_of(*things, plugins=names)


@pytest.fixture
def tiny_generator() -> TinyGenerator:
    """A StyleGAN of 32 px with fixed random weights, on the CPU, without files."""
    from ..runtime.device import choose_device
    from .stand_ins import TinyGenerator

    return TinyGenerator(None, choose_device("cpu", "fp32"))


@pytest.fixture
def scene(registry: Registry) -> Callable[..., Scene]:
    """``scene(editor, images=(), *, generator=None, extractors=None)`` builds the scene that an editor is given.

    See ``i2i.testing.build_scene``; editors, presets and inverters are those of the fixture ``registry``.
    """
    from .scenes import build_scene

    def build(editor: Any, images: Any = (), **options: Any) -> Scene:
        return build_scene(editor, images, **{"registry": registry, **options})

    return build


@pytest.fixture(scope="session")
def _trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from importlib.util import find_spec

    from ..training.session import train
    from .registries import registry_of

    spec = find_spec("i2i.testing.stand_ins")
    assert spec is not None and spec.origin is not None
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(
        f"{spec.origin}:tiny",
        out=folder,
        registry=registry_of(),
        quiet=True,
        dataset="tiny-pairs",
        source="synthetic",
        steps=4,
        size=16,
        device="cpu",
        precision="fp32",
        workers=0,
    )
    return folder


@pytest.fixture
def tiny_run(_trained_run: Path, tmp_path: Path, i2i_home: Path) -> Path:
    """The directory of a run of 4 steps at 16 px, with two checkpoints or more; the test may change it."""
    return Path(shutil.copytree(_trained_run, tmp_path / "tiny_run"))


@pytest.fixture
def cli(registry: Registry) -> Callable[..., CommandOutcome]:
    """``cli("plugins", "list")`` runs ``i2i plugins list`` in this process, with the plugins of ``registry``."""
    from .command_line import run_command

    def run(*arguments: Any) -> CommandOutcome:
        return run_command(*arguments, registry=registry)

    return run
