"""Training on unpaired images, several averaged networks, named exports and panels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import i2i
from i2i.api.dataset import Dataset
from i2i.cli import Root
from i2i.cli.export import command
from i2i.data.batches import Batches
from i2i.data.training_data import TrainingData, open_data
from i2i.inference.evaluation import evaluate
from i2i.inference.prediction import predict
from i2i.runtime.device import TorchDevice
from tests.training.test_fields import made_registry


class Cycle(i2i.Trainer):
    """Two 1x1 convolutions, each towards the mean colour of the other side."""

    name = "cycle"
    summary = "Two networks."
    wants = "unpaired"
    averaged = ("forth", "back")
    best_metric = None
    defaults: ClassVar = {"size": 16, "batch": 2, "ema": 0.9, "device": "cpu", "precision": "fp32", "workers": 0}

    def __init__(self, options: i2i.Options, device: i2i.Device) -> None:
        self.networks = {name: nn.Conv2d(3, 3, 1).to(device) for name in ("forth", "back")}
        self.optimizers = {
            name: device.adam(network.parameters(), 1e-2, (0.5, 0.9)) for name, network in self.networks.items()
        }

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        losses = {}
        for name, source, aim in (("forth", "input", "target"), ("back", "target", "input")):
            loss = (self.networks[name](batch[source]).mean((0, 2, 3)) - batch[aim].mean((0, 2, 3))).square().mean()
            loss.backward()
            self.optimizers[name].step()
            self.optimizers[name].zero_grad()
            losses[name] = loss.detach()
        return losses

    def sample(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            forth = self.networks["forth"](batch["input"])
            return {"forth": forth, "cycle": self.networks["back"](forth)}

    def validate(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        made = self.sample(batch)
        return {"cycle": float((made["cycle"] - batch["input"]).abs().mean())}


@pytest.fixture
def registry() -> i2i.Registry:
    return made_registry(trainers=(Cycle,))


@pytest.fixture(params=["{split}{side}", "{split}/{side}"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """7 images of side A, whose red is their number; 4 of side B, whose blue is; 2 and 3 to validate."""
    for split, counts in (("train", (7, 4)), ("val", (2, 3))):
        for side, count in zip("AB", counts, strict=True):
            folder = tmp_path / "set" / request.param.format(split=split, side=side)
            folder.mkdir(parents=True)
            for number in range(count):
                colour = (10 * number, 0, 0) if side == "A" else (0, 0, 10 * number)
                Image.new("RGB", (20, 20), colour).save(folder / f"{side}{number}.png")
    return tmp_path / "set"


class Own(Dataset):
    name = "own"
    summary = "-"


def opened(root: Path, direction: str = "AtoB") -> TrainingData:
    return open_data(Cycle, Own(), root, "train", "real", 0, direction)  # type: ignore[arg-type]


def numbers(data: TrainingData, step: int, rank: int = 0, world: int = 1) -> tuple[list[int], list[int]]:
    """The numbers of the images of a step, of input and target."""
    device = TorchDevice("cpu", rank=rank, world=world)
    made = Batches(data.groups, batch=2, size=16, load_size=16, flip=False, seed=3, device=device).read(step)
    return tuple([int(image[0, 0].max()) // 10 for image in made[key]] for key in ("input", "target"))  # type: ignore[return-value]


def test_sides_are_drawn_independently_each_in_its_own_order(root: Path) -> None:
    data = opened(root)
    assert data.counts == [7, 4] and len(data) == 7
    steps = [numbers(data, step) for step in range(1, 15)]
    inputs, targets = ([number for step in steps for number in step[side]] for side in (0, 1))
    for drawn, count in ((inputs, 7), (targets, 4)):
        epochs = [drawn[start : start + count] for start in range(0, len(drawn), count)]
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs), "each image once in an epoch of its side"
        assert len({tuple(epoch) for epoch in epochs}) > 1, "in another order each time"
    assert inputs[:4] != targets[:4]
    assert numbers(data, 9) == steps[8], "a step depends on nothing that was read before"


def test_processes_share_a_batch_of_unpaired_images(root: Path) -> None:
    data = opened(root)
    alone, first, second = numbers(data, 5), numbers(data, 5, 0, 2), numbers(data, 5, 1, 2)
    assert alone == tuple(one + other for one, other in zip(first, second, strict=True))


def test_direction_swaps_the_sides(root: Path) -> None:
    assert opened(root, "BtoA").counts == [4, 7]


def test_two_networks_are_averaged_saved_and_exported(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "folder", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("cycle", out=tmp_path / "run", steps=20, **given)
    assert run.options["data"]["sides"] == [7, 4]
    assert run.summary()["best"] is None and run.summary()["validation"]["cycle"] > 0
    tensors = load_file(run.checkpoint(20))
    trainer, _ = run.load_trainer(registry, TorchDevice("cpu"))
    for name in ("forth", "back"):
        assert not torch.equal(tensors[f"average.{name}.weight"], tensors[f"{name}.weight"])
        assert torch.equal(trainer.networks[name].weight, tensors[f"average.{name}.weight"])

    root_command = Root(name="i2i", context_settings={"obj": registry})
    root_command.add_command(command)
    for options, name in (((), "forth"), (("--network", "back"), "back")):
        out = tmp_path / f"{name}.safetensors"
        args = ["export", str(run.folder), "--format", "safetensors", "--out", str(out), *options]
        assert CliRunner().invoke(root_command, args).exit_code == 0
        assert torch.equal(load_file(out)["weight"], tensors[f"average.{name}.weight"])
        with safe_open(out, "pt") as opened_file:
            assert f'"network": "{name}"' in opened_file.metadata()["i2i"]
    wrong = CliRunner().invoke(root_command, [*args[:-1], "bakc"])
    assert wrong.exit_code == 2 and "Did you mean 'back'" in wrong.output and "forth, back" in wrong.output


def test_a_resumed_run_continues_exactly(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "folder", "data_root": str(root), "registry": registry, "quiet": True}
    whole = i2i.train("cycle", out=tmp_path / "whole", steps=14, **given)
    first = i2i.train("cycle", out=tmp_path / "parts", steps=11, decay=0, **given)
    resumed = i2i.train("cycle", resume=first.folder, steps=14, registry=registry, quiet=True)
    one, other = load_file(whole.checkpoint(14)), load_file(resumed.checkpoint(14))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_side_that_changed_is_refused(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "folder", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("cycle", out=tmp_path / "run", steps=1, **given)
    next(path for path in root.rglob("B1.png") if "train" in str(path)).unlink()
    with pytest.raises(i2i.I2IError, match=r"has 7 and 3 usable images now, but .* was trained on 7 and 4"):
        i2i.train("cycle", resume=run.folder, steps=2, registry=registry, quiet=True)


def test_predict_takes_the_first_panel(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "folder", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("cycle", out=tmp_path / "run", steps=1, ema=0, **given)
    (written,) = predict(run.folder, [next(root.rglob("A3.png"))], tmp_path / "out", device="cpu", registry=registry)
    trainer, _ = run.load_trainer(registry, TorchDevice("cpu"))
    wanted = trainer.sample({"input": torch.tensor([30, 0, 0]).view(1, 3, 1, 1) / 127.5 - 1})["forth"].flatten()
    made = np.array(Image.open(written))[5, 5] / 127.5 - 1
    assert np.allclose(made, wanted.clamp(-1, 1).numpy(), atol=0.01)


def test_pairs_serve_as_unpaired_images_and_are_evaluated(registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "facades", "registry": registry, "quiet": True, "source": "synthetic"}
    run = i2i.train("cycle", out=tmp_path / "run", steps=1, overfit=2, **given)
    assert run.options["run"]["source"] == "drawn" and run.options["data"]["sides"] == [400, 400]


def test_one_missing_side_is_named(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    import shutil

    shutil.rmtree(next(path for path in root.rglob("*B") if path.is_dir() and "train" in str(path)))
    with pytest.raises(i2i.I2IError, match=r"is there but .*B is not: put the images of the other side there"):
        i2i.train("cycle", dataset="folder", data_root=str(root), out=tmp_path / "run", registry=registry, quiet=True)


def test_unpaired_images_cannot_be_evaluated(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "folder", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("cycle", out=tmp_path / "run", steps=1, **given)
    with pytest.raises(i2i.I2IError, match=r"There are no pairs in|lacks the other half"):
        evaluate(run.folder, registry=registry, device="cpu", metrics=["l1"])
