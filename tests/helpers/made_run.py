"""A trainer, a set and a run small enough to say by hand what must come out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from click.testing import CliRunner, Result
from PIL import Image
from torch import nn

import i2i
from i2i.api.options import build_options
from i2i.cli import Root

SIZE = 32


class Mirror(i2i.Trainer):
    """Answers with the negative of its input, through a batch normalisation when asked for the paper's test."""

    name = "mirror"
    summary = "The negative of a picture."
    multiple = 8

    class Options(i2i.Options):
        test: Literal["plain", "paper", "broken"] = "plain"
        gain: float = 1.0

    def __init__(self, options: Options, device: i2i.Device) -> None:
        self.options = options
        generator = torch.Generator().manual_seed(3)
        norm = nn.BatchNorm2d(3)
        with torch.no_grad():
            norm.weight.copy_(torch.rand(3, generator=generator) + 0.5)
            norm.bias.copy_(torch.rand(3, generator=generator))
        flip = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            flip.weight.copy_(-options.gain * torch.eye(3).view(3, 3, 1, 1))
            flip.bias.zero_()
        layers = [flip, norm, nn.Dropout(0.5)] if options.test == "paper" else [flip]
        self.networks = {"generator": nn.Sequential(*layers).to(device).eval(), "judge": nn.Conv2d(3, 1, 1)}
        self.sizes: list[tuple[int, ...]] = []

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        raise AssertionError("must not be reached")

    def sample(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        network = self.networks["generator"]
        network.train(self.options.test == "paper")
        with torch.no_grad():
            output = network(batch["input"])
        network.eval()
        self.sizes.append(tuple(output.shape))
        return output * float("nan") if self.options.test == "broken" else output


class Ramps(i2i.Dataset):
    """A is a ramp, B its negative."""

    name = "ramps"
    summary = "Ramps and their negatives."
    drawn = {"train": 4, "val": 5}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        level = np.linspace(rng.integers(10, 60), rng.integers(150, 240), size, dtype=np.uint8)
        a = np.broadcast_to(level[None, :, None], (size, size, 3)).copy()
        return a, 255 - a


@dataclass
class MadeRun:
    folder: Path
    options: dict[str, Any]
    trainer: Mirror | None = None

    def restore(self, registry: i2i.Registry) -> i2i.Registry:
        return registry

    def load_trainer(
        self, registry: i2i.Registry, device: i2i.Device, *, settings: Mapping[str, Any], checkpoint: str | int
    ) -> tuple[Mirror, int]:
        kind = registry.get("trainer", self.options["trainer"])
        self.trainer = kind(build_options(kind.Options, {**self.options["options"], **settings}, "--set"), device)
        return self.trainer, 7


def give_trainers(register: Callable[[Any], None]) -> None:
    register(Mirror)


def give_datasets(register: Callable[[Any], None]) -> None:
    register(Ramps)


def call(command: ModuleType, registry: i2i.Registry, *args: str | Path) -> Result:
    root = Root(name="i2i", context_settings={"obj": registry})
    root.add_command(command.command)
    return CliRunner().invoke(root, [command.command.name, *map(str, args)])


def ramp(height: int, width: int) -> np.ndarray:
    level = np.linspace(20, 230, width, dtype=np.uint8)
    return np.broadcast_to(level[None, :, None], (height, width, 3)).copy()


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))
