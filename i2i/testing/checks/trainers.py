"""Contract test of trainers: train, resume and predict on synthetic data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...api.field import Field
from ...api.options import build_options
from ...api.trainer import DataInfo
from ...inference.generators import generator as open_generator
from ...inference.prediction import predict
from ...registry import Registry
from ...training.runs import Run
from ...training.session import train
from ..registries import registry_of
from ..stand_ins import TinyPairs
from .contract_run import TRAINING_SIZE, ContractRun
from .datasets import dataset_of, random_field, write_field

if TYPE_CHECKING:
    from ...api.trainer import Trainer


def check_trainer(run: ContractRun) -> None:
    """Train, resume and predict; a resumed training must equal one that was never stopped."""
    trainer: type[Trainer] = run.thing
    training = _Training(run)
    trained = training.train(3)
    whole = _weights(trained)
    stopped = Run(Path(shutil.copytree(trained.folder, run.folder / "stopped")), trained.options)
    for path in stopped.checkpoint(3).parent.glob(f"{stopped.checkpoint(3).stem}.*"):
        path.unlink()
    assert stopped.find("last") == 2, "there is no checkpoint of step 2"
    resumed = train(run.name, resume=stopped.folder, registry=training.registry, quiet=True)
    _assert_equal(_weights(resumed), whole)
    if trainer.learns_from() == "images":
        _check_trained_generator(run, trainer, trained, training.registry)
    elif trainer.learns_from() != "seeds" and _reads_images(trainer):
        _check_prediction(run, trainer, trained, training)


def _reads_images(trainer: type[Trainer]) -> bool:
    """Return whether ``i2i predict`` can read what the trainer takes from a file."""
    return not isinstance(trainer.wants, tuple) or trainer.wants[0].kind in ("image", "labels", "mask")


class _Training:
    """Trains a trainer on synthetic data that suits it."""

    def __init__(self, run: ContractRun) -> None:
        self.run, self.trainer = run, run.thing
        self.without_data = self.trainer.learns_from() == "seeds"
        self.dataset = dataset_of(self.trainer.wants) if isinstance(self.trainer.wants, tuple) else TinyPairs
        (plugin,) = registry_of(self.dataset).plugins.values()
        self.registry = run.registry.extended(plugin)
        self.size = int(run.options.get("size", TRAINING_SIZE))
        multiple = self._build().multiple
        self.size = -(-self.size // multiple) * multiple

    def _build(self) -> Trainer:
        """Construct the trainer alone, so that a missing requirement does not look like a fault of training."""
        declared = self.trainer.Options.model_fields
        shared = {"size": self.size, "batch": 2, "seed": 0}
        own = {name: value for name, value in self.run.options.items() if name in declared}
        own |= {name: value for name, value in shared.items() if name in declared}
        options = build_options(self.trainer.Options, own, f"the options of trainer {self.run.name!r}")
        info = DataInfo(size=self.size, classes=self.dataset.classes, palette=self.dataset.palette)
        if self.trainer.learns_from() == "fields":
            info = replace(info, fields=self.trainer.wants)
        built: Trainer = self.run.build(options, self.run.device, info)
        return built

    def train(self, steps: int) -> Run:
        """Train from scratch; raises what ``i2i.train`` raises."""
        settings = {"size": self.size, "device": "cpu", "precision": "fp32", "workers": 0, "batch": 2}
        settings |= {"checkpoint_every": 1, "callbacks": "none"}
        if not self.without_data:
            settings |= {"source": "synthetic", "dataset": self.dataset.name}
        return train(
            self.run.name,
            out=self.run.folder / "run",
            registry=self.registry,
            quiet=True,
            **{**settings, **self.run.options, "size": self.size, "steps": steps},
        )


def _weights(trained: Run) -> Mapping[str, Tensor]:
    """Return all tensors of the last checkpoint by name: weights as trained, and averaged."""
    return trained.read_tensors(trained.find("last"))


def _assert_equal(resumed: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> None:
    assert resumed.keys() == whole.keys()
    for name, tensor in whole.items():
        assert torch.equal(resumed[name], tensor), (
            f"{name} differs between a training that was resumed and one that was never stopped: save in state_dict() "
            "whatever a step depends on"
        )


def _check_trained_generator(run: ContractRun, trainer: type[Trainer], trained: Run, registry: Registry) -> None:
    if not hasattr(trainer, "generator"):
        return
    opened = open_generator(trained.folder, "cpu", registry=registry)
    with torch.no_grad():
        images = opened.render(opened.map(torch.zeros(1, opened.z_dim)))
    assert images.isfinite().all(), "the trained generator renders numbers that are not finite"


def _check_prediction(run: ContractRun, trainer: type[Trainer], trained: Run, training: _Training) -> None:
    first = trainer.wants[0] if isinstance(trainer.wants, tuple) else Field("input")
    source = run.folder / "inputs" / "image.png"
    source.parent.mkdir()
    write_field(source, random_field(first, np.random.default_rng(0), training.size))
    results = [
        predict(trained.folder, [source], run.folder / out, device="cpu", registry=training.registry)
        for out in ("predicted", "again")
    ]
    (one,), (other,) = results
    assert one.read_bytes() == other.read_bytes(), "two predictions of one image differ"
