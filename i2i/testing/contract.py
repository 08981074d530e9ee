"""The base class of contract tests: one test for each thing that a distribution registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ..api.errors import I2IError
from ..registry import KINDS, Registry, load_registry
from ..validation import check_plugin
from .checks import CHECKS
from .checks.contract_run import ContractRun, RequirementMissing
from .registries import with_stand_ins

if TYPE_CHECKING:
    from ..api.generator import Weights


class PluginContract:
    """Runs the contract over everything that a distribution registers.

        class TestContract(i2i.testing.PluginContract):
            distribution = "i2i-warm"

    ``test_plugin_is_sound`` holds what ``i2i plugins check`` says, ``test_behaviour`` calls each thing with small data:
    trainers take steps, sample, save, resume and predict; datasets give samples and synthetic pairs; editors edit a
    tiny scene and inverters invert an image; metrics, extractors, generators and callbacks are called. What needs
    something that is missing is skipped with the reason.
    """

    distribution: ClassVar[str]
    """The installed distribution whose plugins are tested."""
    plugins: ClassVar[tuple[str, ...]] = ()
    """The plugins of it to test; empty for all."""
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Options that make a thing quick, or that it needs, by ``"KIND:NAME"``: ``{"editor:drag": {"preset": "smile"}}``.
    Those of a trainer may also be settings of the run, such as ``size`` (32 unless given).
    An option called ``steps``, or ``..._steps`` with a default, is 2 unless given here."""
    images: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By ``"editor:NAME"``, what the editor edits, as for ``--image``; by default one image for each required name."""
    left_out: ClassVar[Mapping[str, str]] = {}
    """By ``"KIND:NAME"``, why ``test_behaviour`` leaves a thing out, such as weights that tests do not download."""
    weights: ClassVar[Mapping[str, str | Path | Weights]] = {}
    """By the name of a generator, its weight file, the name of a model that is built in, or its weights."""
    generators: ClassVar[Mapping[str, str]] = {}
    """By ``"KIND:NAME"``, the generator for an editor, inverter or extractor that does not work with the tiny one:
    what ``i2i.generator`` takes."""
    extractors: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """By ``"KIND:NAME"``, extractors by role in place of the tiny ones."""
    roots: ClassVar[Mapping[str, Path]] = {}
    """By the name of a dataset with a layout of its own, a directory with some samples of the split ``train``."""

    @classmethod
    def registry(cls) -> Registry:
        """Return the registry that holds the plugins; by default all that are installed."""
        return load_registry()

    @classmethod
    def _own_plugins(cls, registry: Registry) -> list[str]:
        for kind in KINDS:
            registry.entries(kind)
        own = [name for name, plugin in registry.plugins.items() if plugin.distribution == cls.distribution]
        return [name for name in own if not cls.plugins or name in cls.plugins]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test for each plugin, and for each thing that the plugins register."""
        names = {"plugin_name", "label"}.intersection(metafunc.fixturenames)
        if not names:
            return
        registry = self.registry()
        plugins = self._own_plugins(registry)
        things = [label for name in plugins for label in registry.plugins[name].things]
        if "plugin_name" in names:
            metafunc.parametrize("plugin_name", plugins or [f"({self.distribution} is not installed)"])
        else:
            metafunc.parametrize("label", [label for label in things if label not in self.left_out])

    def test_plugin_is_sound(self, plugin_name: str, i2i_home: Path) -> None:
        """Hold what ``i2i plugins check`` says of a plugin."""
        registry = self.registry()
        assert plugin_name in registry.plugins, "install the plugin first, for example: pip install -e ."
        self._own_plugins(registry)
        assert check_plugin(registry, plugin_name) == []

    def test_behaviour(self, label: str, i2i_home: Path, tmp_path: Path) -> None:
        """Call a thing with small data and check what it does."""
        kind, _, name = label.partition(":")
        run = ContractRun(
            registry=with_stand_ins(self.registry()),
            kind=kind,
            name=name,
            folder=tmp_path,
            options=self.options.get(label, {}),
            weights=self.weights.get(name) if kind == "generator" else None,
            generator=self.generators.get(label),
            extractors=self.extractors.get(label, {}),
            images=self.images.get(label, ()),
            root=self.roots.get(name) if kind == "dataset" else None,
        )
        try:
            CHECKS[kind](run)
        except RequirementMissing as missing:
            pytest.skip(str(missing))
        except I2IError as error:
            raise AssertionError(str(error)) from error
