"""A real run of pix2pix, small and short, through every command that works on runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import i2i
from i2i.cli import build
from i2i.runtime.device import TorchDevice
from i2i.training.runs import open_run


def call(*args: str | Path) -> str:
    done = CliRunner().invoke(build(i2i.load_registry()), [str(arg) for arg in args])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pairs of shade and its negative."""
    base = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 5)):
        (base / "set" / split).mkdir(parents=True)
        for index in range(count):
            a = np.kron(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
            Image.fromarray(np.concatenate([a, 255 - a], axis=1)).save(base / "set" / split / f"{index}.png")
    small = "--size 64 --steps 20 --rate 0.01 --width 4 --discriminator-width 4 --device cpu --precision fp32"
    call("train", "pix2pix", "--dataset", "folder", "--data-root", base / "set", "--out", base / "run", *small.split())
    return base / "run"


def test_evaluate(trained: Path) -> None:
    args = ["evaluate", trained, "--device", "cpu", "--json"]
    found = json.loads(call(*args))
    assert (found["pictures"], found["source"], found["step"]) == (5, "real", 20)
    assert list(found["metrics"]) == ["l1", "lpips", "psnr", "ssim"]
    assert 0.05 < found["metrics"]["l1"] < 0.8 and 0.1 < found["metrics"]["lpips"] < 1.5
    assert json.loads(call(*args))["metrics"] == found["metrics"]
    paper = json.loads(call(*args, "--metrics", "l1", "--set", "test=paper"))["metrics"]
    assert paper["l1"] != found["metrics"]["l1"]


def test_predict_equals_what_the_trainer_samples(trained: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "labels.png")
    call("predict", trained, tmp_path / "labels.png", "--out", tmp_path / "out", "--device", "cpu")
    device = TorchDevice("cpu")
    trainer, _ = open_run(trained).load_trainer(i2i.load_registry(), device)
    expected = (trainer.sample({"input": device.put(picture[None])})[0] + 1) * 127.5
    result = np.asarray(Image.open(tmp_path / "out" / "labels.png")).transpose(2, 0, 1)
    assert result.std() > 5
    assert np.abs(result - expected.numpy()).max() <= 0.51


@pytest.mark.parametrize("test", ["plain", "paper"])
def test_onnx_answers_like_the_run(trained: Path, tmp_path: Path, test: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    call("export", trained, "--format", "onnx", "--out", path, "--set", f"test={test}")
    trainer, _ = open_run(trained).load_trainer(i2i.load_registry(), TorchDevice("cpu"), settings={"test": test})
    for layer in next(iter(trainer.networks.values())).modules():
        if isinstance(layer, torch.nn.Dropout):  # the one thing the file leaves out
            layer.p = 0.0
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = torch.cat([trainer.sample({"input": one}) for one in x.split(1)])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": x.numpy()})
    assert expected.std() > 0.05
    assert np.abs(found - expected.numpy()).max() < 1e-4


def test_safetensors_fill_a_network_again(trained: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    call("export", trained, "--format", "safetensors", "--out", tmp_path / "net.safetensors")
    trainer, _ = open_run(trained).load_trainer(i2i.load_registry(), TorchDevice("cpu"))
    kept = load_file(tmp_path / "net.safetensors")
    state = trainer.networks["generator"].state_dict()
    assert kept.keys() == state.keys() and all(torch.equal(kept[key], state[key]) for key in state)


def test_graph_of_a_run_takes_its_size(trained: Path) -> None:
    found = json.loads(call("graph", trained, "--json"))
    assert found["size"] == 64 and found["layers"][-1]["shape"] == [1, 3, 64, 64]
