"""`i2i export` and its function: the file answers like the run and says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import i2i
from i2i.cli import export as export_command
from i2i.inference import export
from tests.helpers.made_run import SIZE, MadeRun, call


def test_safetensors_hold_the_generator_and_say_what_it_is(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path
) -> None:
    from safetensors import safe_open

    path = tmp_path / "deep" / "net.safetensors"
    done = call(
        export_command, registry, run.folder, "--format", "safetensors", "--out", path, "--set", "gain=2", "--json"
    )
    assert done.exit_code == 0, done.output
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["i2i"])
        assert sorted(file.keys()) == ["0.bias", "0.weight"]
        assert file.get_tensor("0.weight")[0, 0].item() == -2
    assert header == {key: value for key, value in json.loads(done.stdout).items() if key in header}
    assert (header["trainer"], header["options"], header["size"], header["direction"], header["step"]) == (
        ("mirror", {"gain": 2.0}, SIZE, "AtoB", 7)
    )
    assert header["network"] == "generator" and len(header["sha256"]) == 64


def test_hash_is_of_the_weights_alone() -> None:
    net = nn.Conv2d(3, 4, 3)
    before = export.weights_hash(net.state_dict())
    assert export.weights_hash(net.to(memory_format=torch.channels_last).state_dict()) == before
    with torch.no_grad():
        net.bias[0] += 1e-6
    assert export.weights_hash(net.state_dict()) != before


@pytest.mark.parametrize("test", ["plain", "paper"])
def test_onnx_answers_like_the_run(run: MadeRun, registry: i2i.Registry, tmp_path: Path, test: str) -> None:
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    header = export.export(run.folder, "onnx", path, registry=registry, settings={"test": test})
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (found,) = session.run(None, {"input": x.numpy()})
    assert run.trainer is not None
    if test == "paper":  # dropout is the one thing the file leaves out
        run.trainer.networks["generator"][2].p = 0.0
    expected = torch.cat([run.trainer.sample({"input": picture[None]}) for picture in x])
    assert np.abs(found - expected.numpy()).max() < 1e-4
    (kept,) = onnx.load(path).metadata_props
    assert json.loads(kept.value)["sha256"] == header["sha256"]


def test_missing_onnx_says_how_to_install_it(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = call(export_command, registry, run.folder, "--format", "onnx", "--out", tmp_path / "net.onnx")
    assert done.exit_code == 1 and "pip install 'i2i[onnx]'" in done.stderr
    assert not (tmp_path / "net.onnx").exists()


def test_a_failure_leaves_the_old_file(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "net.safetensors"
    path.write_text("old")
    monkeypatch.setattr("i2i.inference.export._write_safetensors", full)
    done = call(export_command, registry, run.folder, "--format", "safetensors", "--out", path)
    assert done.exit_code == 1 and "disk is full" in done.stderr
    assert path.read_text() == "old" and [file.name for file in tmp_path.glob(".*")] == []
