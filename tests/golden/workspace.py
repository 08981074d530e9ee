"""What the golden cases work on: input files, and networks that are trained once for all of them."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors.torch import save_file

import i2i

HERE = Path(__file__).parent
FACE = HERE / "inputs" / "face.png"
MOBILESTYLEGAN = HERE / "inputs" / "mobilestylegan_64.safetensors"
"""A synthetic face of the dataset ``faces``, 160 x 160 pixels."""
FINDER = HERE / "finder"
"""Folder of an installed distribution: a plugin that finds the two faces of ``Workspace.group``."""
TRAINING: dict[str, Any] = {
    "source": "drawn",
    "size": 32,
    "workers": 0,
    "seed": 0,
    "device": "cpu",
    "precision": "fp32",
    "quiet": True,
}
"""Settings of every training run of the golden cases."""
RUNS: dict[str, dict[str, Any]] = {
    "pix2pix": {
        "trainer": "pix2pix",
        "dataset": "faces",
        "steps": 20,
        "levels": 3,
        "width": 4,
        "discriminator_width": 4,
        "patch": 16,
        "checkpoint_every": 10,
        "validate_every": 20,
        "sample_every": 20,
    },
    "pix2pix-folder": {
        "trainer": "pix2pix",
        "dataset": "folder",
        "data_root": "{pairs}",
        "source": "real",
        "steps": 4,
        "batch": 4,
        "accumulate": 2,
        "generator": "resnet9",
        "width": 2,
        "discriminator_width": 2,
        "patch": 16,
        "norm": "instance",
        "gan": "lsgan",
        "decay": 0.5,
        "ema": 0.9,
    },
    "stylegan2": {
        "trainer": "stylegan2",
        "dataset": "faces",
        "steps": 17,  # so that each network is regularised twice
        "batch": 2,
        "latent": 16,
        "channel_max": 8,
    },
    "encoder": {
        "trainer": "encoder",
        "source": None,  # it makes its samples itself
        "generator": "demo-faces",
        "steps": 8,
        "batch": 4,
        "width": 4,
        "pool": 8,
        "image_part": 0.5,
        "checkpoint_every": 8,
        "validate_every": 8,
        "sample_every": 8,
    },
}
"""The training runs by name: the trainer, and settings besides ``TRAINING``, of which None leaves one out. Every
trainer needs at least one."""


@contextlib.contextmanager
def fixed_surroundings() -> Iterator[None]:
    """Compute with one thread, and load i2i's own plugins and the finder, whatever else is installed."""
    threads = torch.get_num_threads()
    own = [each.name for each in entry_points(group="i2i") if each.dist is not None and each.dist.name == "i2i"]
    torch.set_num_threads(1)
    sys.path.insert(0, str(FINDER))
    try:
        with patch.dict(os.environ, {"I2I_PLUGINS": ",".join([*own, "golden_finder"])}):
            yield
    finally:
        sys.path.remove(str(FINDER))
        torch.set_num_threads(threads)


