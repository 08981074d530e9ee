"""Trainers without a dataset: what a batch is, what is refused, and what their runs leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

import i2i
from i2i.api.options import read_config
from i2i.cli import build
from i2i.inference.evaluation import evaluate
from i2i.inference.export import export
from i2i.inference.prediction import predict


class Doubler(i2i.Trainer):
    """Learns to double the fraction that each seed stands for."""

    name = "doubler"
    summary = "Doubles numbers of its own."
    wants = "seeds"
    defaults: ClassVar = {"size": 16, "batch": 4, "steps": 4, "device": "cpu", "precision": "fp32", "workers": 0}
    best_metric = "error"
    next_command = "i2i double {run}"
    seen: ClassVar[list[Tensor]] = []
    validated: ClassVar[list[Tensor]] = []

    def __init__(self, options: i2i.Options, device: i2i.Device) -> None:
        self.net = nn.Linear(1, 1, bias=False).to(device)
        self.networks = {"net": self.net}
        self.optimizers = {"net": device.adam(self.net.parameters(), 0.1, (0.9, 0.99))}
        self.device = device

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.seen.append(batch["seed"])
        x = (batch["seed"] % 10)[:, None] / 10 + 0.1 * torch.rand(len(batch["seed"]), 1)
        loss = (self.net(x) - 2 * x).square().mean()
        self.device.backward(loss)
        self.device.update(self.optimizers["net"])
        return {"loss": loss.detach()}

    def sample(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        grey = torch.zeros(len(batch["seed"]), 3, 8, 8)
        return {"target": grey, "output": grey + self.net.weight.detach()[0, 0].clamp(-1, 1)}

    def validate(self, batch: dict[str, Tensor]) -> dict[str, float]:
        self.validated.append(batch["seed"])
        return {"error": float((self.net.weight.detach() - 2).abs())}


@pytest.fixture(autouse=True)
def empty() -> None:
    Doubler.seen.clear()
    Doubler.validated.clear()


def with_doubler() -> i2i.Registry:
    """All installed plugins and the trainer above."""
    return i2i.load_registry().resolve("trainer", Doubler)[1]


def test_seeds_are_whole_numbers_that_validation_never_shares(tmp_path: Path) -> None:
    i2i.train(Doubler, out=tmp_path / "run", quiet=True)
    assert [len(each) for each in Doubler.seen] == [4] * 4
    trained, validated = torch.cat(Doubler.seen), torch.cat(Doubler.validated)
    assert trained.dtype == validated.dtype == torch.int64
    assert len(trained.unique()) == 16
    assert not set(trained.tolist()) & set(validated.tolist())
    assert len(validated.unique()) >= 16


def test_a_run_without_dataset_is_named_after_its_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = i2i.train(Doubler, quiet=True)
    assert run.folder == Path("runs/doubler-001")
    assert run.options["run"]["dataset"] is None
    assert (run.folder / "samples" / "step_000004_val.png").is_file()
    assert "best" in {path.name for path in (run.folder / "checkpoints").iterdir()}
    (row,) = json.loads(cli("runs", "list", "--json").stdout)["runs"]
    assert row["dataset"] is None
    assert "doubler" in cli("runs", "list").stdout


def test_a_resumed_run_without_dataset_continues_exactly(tmp_path: Path) -> None:
    whole = i2i.train(Doubler, out=tmp_path / "whole", quiet=True, steps=6)
    i2i.train(Doubler, out=tmp_path / "parts", quiet=True, steps=3)
    resumed = i2i.train(Doubler, resume=tmp_path / "parts", quiet=True, steps=6)
    first, second = (load_file(run.checkpoint(6)) for run in (whole, resumed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("given", [{"dataset": "facades"}, {"flip": False}, {"data_root": "x"}, {"epochs": 2.0}])
def test_settings_of_a_dataset_are_refused_without_one(tmp_path: Path, given: dict[str, Any]) -> None:
    flag = f"--{next(iter(given)).replace('_', '-')}"
    with pytest.raises(i2i.UsageError, match=f"'doubler' makes its samples itself: leave {flag} out"):
        i2i.train(Doubler, out=tmp_path / "run", quiet=True, **given)


def test_options_of_a_run_without_dataset_serve_as_a_config_file(tmp_path: Path) -> None:
    run = i2i.train(Doubler, out=tmp_path / "run", quiet=True, seed=3)
    config = read_config(run.folder / "options.json")
    again = i2i.train(Doubler, out=tmp_path / "again", quiet=True, **config)
    assert again.options["run"] == run.options["run"]
    assert torch.equal(again.sole_network()["weight"], run.sole_network()["weight"])
    larger = i2i.train(Doubler, out=tmp_path / "larger", quiet=True, **{**config, "size": 32})
    assert larger.options["run"]["size"] == 32
    with pytest.raises(i2i.UsageError, match="leave --flip out"):
        i2i.train(Doubler, out=tmp_path / "flip", quiet=True, **config, flip=True)


def test_next_command_prefers_the_folder_of_the_run_to_an_option(tmp_path: Path) -> None:
    class Named(Doubler):
        name = "named"
        next_command = "i2i double {run} --word {word} {{}}"

        class Options(i2i.Options):
            run: str = "an option"
            word: str = "two words"

    registry = i2i.load_registry().resolve("trainer", Named)[1]
    result = CliRunner().invoke(build(registry), ["train", "named", "--out", str(tmp_path / "x")])
    assert f"next: i2i double {tmp_path / 'x'} --word 'two words' {{}}" in result.stdout


@pytest.mark.parametrize("command", ["i2i x {nothing}", "i2i x {run", "i2i x {}", "i2i x {run:d}", "i2i x {run.name}"])
def test_next_command_is_checked_before_the_training(tmp_path: Path, command: str) -> None:
    broken = type("Broken", (Doubler,), {"name": "broken", "next_command": command})
    with pytest.raises(i2i.I2IError, match=r"'broken'.* next_command is .*: braces may hold only run or the name"):
        i2i.train(broken, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_other_trainers_still_need_a_dataset() -> None:
    with pytest.raises(i2i.UsageError, match="Say what to train on"):
        i2i.train("pix2pix", quiet=True)


def test_a_run_without_dataset_predicts_and_evaluates_nothing(tmp_path: Path) -> None:
    run = i2i.train(Doubler, out=tmp_path / "run", quiet=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    for call in (
        lambda: predict(run.folder, [tmp_path / "x.png"], tmp_path / "out", registry=with_doubler()),
        lambda: evaluate(run.folder, registry=with_doubler()),
        lambda: export(run.folder, "onnx", tmp_path / "x.onnx", registry=with_doubler()),
    ):
        with pytest.raises(i2i.UsageError, match="for doubler makes its samples itself"):
            call()


def test_export_writes_the_network_of_a_run_without_dataset(tmp_path: Path) -> None:
    run = i2i.train(Doubler, out=tmp_path / "run", quiet=True)
    header = export(run.folder, "safetensors", tmp_path / "net.safetensors", registry=with_doubler())
    assert header["network"] == "net"
    assert header["dataset"] is None
    assert torch.equal(load_file(tmp_path / "net.safetensors")["weight"], run.sole_network()["weight"])


def test_sole_network_is_averaged_and_refuses_several(tmp_path: Path) -> None:
    run = i2i.train(Doubler, out=tmp_path / "run", quiet=True, steps=20, ema=0.9, checkpoint_every=20)
    tensors = load_file(run.checkpoint(20))
    assert not torch.equal(tensors["average.weight"], tensors["net.weight"])
    assert torch.equal(run.sole_network()["weight"], tensors["average.weight"])
    options = {"levels": 3, "width": 4, "discriminator_width": 4, "patch": 16, "size": 32}
    two = i2i.train(
        *("pix2pix",), out=tmp_path / "two", dataset="facades", source="synthetic", steps=1, quiet=True, **options
    )
    with pytest.raises(i2i.I2IError, match="holds the networks discriminator, generator"):
        two.sole_network()


def test_help_of_a_trainer_without_dataset_leaves_its_options_out(cli: Callable[..., Any]) -> None:
    without, other = (cli("train", name, "--help").stdout for name in ("encoder", "pix2pix"))
    for flag in ("--dataset ", "--data-root", "--flip", "--overfit", "--dataset-options"):
        assert flag not in without, flag
        assert flag in other, flag
    refused = cli("train", "encoder", "--generator", "demo-faces", "--dataset", "facades")
    assert refused.exit_code == 2
    assert "No such option" in refused.stderr


def test_the_command_ends_with_what_the_trainer_names_next(tmp_path: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "doubler.py").write_text(
        Path(__file__).read_text(encoding="utf-8").split("\n\n@pytest.fixture")[0], encoding="utf-8"
    )
    done = cli("train", str(tmp_path / "doubler.py"), "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.stderr
    assert f"next: i2i double {tmp_path / 'run'}" in done.stdout
    assert "samples that the trainer makes on cpu" in done.stderr
