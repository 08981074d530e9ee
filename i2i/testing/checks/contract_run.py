"""One thing under test, with what its author gives for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...api.contracts import contract_class
from ...api.errors import I2IError, PluginError, UsageError
from ...api.generator import Generator, Weights
from ...api.options import Options
from ...guards import OPTIONS_LAST, build_plugin
from ...registry import Registry
from ...runtime.device import choose_device
from ...toolkit.images import to_tensor
from ...toolkit.latents.sampling import latents
from ..scenes import STAND_INS
from ..stand_ins import TinyGenerator, draw_photo

if TYPE_CHECKING:
    from ...api.device import Device


SIZE = 64
"""Height and width of photos, pixels."""
TRAINING_SIZE = 32
"""Height and width of the images of trainings where the trainer does not need larger ones, pixels."""


class RequirementMissing(Exception):
    """The thing needs something that is not there, such as weights that are not downloaded."""


@dataclass(frozen=True)
class ContractRun:
    """One thing to test, and what its author gives for it."""

    registry: Registry
    """With the stand-ins."""
    kind: str
    name: str
    """As registered; a preset is ``EDITOR/NAME``."""
    folder: Path
    """An empty directory for the files of the test."""
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str | Path | Weights | None = None
    generator: str | None = None
    extractors: Mapping[str, str] = field(default_factory=dict)
    images: Sequence[str] = ()
    root: Path | None = None

    @property
    def thing(self) -> Any:
        """The class or record."""
        return self.registry.get(self.kind, self.name)

    @property
    def device(self) -> Device:
        """The CPU, with full precision."""
        return choose_device("cpu", "fp32")

    def build(self, *arguments: Any) -> Any:
        """Construct the class, guarded.

        Raises:
            RequirementMissing: the plugin says that something it needs is missing.
        """
        values = self.options or None if self.kind in OPTIONS_LAST else None
        with self.requirements():
            return build_plugin(self.registry, self.kind, self.name, *arguments, values=values)

    @contextmanager
    def requirements(self) -> Iterator[None]:
        """Turn an error that is neither the plugin's fault nor a wrong option into ``RequirementMissing``."""
        try:
            yield
        except (UsageError, PluginError):
            raise
        except I2IError as error:
            raise RequirementMissing(f"{self.kind} {self.name!r} needs something that is missing: {error}") from None

    def values(self) -> dict[str, Any]:
        """Return the author's options, and few steps."""
        fields = getattr(self.thing, "Options", Options).model_fields
        steps = [name for name, field in fields.items() if name.endswith("_steps") and field.default is not None]
        return dict.fromkeys(["steps"] if "steps" in fields else [], 2) | dict.fromkeys(steps, 2) | dict(self.options)

    def tiny_extractors(self, usable: Sequence[str]) -> dict[str, str]:
        """Names of extractors for the roles that are usable.

        Raises:
            RequirementMissing: no plugin provides one of the roles.
        """
        for role in usable:
            if role not in STAND_INS and not self.registry.where("extractor", role=role):
                raise RequirementMissing(f"{self.kind} {self.name!r} needs an extractor of {role}; install one")
        return {role: name for role, name in (STAND_INS | dict(self.extractors)).items() if role in usable}

    def generator_name(self) -> str:
        """Return the generator for an editor or inverter.

        Raises:
            RequirementMissing: it does not work with the tiny generator, and its author names no other.
        """
        needed = getattr(self.thing, "requires", contract_class("generator"))
        if self.generator is None and not issubclass(TinyGenerator, needed):
            raise RequirementMissing(
                f"{self.kind} {self.name!r} needs a generator of class {needed.__name__}: name one in `generators`"
            )
        return self.generator or TinyGenerator.name


def photos(count: int, size: int = SIZE) -> Tensor:
    """Return synthetic photos ``(count, 3, size, size)`` in [-1, 1]."""
    return torch.cat([to_tensor(draw_photo(np.random.default_rng(seed), size)) for seed in range(count)])


def seed_images(generator: Generator, count: int) -> Tensor:
    """Generate images ``(count, C, R, R)`` in [-1, 1] of the first seeds."""
    with torch.no_grad():
        return generator.render(latents(generator, range(count))).clamp(-1, 1)


def assert_finite(tensor: Tensor, what: str) -> None:
    """Fail if a tensor holds nan or inf."""
    assert tensor.isfinite().all(), f"{what} holds numbers that are not finite"