@dataclass
class Workspace:
    """A folder for the files of the golden cases, and the inputs that they share, each made when it is first needed."""

    folder: Path
    registry: Any = field(default_factory=i2i.load_registry)
    _made: int = 0
    _runs: dict[str, Path] = field(default_factory=dict)

    def new_folder(self) -> Path:
        """A path inside ``folder`` at which nothing lies yet."""
        self._made += 1
        return self.folder / str(self._made)

    @property
    def face(self) -> Path:
        """A photo of one synthetic face, 160 x 160 pixels."""
        return FACE

    @cached_property
    def group(self) -> Path:
        """A photo of two faces, 420 x 300 pixels: one face and its mirror image on a gradient."""
        face = np.array(PillowImage.open(FACE))
        y, x = np.mgrid[:300, :420]
        photo = np.stack([60 + x // 4, 90 + y // 3, 160 - x // 6], axis=2).astype(np.uint8)
        photo[20:180, 10:170] = face
        photo[100:260, 240:400] = face[:, ::-1]
        PillowImage.fromarray(photo).save(self.folder / "group.png")
        return self.folder / "group.png"

    @cached_property
    def mask(self) -> Path:
        """A mask for images of 64 x 64 pixels: white in the lower half."""
        mask = np.zeros((64, 64), np.uint8)
        mask[32:, 8:56] = 255
        PillowImage.fromarray(mask).save(self.folder / "mask.png")
        return self.folder / "mask.png"

    @cached_property
    def labels(self) -> Path:
        """A CSV file of two made-up attributes of 60 seeds."""
        with (self.folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(["seed", "first", "second"])
            rows.writerows([seed, int(seed % 2 == 0), int(seed % 3 == 0)] for seed in range(60))
        return self.folder / "labels.csv"

    def settings(self, name: str) -> tuple[str, dict[str, Any]]:
        """The trainer of one of ``RUNS``, and all keywords that ``i2i.train`` takes for it."""
        own = dict(RUNS[name])
        if "data_root" in own:
            own["data_root"] = str(self.pairs)
        settings = {name: value for name, value in {**TRAINING, **own}.items() if value is not None}
        return settings.pop("trainer"), {**settings, "registry": self.registry}

    def run(self, name: str) -> Path:
        """The directory of one of ``RUNS``, trained when it is first asked for."""
        if name not in self._runs:
            trainer, settings = self.settings(name)
            self._runs[name] = Path(i2i.train(trainer, out=self.new_folder(), **settings).folder)
        return self._runs[name]

    @property
    def stylegan2(self) -> Path:
        """The directory of the run of this name."""
        return self.run("stylegan2")

    @cached_property
    def pairs(self) -> Path:
        """A dataset in files: 6 pairs to train on and 3 to validate, A a disc on one colour and B its negative."""
        random = np.random.RandomState(0)
        y, x = np.mgrid[:40, :40]
        for split, count in (("train", 6), ("val", 3)):
            (self.folder / "pairs" / split).mkdir(parents=True)
            for number in range(count):
                centre, radius = random.randint(10, 30, 2), random.randint(5, 15)
                inside = np.hypot(y - centre[0], x - centre[1]) < radius
                a = np.where(inside[..., None], 230, random.randint(40, 120, 3)).astype(np.uint8)
                pair = np.concatenate([a, 255 - a], axis=1)
                PillowImage.fromarray(pair).save(self.folder / "pairs" / split / f"{number}.png")
        return self.folder / "pairs"

    @cached_property
    def directions(self) -> Path:
        """The style directions of the generator of ``stylegan2``."""
        path = self.folder / "directions.safetensors"
        arguments = ["--generator", str(self.stylegan2), "--samples", "2", "--device", "cpu"]
        run_command("models", "make-directions", *arguments, "--extractor", "text=demo-text", "--out", str(path))
        return path

    @cached_property
    def direction(self) -> Path:
        """A published direction, of unit length, for latent codes of 128 dimensions and 18 layers."""
        path = self.folder / "direction.npy"
        vectors = np.random.RandomState(1).randn(18, 128)
        np.save(path, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
        return path

    def place_vgg16(self) -> None:
        """Write a VGG16 with weights from a random generator where i2i looks for the downloaded one."""
        folder = Path(os.environ["I2I_HOME"]) / "models"
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "vgg16.pth").exists():
            save_file(vgg16_weights(), folder / "vgg16.pth")


def vgg16_weights() -> dict[str, torch.Tensor]:
    """The convolutions of a VGG16 in half precision, under torchvision's names, scaled as by He et al. (2015)."""
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    random = np.random.RandomState(0)
    weights = {}
    for number, inputs, outputs in zip(numbers, channels, channels[1:], strict=False):
        kernel = random.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        weights[f"features.{number}.weight"] = torch.from_numpy(kernel).half()
        weights[f"features.{number}.bias"] = torch.from_numpy(random.randn(outputs) * 0.1).half()
    return weights


def run_command(*arguments: str) -> str:
    """Run a command of i2i in this process.

    Returns:
        What it wrote to stdout.

    Raises:
        AssertionError: it failed; holds what it wrote to stderr.
    """
    from i2i.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(arguments))
            code: Any = 0
        except SystemExit as end:
            code = end.code
    assert code in (0, None), f"i2i {' '.join(arguments)} ended with exit code {code}: {err.getvalue()}"
    return out.getvalue()
