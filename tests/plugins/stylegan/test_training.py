"""Whole runs of StyleGAN2's trainer on folders of images."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import i2i
from i2i.testing import registry_of
from i2i.toolkit.files import hash_file
from i2i.toolkit.images import read_image
from i2i_plugins.sample.files import sample
from i2i_plugins.stylegan.training.options import StyleGAN2Options
from i2i_plugins.stylegan.training.trainer import StyleGAN2Trainer

TINY = {"size": 16, "channel_base": 64, "channel_max": 8, "latent": 16, "batch": 4}
RUN = {**TINY, "dataset": "folder", "device": "cpu", "precision": "fp32", "workers": 0, "quiet": True}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def registry() -> i2i.Registry:
    return registry_of(plugins=["stylegan", "folder", "edges2shoes"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Discs on a ground, all in one pair of colours, in images of two shapes."""
    rng = np.random.default_rng(0)
    (tmp_path / "mine" / "more").mkdir(parents=True)
    for number in range(12):
        height, width = (24, 40) if number % 2 else (24, 24)
        y, x = np.mgrid[:height, :width]
        disc = np.hypot(y - rng.integers(8, 16), x - width / 2) < rng.integers(4, 9)
        image = np.where(disc[..., None], (230, 200, 40), (20, 40, 160)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "mine" / ("more" if number % 3 else "") / f"{number}.png")
    return tmp_path / "mine"


@pytest.fixture
def train(folder: Path, tmp_path: Path, registry: i2i.Registry):
    def run(out: str, **options: Any):
        given = {**RUN, "data_root": str(folder), "registry": registry, **options}
        return i2i.train("stylegan2", out=tmp_path / out, **given)

    return run


def test_train_on_folder(train, registry: i2i.Registry) -> None:
    run = train("run", steps=6, checkpoint_every=3, sample_every=3)
    assert run.summary()["status"] == "done" and run.options["data"]["pairs"] == 12
    assert {"ema": 0.998, "load_size": 16, "flip": True}.items() <= run.options["run"].items()
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 6 and {"loss/g", "loss/d", "loss/r1", "loss/pl", "loss/p", "loss/sign"} <= lines[0].keys()
    assert sorted(path.name for path in (run.folder / "samples").iterdir()) == [
        "step_000003_train.png",
        "step_000006_train.png",
    ]
    assert read_image(run.folder / "samples" / "step_000006_train.png").std() > 10
    made, step = run.load_trainer(registry, i2i.choose_device("cpu", "fp32"))
    tensors = load_file(run.checkpoint(6))
    key = "synthesis.b16.conv1.weight"
    assert step == 6 and torch.equal(made.generator().network.state_dict()[key], tensors[f"average.{key}"])


def test_sample_grid_names_the_weights(train, registry: i2i.Registry, tmp_path: Path) -> None:
    run = train("run", steps=2)
    sample(run.folder, tmp_path / "sheet.png", [0, 1], device="cpu", registry=registry)
    with Image.open(tmp_path / "sheet.png") as sheet:
        about = json.loads(sheet.info["i2i"])
    assert (about["generator"], about["step"]) == ("run", 2) and about["sha256"] == hash_file(run.checkpoint(2))


def test_training_learns_the_mean_colour(train, registry: i2i.Registry, folder: Path) -> None:
    """The generator's mean colour is grey at first and goes to that of the images."""
    quick = {"rate": 5e-3, "gamma": 0.05, "path_length": 0, "channel_max": 16, "augment": "none", "ema": 0.9}
    run = train("run", steps=80, checkpoint_every=80, **quick)
    made, _ = run.load_trainer(registry, i2i.choose_device("cpu", "fp32"))
    device = i2i.choose_device("cpu", "fp32")
    device.seed(0, 0)
    fresh = StyleGAN2Trainer(StyleGAN2Options(**{**TINY, "channel_max": 16}), device)
    real = torch.stack(
        [torch.tensor(read_image(path)).float().mean((0, 1)) / 127.5 - 1 for path in folder.rglob("*.png")]
    ).mean(0)
    asked = {"input": torch.zeros(32, 3, 16, 16)}
    before, after = ((each.sample(asked).mean((0, 2, 3)) - real).abs().mean() for each in (fresh, made))
    assert after < 0.5 * before


def test_resumed_run_with_penalties_and_ada_equals_whole_run(train, tmp_path: Path, registry: i2i.Registry) -> None:
    """Steps 5 to 9 come after the cut: with a turn of each penalty's mean, and of p, whose statistics are half full."""
    options = {"augment": "ada", "ada_kimg": 0.1, "ada_target": 0.0, "checkpoint_every": 3, "sample_every": 9}
    whole = train("whole", steps=18, **options)
    cut = train("cut", steps=7, **options)
    i2i.train("stylegan2", resume=cut.folder, steps=18, registry=registry, quiet=True)
    one, other = (load_file(run.checkpoint(18)) for run in (whole, cut))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    states = [run.read_state(18)["trainer"] for run in (whole, cut)]
    assert states[0]["steps"] == states[1]["steps"] == 18
    assert torch.equal(states[0]["augment"]["p"], states[1]["augment"]["p"]) and states[0]["augment"]["p"] > 0
    assert torch.equal(states[0]["path_mean"], states[1]["path_mean"]) and states[0]["path_mean"] > 0
    lines = [[json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()] for run in (whole, cut)]
    told = [[{key: value for key, value in line.items() if "/" in key} for line in each] for each in lines]
    assert told[0] == told[1], "the losses that are told are the same too"


def test_train_on_synthetic_photos_of_pairs(registry: i2i.Registry, tmp_path: Path) -> None:
    options = {**RUN, "dataset": "edges2shoes", "steps": 1, "overfit": 4}
    run = i2i.train("stylegan2", out=tmp_path / "run", registry=registry, **options)
    assert run.options["run"]["source"] == "drawn" and run.summary()["status"] == "done"


def test_usage_errors(train, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    cases = {
        "--size 48 cannot be trained: give one of 16, 32, 64, 128, 256, 512, 1024": {"size": 48},
        "empty holds no image": {"data_root": str(tmp_path / "empty")},
        "there is no option 'gama'. Did you mean 'gamma'": {"gama": 1},
        "--channel-max is -1, but it should be greater than or equal to 0": {"channel_max": -1},
    }
    for message, options in cases.items():
        with pytest.raises(i2i.I2IError) as caught:
            train("never", steps=1, **options)
        assert message in str(caught.value) and "\n" not in str(caught.value)


def test_train_in_two_processes(folder: Path, tmp_path: Path) -> None:
    config = {key: value for key, value in RUN.items() if key != "quiet"}
    (tmp_path / "config.yaml").write_text(json.dumps({**config, "data_root": str(folder), "steps": 5, "ada_kimg": 0.1}))
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "i2i"]
    command = [*launch, "train", "stylegan2", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "two")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    run = i2i.open_run(tmp_path / "two")
    assert run.summary()["status"] == "done" and run.options["device"]["processes"] == 2
    assert all(math.isfinite(value) for value in run.summary()["losses"].values())
